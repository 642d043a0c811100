"""Commands that read the lake: rows that wait, and rows that were refused."""

import json
from collections import Counter
from typing import Annotated, Any

import typer
from pyiceberg.catalog import Catalog
from rich.console import Console
from rich.table import Table as RichTable

from tidemark.events import Selection
from tidemark.settings import LakeSettings, load
from tidemark.tables import Table, registry
from tidemark_cli import render
from tidemark_cli.chain import Reason, Wait, ask, asking
from tidemark_lake.catalog import load_table, open_catalog
from tidemark_lake.standing import curated_name

Row = dict[str, Any]
console = Console()
TableName = Annotated[str | None, typer.Argument(help="Only this table.", metavar="TABLE")]
Key = Annotated[str | None, typer.Argument(help="Only rows of this key (its columns joined by '|').", metavar="KEY")]
Limit = Annotated[int, typer.Option(help="At most so many rows.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON, for other programs.")]


def held(table: TableName = None, key: Key = None, limit: Limit = 50, as_json: Json = False) -> None:
    """Rows that wait for a parent: counts by reason, one table's rows, or one key's rows whole."""
    if as_json:
        typer.echo(json.dumps(told("held", table, key, limit)))
        return
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
    as_json: Json = False,
) -> None:
    """Rows that break a rule: counts by rule, one table's rows, or one key's rows whole, as they came.

    With --replay or --drop the table's rows (of the key, by the rule) are decided about, in a run of their own.
    """
    if not (replay or drop):
        if as_json:
            typer.echo(json.dumps(told("quarantined", table, key, limit, rule)))
        else:
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


def told(kind: str, name: str | None, key: str | None, limit: int, rule: str | None = None) -> dict[str, Any]:
    """The same for other programs: `counts` by table and rule with the runs that brought them, or a table's `rows`."""
    catalog = open_catalog(load(LakeSettings).catalog_properties())
    if name is None:
        fields = ("_rule", "_run_seq")
        found = {table: _rows(catalog, table, kind, fields) for table in registry().tables}
        return {"kind": kind, "counts": [line for table, rows in found.items() for line in counted(table, rows)]}
    contract = _contract(name)
    rows = [row for row in _rows(catalog, name, kind) if rule in (None, row["_rule"])]
    rows = [row for row in rows if key in (None, key_of(row, contract, kind))]
    return {
        "kind": kind,
        "table": name,
        "dataset": contract.dataset,
        "rows": [_told(row, contract, kind) for row in rows[:limit]],
        "more": max(0, len(rows) - limit),
    }


def counted(table: str, rows: list[Row]) -> list[dict[str, Any]]:
    """A table's rows by rule: how many, since which run, and the newest run that brought one."""
    runs: dict[str, list[int]] = {}
    for row in rows:
        runs.setdefault(str(row["_rule"]), []).append(int(row["_run_seq"]))
    dataset = registry().tables[table].dataset
    return [
        {
            "dataset": dataset,
            "table": table,
            "rule": rule,
            "rows": len(seqs),
            "since_run_seq": min(seqs),
            "newest_run_seq": max(seqs),
        }
        for rule, seqs in sorted(runs.items())
    ]


def _told(row: Row, contract: Table, kind: str) -> dict[str, Any]:
    values = {name: None if value is None else str(value) for name, value in row.items()}
    about = {"rule": str(row["_rule"]), "reason": str(row["_reason"]), "run_seq": int(row["_run_seq"])}
    return {"key": key_of(row, contract, kind), **about, "values": values}


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
    known = registry()
    loaded = load_table(catalog, curated_name(known, known.tables[table].dataset, table, kind))
    return [] if loaded is None else list(loaded.scan(selected_fields=fields).to_arrow().to_pylist())
