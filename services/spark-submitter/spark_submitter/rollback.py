"""A rollback needs no job: its decision carries the snapshots of the run it goes back to."""

from tidemark.errors import TypedStop
from tidemark.events import CuratedTable, LakeCurated, SnapshotCommitted
from tidemark_lake.decisions import TABLE_KINDS, DecidedTable, Decision


def rolled_back(event: SnapshotCommitted, newest: Decision | None, target: Decision | None, seconds: float) -> Decision:
    """The decision that sets every table to what the target left; one that the target never had gets none.

    TypedStop: the run to go back to is unknown.
    """
    if target is None or newest is None:
        raise TypedStop(f"{event.run_id} goes back to run {event.to_seq}, of which the lake has no decision")
    tables = {name: target.tables.get(name, _nothing(newest.tables[name])) for name in newest.tables | target.tables}
    curated = LakeCurated(
        dataset=event.dataset,
        run_id=event.run_id,
        run_seq=event.run_seq,
        kind=event.kind,
        generation=event.generation,
        decision=event.run_seq,
        tables=[_told(name, table) for name, table in tables.items()],
        committed_at_ms=event.committed_at_ms,
        seconds=seconds,
        to_seq=target.number,
    )
    return Decision(
        number=event.run_seq,
        dataset=event.dataset,
        run_id=event.run_id,
        run_seq=event.run_seq,
        kind=event.kind,
        generation=event.generation,
        attempt="",
        tables=tables,
        curated=curated,
    )


def _nothing(table: DecidedTable) -> DecidedTable:
    return DecidedTable(source_snapshot=None, source_uuid=table.source_uuid, snapshots=dict.fromkeys(TABLE_KINDS))


def _told(name: str, table: DecidedTable) -> CuratedTable:
    return CuratedTable(
        table=name,
        read=0,
        released=0,
        accepted=0,
        repeated=0,
        held=0,
        quarantined=0,
        flagged=0,
        changes_snapshot=None,
        current_snapshot=table.snapshots["current"],
        max_ts_ms=None,
    )
