"""The command `audit`: what was done to lake and warehouse, by whom, in which run."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from tidemark.settings import SnowflakeSettings, load
from tidemark.tables import registry
from tidemark_cli import render
from tidemark_cli.chain import find, known_dataset

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

console = Console()


class AuditRow(NamedTuple):
    """A row of OPS.AUDIT; `at` is UTC, `run_id` None outside a run."""

    at: datetime
    run_id: str | None
    actor: str
    action: str
    object: str
    detail: str | None


def audit(
    dataset: Annotated[str | None, typer.Option(help="Only this dataset.")] = None,
    run: Annotated[str | None, typer.Option(help="Only this run: its id, or DATASET#SEQ.")] = None,
    search: Annotated[str | None, typer.Option(help="Only rows in which all these words stand, anywhere.")] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many rows, the newest.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for other programs, the newest first.")] = False,
) -> None:
    """What was done to lake and warehouse: schema changes, loads, publications, what was taken back."""
    # here, because the client's import would make every other command slower
    from tidemark_warehouse import connect

    run_id = find(run).run_id if run and "#" in run else run
    known = known_dataset(dataset) if dataset else None
    session = connect(load(SnowflakeSettings), "tidemark audit")
    try:
        rows = audit_rows(session, known, run_id)
    finally:
        session.close()
    rows = [row for row in rows if has_words(row, search)]
    newest = rows[-limit:] if limit else rows
    if as_json:
        typer.echo(json.dumps({"found": len(rows), "rows": [_told(row) for row in reversed(newest)]}))
        return
    for table in audit_tables(newest):
        console.print(table)
    if not rows:
        console.print("nothing there")


def has_words(row: AuditRow, search: str | None) -> bool:
    """Whether each word stands somewhere in the row, in large or small letters."""
    text = " ".join(str(value) for value in row if value is not None).casefold()
    return all(word in text for word in (search or "").casefold().split())


def _told(row: AuditRow) -> dict[str, Any]:
    at_ms = round(row.at.replace(tzinfo=UTC).timestamp() * 1000)
    return {"at_ms": at_ms, **{name: value for name, value in row._asdict().items() if name != "at"}}


def audit_rows(session: "SnowflakeConnection", dataset: str | None, run_id: str | None) -> list[AuditRow]:
    """The rows of one dataset, of one run, or all, oldest first. Retryable if the warehouse is away."""
    from tidemark_warehouse import execute
    from tidemark_warehouse.sql import load as statements

    tables = registry().datasets[dataset].tables if dataset else []
    objects = [dataset or "", *(f"RAW.{table.upper()}" for table in tables)]
    values = {"dataset": dataset, "run_id": run_id, "objects": objects}
    return [AuditRow(*row) for row in execute(session, statements("tidemark_cli")["audit_rows"], values)]


def audit_tables(rows: list[AuditRow]) -> Iterator[Table]:
    """A table for the rows of each run and day, in their order."""
    for (run_id, day), found in groupby(rows, key=lambda row: (row.run_id, row.at.date())):
        table = render.new_table(f"{render.safe(run_id or 'outside a run')}  {day}")
        for name in ("UTC", "who", "what", "object", "detail"):
            table.add_column(name, overflow="fold", no_wrap=name in ("UTC", "who"))
        for row in found:
            cells = (row.actor, row.action, row.object, row.detail or "")
            table.add_row(f"{row.at:%H:%M:%S}", *(render.safe(cell) for cell in cells))
        yield table
