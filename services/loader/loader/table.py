"""One RAW table under its lock: a run's rows taken in once, taken back, or all of the lake's taken anew."""

from collections.abc import Mapping, Sequence

from loader.audited import audited
from loader.ports import CopyError, Lake, LedgerEntry, LockedTable, Ports, Position
from loader.runs import before, missed_runs, part_of
from tidemark import signals, telemetry
from tidemark.errors import NotMyTurn, Retryable, Superseded, TypedStop
from tidemark.events import CuratedTable, LakeCurated, LoadedTable
from tidemark.failpoints import failpoint
from tidemark_lake.files import DataFile


def load_table(run: LakeCurated, part: CuratedTable, generation: int, ports: Ports) -> LoadedTable:
    """One table of one run in one transaction; the stored receipt if the run is there already.

    `generation` is that of the event being handled. Superseded if the table has seen a newer one, NotMyTurn if the
    run before is missing, SnapshotLostError if the lake no longer tells the run's files apart, TypedStop if the lake
    and RAW do not agree on a file.
    """
    started = ports.clock()
    files = _files(run, part, ports.lake)  # before the lock is taken: the lake may be slow, or away
    with ports.warehouse.locked(part.table) as raw:
        stored = _done_before(raw, run, part.table, generation)
        if stored is not None:
            raw.roll_back()
            return stored
        rows = _change(raw, run, part.table, files, ports.lake)
        failpoint("loader.after-copy")
        receipt = _receipt(part.table, rows, files, ports.clock() - started)
        raw.record(_entry(run, part, generation, receipt))
        failpoint("loader.before-commit")
    return receipt


def take_anew(event: LakeCurated, table: str, ports: Ports) -> None:
    """RAW takes all that the newest decision's snapshot of the changes table holds, in place of what it has.

    Every row says itself of which run it is. The runs that RAW missed get their ledger rows, so that their events, late
    or still to come, find their receipts. Raises as `load_table` does.
    """
    newest = ports.decisions.newest(event.dataset)
    if newest is None or newest.generation > event.generation:
        raise Superseded(f"{event.run_id} is of generation {event.generation}, the lake is at a newer one")
    started, snapshot = ports.clock(), newest.tables[table].snapshots["changes"]
    files = [] if snapshot is None else ports.lake.all_files(event.dataset, table, snapshot)
    with ports.warehouse.locked(table) as raw:
        check_generation(raw.position, newest.curated, table, event.generation)
        if raw.receipt(newest.run_id) is not None:
            raw.roll_back()
            return
        runs = [*missed_runs(newest.curated, raw.position, ports.decisions), newest.curated]
        _take_all(raw, runs, table, files, ports.lake)
        failpoint("loader.after-copy")
        for run in runs:
            part = part_of(run, table)
            mine, seconds = (files, ports.clock() - started) if run is newest.curated else ([], 0.0)
            raw.record(_entry(run, part, event.generation, _receipt(table, part.accepted, mine, seconds)))
        failpoint("loader.before-commit")


def _take_all(raw: LockedTable, runs: Sequence[LakeCurated], table: str, files: Sequence[DataFile], lake: Lake) -> None:
    for run in runs:
        if run.kind == "rollback":
            raw.take_back(run.run_id, before(run))
    raw.clear(runs[-1].run_id)
    _copy(raw, runs[-1], table, files, lake)


def _receipt(table: str, rows: int, files: Sequence[DataFile], seconds: float) -> LoadedTable:
    size = sum(file.bytes for file in files)
    return LoadedTable(table=table, rows=rows, files=len(files), bytes=size, seconds=round(seconds, 3))


def _entry(run: LakeCurated, part: CuratedTable, generation: int, receipt: LoadedTable) -> LedgerEntry:
    return LedgerEntry(
        dataset=run.dataset,
        run_id=run.run_id,
        run_seq=run.run_seq,
        generation=generation,
        receipt=receipt,
        max_ts_ms=part.max_ts_ms,
        audited=audited(run, part),
    )


def _done_before(raw: LockedTable, run: LakeCurated, table: str, generation: int) -> LoadedTable | None:
    """The run's receipt if it is in the ledger; raises if it is not this run's turn."""
    position = raw.position
    check_generation(position, run, table, generation)
    stored = raw.receipt(run.run_id)
    if stored is not None:
        return stored
    if position.run_seq >= run.run_seq:
        raise TypedStop(
            f"RAW.{table} is at run {position.run_seq} of {run.dataset} but its ledger does not know {run.run_id} "
            f"(run {run.run_seq}): lake and warehouse do not belong together; begin with an empty RAW and ledger"
        )
    if position.run_seq < before(run):
        raise NotMyTurn(f"RAW.{table} is at run {position.run_seq}; {run.run_id} is run {run.run_seq}")
    return None


def check_generation(position: Position, run: LakeCurated, table: str, generation: int) -> None:
    """Superseded if the table has seen a newer generation than that of the event being handled."""
    if position.generation > generation:
        raise Superseded(f"RAW.{table} is at generation {position.generation}, {run.run_id} is of {run.generation}")


def _files(run: LakeCurated, part: CuratedTable, lake: Lake) -> list[DataFile]:
    if part.changes_snapshot is None:
        return []
    files = lake.added_files(run.dataset, part.table, part.changes_snapshot)
    rows = sum(file.rows for file in files)
    if run.kind == "process" and rows != part.accepted:
        raise TypedStop(
            f"{run.run_id} accepted {part.accepted} rows of {part.table}, but its snapshot {part.changes_snapshot} "
            f"added {rows}: the snapshot is not this run's; look at the decision, then resume or ask for a rebuild"
        )
    return files


def _change(raw: LockedTable, run: LakeCurated, table: str, files: Sequence[DataFile], lake: Lake) -> int:
    """Take the run's rows in, or take back what came after the run that it goes back to; rows loaded."""
    if run.kind != "rollback":
        return _copy(raw, run, table, files, lake)
    to_seq = before(run)
    with telemetry.span(signals.TAKE_BACK, table=table, run_seq=run.run_seq, to_seq=to_seq):
        raw.take_back(run.run_id, to_seq)
    return 0


def _copy(raw: LockedTable, run: LakeCurated, table: str, files: Sequence[DataFile], lake: Lake) -> int:
    """Copy the files and hold every file's rows against the lake's manifest; the sum."""
    expected = {file.path: file.rows for file in files}
    totals = {"files": len(files), "rows": sum(expected.values()), "bytes": sum(file.bytes for file in files)}
    with telemetry.span(signals.COPY_INTO, table=table, run_seq=run.run_seq, **totals):
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
