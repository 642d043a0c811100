"""lake.curated -> raw.loaded: RAW gets exactly the rows that this run's snapshots of the changes tables added, once.

What makes it exactly once is the ledger row, written in the transaction that copies the files and read under the
table's lock. A run is loaded after the one before it; runs that this RAW never saw (a warehouse attached later, runs
that a rebuild passed by) are loaded first, from the lake's decisions. A rollback takes back what later runs loaded.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TypeVar

from msgspec import Struct

from loader.audited import audited
from loader.ports import CopyError, Decisions, Lake, LedgerEntry, LockedTable, Position, Warehouse
from tidemark import telemetry
from tidemark.errors import Invalid, NotMyTurn, Retryable, Superseded, TypedStop
from tidemark.events import CuratedTable, LakeCurated, LoadedTable, RawLoaded
from tidemark.failpoints import failpoint
from tidemark_lake.files import DataFile

T = TypeVar("T")
_GRAVEST_FIRST = (Invalid, Superseded, Retryable)


class Ports(Struct, frozen=True):
    """The world as the loader sees it; `clock` counts seconds."""

    lake: Lake
    warehouse: Warehouse
    decisions: Decisions
    clock: Callable[[], float] = time.monotonic


def load(event: LakeCurated, ports: Ports) -> RawLoaded:
    """Load the run's tables side by side; the receipts are the ledger's, so that a repeat says the same."""
    # all before any is loaded: a table whose lock is made later counts as new, and begins at the run that brings it
    positions = {t.table: ports.warehouse.prepare(event.dataset, t.table, event.run_id) for t in event.tables}
    _check_generation(event, positions)
    done = {receipt.table for receipt in ports.warehouse.receipts(event.dataset, event.run_id)}
    side_by_side([partial(_bring_up, event, t, positions[t.table], ports) for t in event.tables if t.table not in done])
    failpoint("loader.after-commit")
    return _loaded(event, ports.warehouse)


def missed_runs(event: LakeCurated, position: Position, decisions: Decisions) -> list[LakeCurated]:
    """The runs between RAW's position and this one: RAW is new, a newer generation passed them by, or we died here.

    What a rollback among them, or this one, takes back is not brought first: it may be what could not be loaded.
    The lock row cannot tell these apart: the first missed run already carries this event's generation. NotMyTurn if
    the lake does not know a run that will still come, TypedStop if nothing will bring it.
    """
    begun = position.run_seq > 0 and position.generation >= event.generation
    found: list[LakeCurated] = []
    number = _before(event)
    while number > position.run_seq:
        decision = decisions.get(event.dataset, number)
        if decision is None and begun:
            raise NotMyTurn(f"RAW is at run {position.run_seq}; {event.run_id} is run {event.run_seq}")
        if decision is None:
            raise TypedStop(
                f"RAW has never seen run {number} of {event.dataset}, and the lake has no decision of it: begin with "
                "an empty RAW and ledger and replay the dataset's lake.curated events that are still wanted"
            )
        found.append(decision.curated)
        number = _before(decision.curated)
    return found[::-1]


def _before(run: LakeCurated) -> int:
    """The run on which this one stands."""
    if run.kind != "rollback":
        return run.run_seq - 1
    if run.to_seq is None:
        raise TypedStop(f"{run.run_id} is a rollback that does not say to which run; ask for another")
    return run.to_seq


def load_table(run: LakeCurated, table: CuratedTable, generation: int, ports: Ports) -> LoadedTable:
    """One table of one run in one transaction; the stored receipt if the run is there already.

    `generation` is that of the event being handled. Superseded if the table has seen a newer one, NotMyTurn if the
    run before is missing, TypedStop if the lake and RAW do not agree on a file.
    """
    started = ports.clock()
    files = _files(run, table, ports.lake)  # before the lock is taken: the lake may be slow, or away
    with ports.warehouse.locked(table.table) as raw:
        stored = _done_before(raw, run, table.table, generation)
        if stored is not None:
            raw.roll_back()
            return stored
        rows = _change(raw, run, table.table, files, ports.lake)
        failpoint("loader.after-copy")
        receipt = LoadedTable(
            table=table.table,
            rows=rows,
            files=len(files),
            bytes=sum(file.bytes for file in files),
            seconds=round(ports.clock() - started, 3),
        )
        raw.record(
            LedgerEntry(
                dataset=run.dataset,
                run_id=run.run_id,
                run_seq=run.run_seq,
                generation=generation,
                receipt=receipt,
                max_ts_ms=table.max_ts_ms,
                audited=audited(run, table),
            )
        )
        failpoint("loader.before-commit")
    return receipt


def side_by_side(works: Sequence[Callable[[], T]]) -> list[T]:
    """Run all at once in threads of this trace; their results in order, or the gravest error once all have ended."""
    with ThreadPoolExecutor(max_workers=max(1, len(works)), thread_name_prefix="loader") as pool:
        futures = [pool.submit(copy_context().run, work) for work in works]
    errors = [error for error in (future.exception() for future in futures) if error is not None]
    if errors:
        raise min(errors, key=_gravity)
    return [future.result() for future in futures]


def _gravity(error: BaseException) -> int:
    """A crash before everything, an outage after everything."""
    return next((place + 1 for place, family in enumerate(_GRAVEST_FIRST) if isinstance(error, family)), 0)


def _bring_up(event: LakeCurated, table: CuratedTable, position: Position, ports: Ports) -> None:
    for run in [*missed_runs(event, position, ports.decisions), event]:
        # a run that was made before the table was known has no part of it
        part = next((t for t in run.tables if t.table == table.table), CuratedTable(table=table.table))
        load_table(run, part, event.generation, ports)


def _done_before(raw: LockedTable, run: LakeCurated, table: str, generation: int) -> LoadedTable | None:
    """The run's receipt if it is in the ledger; raises if it is not this run's turn."""
    position = raw.position
    if position.generation > generation:
        raise _superseded(run, table, position)
    stored = raw.receipt(run.run_id)
    if stored is not None:
        return stored
    if position.run_seq >= run.run_seq:
        raise TypedStop(
            f"RAW.{table} is at run {position.run_seq} of {run.dataset} but its ledger does not know {run.run_id} "
            f"(run {run.run_seq}): lake and warehouse do not belong together; begin with an empty RAW and ledger"
        )
    if position.run_seq < _before(run):
        raise NotMyTurn(f"RAW.{table} is at run {position.run_seq}; {run.run_id} is run {run.run_seq}")
    return None


def _check_generation(event: LakeCurated, positions: Mapping[str, Position]) -> None:
    """A glance before the work; what counts is read again under the lock."""
    for table, position in positions.items():
        if position.generation > event.generation:
            raise _superseded(event, table, position)


def _superseded(run: LakeCurated, table: str, position: Position) -> Superseded:
    return Superseded(f"RAW.{table} is at generation {position.generation}, {run.run_id} is of {run.generation}")


def _files(run: LakeCurated, table: CuratedTable, lake: Lake) -> list[DataFile]:
    if table.changes_snapshot is None:
        return []
    files = lake.added_files(run.dataset, table.table, table.changes_snapshot)
    rows = sum(file.rows for file in files)
    if run.kind == "process" and rows != table.accepted:
        raise TypedStop(
            f"{run.run_id} accepted {table.accepted} rows of {table.table}, but its snapshot {table.changes_snapshot} "
            f"added {rows}: the snapshot is not this run's; look at the decision, then resume or ask for a rebuild"
        )
    return files


def _change(raw: LockedTable, run: LakeCurated, table: str, files: Sequence[DataFile], lake: Lake) -> int:
    """Take the run's rows in, or take back what came after the run that it goes back to; rows loaded."""
    if run.kind != "rollback":
        return _copy(raw, run, table, files, lake)
    to_seq = _before(run)
    with telemetry.span("take back", table=table, run_seq=run.run_seq, to_seq=to_seq):
        raw.take_back(run.run_id, to_seq)
    return 0


