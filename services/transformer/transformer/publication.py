"""The steps of one publication on Snowflake: shape of the published tables, whose turn it is, differences.

snowflake.py calls them in this order: `whose_turn`, `shape_tables` and `find_differing` before BEGIN, because DDL
commits, the others inside.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec
from snowflake.connector import SnowflakeConnection, errors

from tidemark.errors import Invalid, NotMyTurn, Superseded, TypedStop
from tidemark.events import MartsBuilt
from tidemark_warehouse import Sql, Transaction, execute, load, names, render, widens
from transformer.ports import Model, Position, Publication

Relation = tuple[str, str]
Say = Callable[[Model, str], None]
Ask = Callable[[str, dict[str, Any]], Sequence[tuple[Any, ...]]]
_sql = load("transformer")
_warehouse = load("tidemark_warehouse")


def relation(schema: str, table: str) -> Relation:
    """The name under which the catalog knows a table."""
    return (schema.upper(), table.upper())


def columns(session: SnowflakeConnection) -> dict[Relation, dict[str, str]]:
    """Columns and their types by (schema, table), in order."""
    found: dict[Relation, dict[str, str]] = {}
    for schema, table, column, kind in execute(session, _sql["columns"]):
        found.setdefault((str(schema), str(table)), {})[str(column)] = str(kind)
    return found


def shape_tables(
    session: SnowflakeConnection, build_schema: str, tables: Sequence[Model], say: Say
) -> tuple[dict[str, Sql], bool]:
    """Bring the published tables to the build's shape; the build's columns, as a list, by model, and did one widen?

    Each change is said before it is made: DDL commits, and a crash in between must not leave one that the audit lacks.
    """
    found = columns(session) if tables else {}
    lists, widened = {}, False
    for model in tables:
        built = found[relation(build_schema, model.name)]
        there = found.get(relation(model.published_schema, model.name))
        published, build = (model.published_schema, model.name), (build_schema, model.name)
        lists[model.name] = names(built)
        if there is None:
            cluster = Sql(f"CLUSTER BY ({names(model.cluster_by)})") if model.cluster_by else Sql("")
            say(model, f"created with {len(built)} columns")
            execute(session, render(_sql["create_published"], published=published, build=build, cluster=cluster))
            continue
        for column, kind in built.items():
            if column not in there:
                say(model, f"add column {column} {kind}")
                alter(session, "add_column", published, column, kind)
            elif widens(there[column], kind):
                say(model, f"widen column {column}: {there[column]} -> {kind}")
                alter(session, "widen_column", published, column, kind)
                widened = True
    return lists, widened


def follow_raw(session: SnowflakeConnection, build_schema: str, models: Sequence[Model]) -> bool:
    """Widen the columns of the build's clones that have become wider in RAW: a merge keeps its target's types.

    Whether any was widened.
    """
    found = columns(session) if models else {}
    widened = False
    for model in models:
        there = found[relation(build_schema, model.name)]
        for table in model.raw:
            for column, kind in found[relation("raw", table)].items():
                if column in there and widens(there[column], kind):
                    alter(session, "widen_column", (build_schema, model.name), column, kind)
                    widened = True
    return widened


def alter(session: SnowflakeConnection, statement: str, table: Relation, column: str, kind: str) -> None:
    """One change of one column; `kind` as the catalog spells it."""
    execute(session, render(_warehouse[statement], table=table, column=column, type=Sql(kind)))


def audit_ddl(session: SnowflakeConnection, run_id: str, now: datetime, model: Model, change: str) -> None:
    """An audit row of what DDL did to a published table or view; DDL commits, so this does too."""
    target = ".".join(relation(model.published_schema, model.name))
    said = {"actor": "transformer", "action": "ddl", "object": target, "detail": change, "at": now}
    execute(session, _warehouse["audit"], {**said, "run_id": run_id})


def take_turn(work: Transaction, publication: Publication) -> MartsBuilt | None:
    """Take the lock; then as whose_turn."""
    touched = work.update(_sql["take_lock"], {"dataset": publication.window.dataset})
    if touched != 1:
        raise _broken_lock(publication.window.dataset, touched)
    return whose_turn(work.execute, publication)


def whose_turn(ask: Ask, publication: Publication) -> MartsBuilt | None:
    """The kept receipt if this run is published already; raises if it is not its turn. Final only under the lock."""
    named = {"dataset": publication.window.dataset, "run_id": publication.run_id}
    position = to_position(ask(_sql["position"], named), named["dataset"])
    if position.generation > publication.generation:
        raise Superseded(f"the marts of {named['dataset']} went to generation {position.generation} meanwhile")
    kept = to_receipt(ask(_sql["receipt"], named))
    if kept is None and position != publication.base:
        raise NotMyTurn(f"the marts of {named['dataset']} went to run {position.run_seq} meanwhile")
    return kept


def find_differing(session: SnowflakeConnection, build_schema: str, model: Model, column_list: Sql) -> None:
    """Keep, beside the build's table, the keys at which the published table is not equal to it.

    What is found before BEGIN holds in the transaction: it ends without a change if anybody has published meanwhile.
    """
    sides = _relations(build_schema, model)
    execute(session, render(_sql["differing_keys"], **sides, key=names(model.key), columns=column_list))


def publish_table(work: Transaction, build_schema: str, model: Model, column_list: Sql) -> int:
    """Make one table equal to the build's; how many rows changed (a changed row is taken out and put in)."""
    sides, key = _relations(build_schema, model), names(model.key)
    removed = work.update(render(_sql["remove_differing"], **sides, key=key))
    return max(removed, work.update(render(_sql["insert_differing"], **sides, key=key, columns=column_list)))


def to_position(rows: Sequence[tuple[Any, ...]], dataset: str) -> Position:
    """The lock's row as a position; TypedStop unless there is exactly one."""
    if len(rows) != 1:
        raise _broken_lock(dataset, len(rows))
    return Position(int(rows[0][0]), int(rows[0][1]), bool(rows[0][2]))


def to_receipt(rows: Sequence[tuple[str, ...]]) -> MartsBuilt | None:
    """The ledger's receipt, if there is a row."""
    return msgspec.json.decode(rows[0][0], type=MartsBuilt) if rows else None


def has_columns(there: Mapping[str, str] | None, wanted: Sequence[str]) -> bool:
    """Whether a table is there with all these columns."""
    return there is not None and all(column.upper() in there for column in wanted)


@contextmanager
def refusals(what: str) -> Iterator[None]:
    """`what` the warehouse refuses for good (to publish a type that changed) needs a person."""
    try:
        yield
    except errors.ProgrammingError as error:
        raise Invalid(f"{what}: {error}") from error


def _relations(build_schema: str, model: Model) -> dict[str, tuple[str, str]]:
    return {
        "published": (model.published_schema, model.name),
        "build": (build_schema, model.name),
        "differing": (build_schema, f"{model.name}__differing"),
    }


def _broken_lock(dataset: str, rows: int) -> TypedStop:
    return TypedStop(f"OPS.PUBLISH_LOCK has {rows} rows of {dataset} instead of one: run `tidemark init`, then resume")
