"""Commands that read the lake: rows that wait or were refused, and how to read the tables as a run left them."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from pyiceberg.catalog import Catalog
from rich.console import Console
from rich.table import Table as RichTable

from tidemark.events import LakeCurated, Selection
from tidemark.settings import LakeSettings, load
from tidemark.tables import Table, registry
from tidemark_cli import render
from tidemark_cli.chain import Reason, Wait, ask, asking, find, read_runs
from tidemark_cli.runs import Run
from tidemark_lake.catalog import load_table, open_catalog
from tidemark_lake.decisions import Decision, DecisionStore
from tidemark_lake.objects import Folder, s3_client
from tidemark_warehouse import Sql
from tidemark_warehouse import load as load_sql
from tidemark_warehouse import render as render_sql

Row = dict[str, Any]
console = Console()
_sql = load_sql("tidemark_cli")
TableName = Annotated[str | None, typer.Argument(help="Only this table.", metavar="TABLE")]
Key = Annotated[str | None, typer.Argument(help="Only rows of this key (its columns joined by '|').", metavar="KEY")]
Limit = Annotated[int, typer.Option(help="At most so many rows.")]


def held(table: TableName = None, key: Key = None, limit: Limit = 50) -> None:
    """Rows that wait for a parent: counts by reason, one table's rows, or one key's rows whole."""
    _show("held", table, key, limit)


def quarantine(
    table: TableName = None,
    key: Key = None,
    rule: Annotated[str | None, typer.Option(help="Only rows that this rule refused.")] = None,
    limit: Limit = 50,
    replay: Annotated[bool, typer.Option("--replay", help="Judge the rows again, by today's rules.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Let the rows go.")] = False,
    reason: Reason = "",
    wait: Wait = False,
) -> None:
    """Rows that break a rule: counts by rule, one table's rows, or one key's rows whole, as they came.

    With --replay or --drop the table's rows (of the key, by the rule) are decided about, in a run of their own.
    """
    if not (replay or drop):
        _show("quarantined", table, key, limit, rule)
        return
    if table is None or (replay and drop) or (drop and not reason):
        raise typer.BadParameter("name a TABLE and one of --replay and --drop; --drop needs a --reason")
    selection = Selection(table=table, keys=[key] if key else [], rule=rule)
    ask(asking(_contract(table).dataset, "drop" if drop else "replay", selection=selection, reason=reason), wait)


def _contract(name: str) -> Table:
    if name not in registry().tables:
        raise typer.BadParameter(f"no table {name!r}; there are {', '.join(registry().tables)}")
    return registry().tables[name]


def _show(kind: str, name: str | None, key: str | None, limit: int, rule: str | None = None) -> None:
    catalog = open_catalog(load(LakeSettings).catalog_properties())
    if name is None:
        console.print(
            counts_table(kind, {table: _rows(catalog, table, kind, ("_rule",)) for table in registry().tables})
        )
        return
    contract = _contract(name)
    there = [row for row in _rows(catalog, name, kind) if rule in (None, row["_rule"])]
    rows = [row for row in there if key in (None, key_of(row, contract, kind))]
    if key is not None:
        for row in rows[:limit]:
            console.print(*_lines(row), "", sep="\n")
        console.print(f"{len(rows)} row(s) of key {render.safe(key)}")
        return
    console.print(rows_table(kind, contract, rows[:limit]))
    if len(rows) > limit:
        console.print(f"{len(rows) - limit} more; --limit shows them")


def counts_table(kind: str, rows: dict[str, list[Row]]) -> RichTable:
    """A line for each table and rule."""
    shown = render.new_table(f"Rows {kind}")
    for name in ("table", "rule"):
        shown.add_column(name)
    shown.add_column("rows", justify="right")
    for table, found in rows.items():
        for rule, count in sorted(Counter(str(row["_rule"]) for row in found).items()):
            shown.add_row(table, render.safe(rule), f"{count:,}")
    return shown


def rows_table(kind: str, contract: Table, rows: list[Row]) -> RichTable:
    """A line a row: its key, since which run, and why."""
    shown = render.new_table(f"Rows {kind}")
    for name in ("key", "op", "run", "rule", "reason"):
        shown.add_column(name, justify="right" if name == "run" else "left")
    for row in sorted(rows, key=lambda row: int(row["_run_seq"])):
        cells = (key_of(row, contract, kind), row["_op"], row["_run_seq"], row["_rule"], row["_reason"])
        shown.add_row(*(render.safe(cell) for cell in cells))
    return shown


def key_of(row: Row, contract: Table, kind: str) -> str:
    """The row's key as text; a quarantined row keeps it so, for it may be no key."""
    return str(row["_key"]) if kind == "quarantined" else "|".join(str(row[column]) for column in contract.key)


