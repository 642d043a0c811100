"""RAW tables follow the registry: created, new columns added, widened ones widened, dropped ones left to be null, and a
column with a default never null.

`raw_columns` is RAW's shape for a table of the registry; to give every RAW table one more column of tidemark's own,
add it to METADATA. Every change is a sentence for the audit.
"""

from collections.abc import Callable
from functools import partial

from snowflake.connector import SnowflakeConnection

from tidemark.errors import TypedStop
from tidemark.tables import Table
from tidemark_warehouse.connect import Parameters, Row, execute
from tidemark_warehouse.identifiers import Sql, column_type, definitions, names, quote, widens
from tidemark_warehouse.sql import load, render

Ask = Callable[[str, Parameters | None], list[Row]]
METADATA: dict[str, Sql] = {
    "_OP": column_type("string"),
    "_LSN": column_type("long"),
    "_TS_MS": column_type("long"),
    "_SOURCE_TS": column_type("timestamp"),
    "_FLAGS": column_type("string"),
    "_RUN_ID": column_type("string"),
    "_RUN_SEQ": column_type("long"),
    "_FILE_NAME": column_type("string"),
    "_FILE_ROW_NUMBER": column_type("long"),
    "_LOADED_AT": column_type("timestamp"),
}
_FAMILIES = {"TEXT": "VARCHAR", "STRING": "VARCHAR", "TIMESTAMP_NTZ": "TIMESTAMP", "VARCHAR": "VARCHAR"}


def raw_columns(table: Table) -> dict[str, Sql]:
    """RAW's columns, upper case, in order: the contract's, then tidemark's own."""
    return {name.upper(): column_type(column.type) for name, column in table.columns.items()} | METADATA


def create_raw(name: str, table: Table) -> Sql:
    """The statement that makes RAW.<NAME> with its clustering keys, if it is not there."""
    cluster = Sql(f"CLUSTER BY ({names(table.cluster_by)})") if table.cluster_by else Sql("")
    places = {"columns": definitions(raw_columns(table)), "cluster": cluster}
    return render(load("tidemark_warehouse")["create_raw"], table=quote("raw", name), **places)


def follow_registry(connection: SnowflakeConnection, name: str, table: Table, by: Parameters) -> list[str]:
    """Bring RAW.<NAME> to the registry's shape; what was changed, as sentences. DDL: commits by itself.

    Each change is an audit row, written first, so that none is made in silence; `by` is its at, run_id and actor.
    TypedStop, before anything is changed, if a column's type can only be changed by writing the table anew.
    """
    audited = by | {"action": "ddl", "object": f"RAW.{name.upper()}"}
    changes = _changes(connection, name, table, audited)
    for sentence, statement in changes:
        execute(connection, load("tidemark_warehouse")["audit"], audited | {"detail": sentence})
        if statement is not None:
            execute(connection, statement)
    filled: list[str] = []

    def say(sentence: str) -> None:
        execute(connection, load("tidemark_warehouse")["audit"], audited | {"detail": sentence})
        filled.append(sentence)

    fill_defaults(partial(execute, connection), name, table, say)
    return [sentence for sentence, _ in changes] + filled


def fill_defaults(ask: Ask, name: str, table: Table, say: Callable[[str], None]) -> None:
    """Give rows without a value the registry's default, once that is said; a repeat finds none.

    By UPDATE, not by DEFAULT on ADD COLUMN: Snowflake takes that neither with IF NOT EXISTS nor for timestamps, and
    COPY puts null all the same where a file does not know the column.
    """
    statements = load("tidemark_warehouse")
    for column, contract in table.columns.items():
        if contract.default is None:
            continue
        places = {"table": quote("raw", name), "column": column, "type": column_type(contract.type)}
        ((rows,),) = ask(render(statements["count_without"], **places), None)
        if rows:
            say(f"default of {column.upper()}: {rows} rows without a value get {contract.default!r}")
            ask(render(statements["fill_default"], **places), {"value": contract.default})


def _changes(
    connection: SnowflakeConnection, name: str, table: Table, audited: Parameters
) -> list[tuple[str, Sql | None]]:
    """(sentence, its DDL) for all that differs; a column that left the registry stays, and is said once."""
    statements, wanted = load("tidemark_warehouse"), raw_columns(table)
    found = {row[0]: str(row[1]).upper() for row in execute(connection, statements["columns"], {"table": name.upper()})}
    if not found:
        return [(f"created with {len(wanted)} columns", create_raw(name, table))]
    changes: list[tuple[str, Sql | None]] = []
    for column, kind in wanted.items():
        change = _change(found.get(column), kind, f"RAW.{name.upper()}.{column}")
        if change is not None:
            sentence = f"{change.replace('_', ' ')} {column}: {found.get(column, 'none')} -> {kind}"
            changes.append((sentence, render(statements[change], table=quote("raw", name), column=column, type=kind)))
    left = [f"drop column {column}: {found[column]} -> null from now on" for column in found if column not in wanted]
    said = {row[0] for row in execute(connection, statements["said"], audited)} if left else set()
    return changes + [(sentence, None) for sentence in left if sentence not in said]


def _change(found: str | None, wanted: Sql, where: str) -> str | None:
    if found is None:
        return "add_column"
    if widens(found, wanted):
        return "widen_column"
    if widens(wanted, found) or _family(found) == _family(wanted):
        return None
    raise TypedStop(
        f"{where} is {found} but the registry says {wanted}, which no ALTER can do: "
        "rename the old column in RAW (it keeps its history), then resume"
    )


def _family(kind: str) -> str:
    bare = kind if kind.startswith("NUMBER") else kind.split("(")[0]
    return _FAMILIES.get(bare, bare)