def _copy(raw: LockedTable, run: LakeCurated, table: str, files: Sequence[DataFile], lake: Lake) -> int:
    """Copy the files and hold every file's rows against the lake's manifest; the sum."""
    expected = {file.path: file.rows for file in files}
    totals = {"files": len(files), "rows": sum(expected.values()), "bytes": sum(file.bytes for file in files)}
    with telemetry.span("copy into", table=table, run_seq=run.run_seq, **totals):
        try:
            loaded = raw.replace(run.run_id, run.run_seq, files)
        except CopyError as refusal:
            gone = lake.missing(run.dataset, table, files)
            if refusal.unreadable and not gone:
                raise Retryable(f"RAW.{table}: the warehouse cannot read what the lake holds: {refusal}") from refusal
            reason = f"the lake has lost {', '.join(gone)}" if gone else str(refusal)
            raise TypedStop(
                f"RAW.{table} cannot take {run.run_id}: {reason}. Restore or correct the file, then resume"
            ) from refusal
    if wrong := _differences(expected, loaded):
        raise TypedStop(
            f"RAW.{table} took other rows than the lake holds: {wrong}. Nothing was kept; resume tries again"
        )
    return sum(loaded.values())


def _differences(expected: Mapping[str, int], loaded: Mapping[str, int]) -> str:
    paths = sorted(path for path in {*expected, *loaded} if expected.get(path) != loaded.get(path))
    said = [f"{path} has {expected.get(path, 0)} rows, loaded {loaded.get(path, 0)}" for path in paths[:5]]
    return "; ".join(said) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")


def _loaded(event: LakeCurated, warehouse: Warehouse) -> RawLoaded:
    receipts = {receipt.table: receipt for receipt in warehouse.receipts(event.dataset, event.run_id)}
    unseen = [table.table for table in event.tables if table.table not in receipts]
    if unseen:
        raise Retryable(f"the ledger does not show {event.run_id} of {', '.join(unseen)} yet")
    tables = [receipts[table.table] for table in event.tables]
    return RawLoaded(
        dataset=event.dataset,
        run_id=event.run_id,
        run_seq=event.run_seq,
        kind=event.kind,
        generation=event.generation,
        tables=tables,
        max_ts_ms=max((t.max_ts_ms for t in event.tables if t.max_ts_ms is not None), default=None),
        committed_at_ms=event.committed_at_ms,
        seconds=max((table.seconds for table in tables), default=0.0),
    )