def _lines(row: Row) -> list[str]:
    return [f"{name}: {render.safe(value)}" for name, value in row.items()]


def _rows(catalog: Catalog, table: str, kind: str, fields: tuple[str, ...] = ("*",)) -> list[Row]:
    """The rows that stand on main; none where the table has not been made yet."""
    curated = registry().datasets[registry().tables[table].dataset].curated
    loaded = load_table(catalog, f"{curated}.{table}_{kind}")
    return [] if loaded is None else list(loaded.scan(selected_fields=fields).to_arrow().to_pylist())


def as_of(
    run: Annotated[str, typer.Argument(help="A run's id, DATASET#SEQ, or a time (ISO 8601).", metavar="RUN|TIME")],
) -> None:
    """The queries that read tables as a run left them, or as they stood at a time: Spark, pyiceberg, Snowflake."""
    at_ms = moment(run)
    if at_ms is None:
        _print_queries(find(run))
        return
    found = published_at(read_runs().values(), at_ms)
    if not found:
        raise typer.BadParameter(f"nothing had been published at {run}")
    for one in found:
        console.print(f"-- {one.dataset}: run {one.run_seq} ({one.run_id})", markup=False, highlight=False)
        _print_queries(one)


def moment(text: str) -> int | None:
    """Epoch milliseconds of an ISO 8601 date or time, UTC where it names no zone; None: it is none."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)


def published_at(runs: Iterable[Run], at_ms: int) -> list[Run]:
    """For each dataset the run that its curated tables stood at."""
    stood: dict[str, Run] = {}
    for run in sorted(runs, key=lambda run: run.run_seq):
        if run.first_ms.get(LakeCurated.stage, at_ms + 1) <= at_ms:
            stood[run.dataset] = run
    return list(stood.values())


def _print_queries(found: Run) -> None:
    settings = load(LakeSettings)
    store = DecisionStore(Folder(s3_client(settings.aws_region, settings.s3_endpoint), settings.lake_state))
    decision = store.get(found.dataset, found.run_seq)
    if decision is None or decision.run_id != found.run_id:
        console.print(f"the lake has no decision of {found.run_id}: it has not been published", style="red")
        raise typer.Exit(1)
    built = found.built
    published_ms = found.at_ms.get("transformer") if built and built.to_seq >= found.run_seq else None
    for line in queries(decision, registry().datasets[found.dataset].curated, published_ms):
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def queries(decision: Decision, curated: str, published_ms: int | None) -> list[str]:
    """A query for every table and engine. `published_ms`: when the run's marts were published, epoch ms, if ever."""
    standing = {name: table.snapshots["current"] for name, table in decision.tables.items()}
    there = {f"{curated}.{name}": snapshot for name, snapshot in standing.items() if snapshot is not None}
    lines = ["-- Spark"]
    lines += [_filled("spark", table=Sql(table), snapshot=Sql(str(number))) for table, number in there.items()]
    lines.append("# pyiceberg")
    lines += [f'catalog.load_table("{t}").scan(snapshot_id={number}).to_arrow()' for t, number in there.items()]
    lines.append("-- Snowflake")
    lines += [_filled("raw", table=("raw", name), run_seq=Sql(str(decision.run_seq))) for name in standing]
    if published_ms is not None:
        at = Sql(f"'{datetime.fromtimestamp(published_ms / 1000, UTC).isoformat(timespec='milliseconds')}'")
        lines += [_filled("staging", table=("staging", f"stg_{name}"), at=at) for name in standing]
    return lines


def _filled(name: str, **places: Sql | tuple[str, ...]) -> str:
    *_, query = render_sql(_sql[name], **places).splitlines()
    return f"{query};"
