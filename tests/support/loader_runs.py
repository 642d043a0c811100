"""Runs for the loader's contract: published into a bench (loader_benches.py), or made up piece by piece."""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from loader.ports import Ports
from tidemark.events import CuratedTable, Kind, LakeCurated
from tidemark_lake.decisions import DecidedTable, Decision, MemoryDecisions

Row = dict[str, Any]
TABLES = ("users", "products", "orders", "order_items")


class Bench(Protocol):
    """A lake and a warehouse in which runs can be published, files damaged, and rows counted."""

    decisions: MemoryDecisions

    def ports(self) -> Ports:
        """A loader of its own, as another process would have it."""

    def append(self, table: str, rows: Sequence[Row]) -> tuple[int, list[str]]:
        """Append rows to `<table>_changes`; the snapshot and its files."""

    def put_back(self, path: str, rows: Sequence[Row] | None, table: str) -> None:
        """Replace a file's content by stealth; None removes the file."""

    def append_files(self, table: str, run_id: str, run_seq: int, count: int) -> tuple[int, list[str]]:
        """Append so many files of one row each to `<table>_changes`; the snapshot and its files."""

    def rows(self, table: str, run_id: str | None = None) -> int:
        """Committed rows of RAW."""

    def expire(self, table: str, snapshot: int) -> None:
        """`<table>_changes` lets go of a snapshot."""

    def set_back(self, table: str, snapshot: int) -> None:
        """`<table>_changes` is set back to a snapshot."""

    def files(self, table: str) -> int:
        """Files of which RAW holds a row."""

    def ledger(self, run_id: str) -> int:
        """Committed ledger rows of a run."""

    def audit(self, run_id: str) -> list[tuple[str, str]]:
        """What the audit tells of a run: (action, object), in order of the alphabet."""


def rows_of(run_id: str, run_seq: int, count: int, **values: Any) -> list[Row]:
    """Rows with the columns that every changes table has."""
    own = {
        "_op": "c",
        "_lsn": 5,
        "_ts_ms": 6,
        "_source_ts": None,
        "_flags": None,
        "_run_id": run_id,
        "_run_seq": run_seq,
    }
    return [{"id": number, **values, **own} for number in range(1, count + 1)]


def publish(
    bench: Bench, run_seq: int, counts: dict[str, int], generation: int = 0, kind: Kind = "process"
) -> LakeCurated:
    """Append a run's rows to the changes tables; the event that tells of it."""
    run_id = f"ecommerce-{kind}-g{generation}-{run_seq}"
    tables = []
    for table in TABLES:
        count = counts.get(table, 0)
        snapshot = bench.append(table, rows_of(run_id, run_seq, count))[0] if count else None
        tables.append(part_of(table, count, snapshot, 6 if count else None))
    return decided(bench, curated(run_id, run_seq, tables, generation, kind))


def publish_rollback(bench: Bench, run_seq: int, to_seq: int, generation: int) -> LakeCurated:
    """The event of a rollback to a run, as the lake tells of it: no rows, no changes."""
    tables = [part_of(table, 0, None, None) for table in TABLES]
    event = curated(f"ecommerce-rollback-g{generation}-{run_seq}", run_seq, tables, generation, "rollback")
    return decided(bench, msgspec.structs.replace(event, to_seq=to_seq))


def decided(bench: Bench, event: LakeCurated) -> LakeCurated:
    """The event, which the lake's decision of its number now holds."""
    about = {name: getattr(event, name) for name in ("dataset", "run_id", "run_seq", "kind", "generation")}
    stands_on = event.to_seq if event.kind == "rollback" else event.run_seq - 1
    before = bench.decisions.get(event.dataset, stands_on or 0)
    tables = {
        part.table: DecidedTable(
            source_snapshot=None,
            source_uuid="",
            snapshots={"changes": part.changes_snapshot or _changes_of(before, part.table)},
        )
        for part in event.tables
    }
    bench.decisions.put(Decision(number=event.run_seq, attempt="1", tables=tables, curated=event, **about))
    return event


def _changes_of(decision: Decision | None, table: str) -> int | None:
    found = decision.tables.get(table) if decision else None
    return found.snapshots["changes"] if found else None


def part_of(table: str, count: int, snapshot: int | None, max_ts_ms: int | None) -> CuratedTable:
    """What the lake says of one table in which every row read was accepted."""
    nothing = dict.fromkeys(("released", "repeated", "held", "quarantined", "flagged"), 0)
    return CuratedTable(
        table=table,
        read=count,
        accepted=count,
        changes_snapshot=snapshot,
        current_snapshot=None,
        max_ts_ms=max_ts_ms,
        **nothing,
    )


def curated(
    run_id: str, seq: int, tables: list[CuratedTable], generation: int = 0, kind: Kind = "process"
) -> LakeCurated:
    """The event of a run."""
    return LakeCurated(
        dataset="ecommerce",
        run_id=run_id,
        run_seq=seq,
        kind=kind,
        generation=generation,
        decision=seq,
        tables=tables,
        committed_at_ms=1,
        seconds=0.1,
    )


def held(bench: Bench) -> dict[str, int]:
    """Committed rows per table."""
    return {table: bench.rows(table) for table in TABLES}
