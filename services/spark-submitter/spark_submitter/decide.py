"""From a run's outcome to the decision that publishes it, with the event that tells of it."""

from collections.abc import Mapping, Sequence

from tidemark.errors import TypedStop
from tidemark.events import CuratedTable, LakeCurated, SnapshotCommitted
from tidemark_lake.decisions import TABLE_KINDS, DecidedTable, Decision


def decide(
    event: SnapshotCommitted,
    attempt: str,
    tables: Mapping[str, DecidedTable],
    told: Sequence[CuratedTable],
    seconds: float,
    spark: Mapping[str, int] | None = None,
) -> Decision:
    """The run's decision: every table's snapshots, and what the event says of each."""
    curated = LakeCurated(
        dataset=event.dataset,
        run_id=event.run_id,
        run_seq=event.run_seq,
        kind=event.kind,
        generation=event.generation,
        decision=event.run_seq,
        tables=list(told),
        committed_at_ms=event.committed_at_ms,
        seconds=seconds,
        spark=dict(spark or {}),
        to_seq=event.to_seq,
        asked=event.asked,
    )
    return Decision(
        number=event.run_seq,
        dataset=event.dataset,
        run_id=event.run_id,
        run_seq=event.run_seq,
        kind=event.kind,
        generation=event.generation,
        attempt=attempt,
        tables=dict(tables),
        curated=curated,
    )


def roll_back(event: SnapshotCommitted, newest: Decision | None, target: Decision | None, seconds: float) -> Decision:
    """A rollback needs no job: every table is set to what the target left; one that the target never had gets none.

    TypedStop: the run to go back to is unknown.
    """
    if target is None or newest is None:
        raise TypedStop(f"{event.run_id} goes back to run {event.to_seq}, of which the lake has no decision")
    tables = {name: target.tables.get(name, _without_rows(table)) for name, table in newest.tables.items()}
    tables |= {name: table for name, table in target.tables.items() if name not in tables}
    told = [CuratedTable(table=name, current_snapshot=table.snapshots["current"]) for name, table in tables.items()]
    return decide(event, "", tables, told, seconds)


def _without_rows(table: DecidedTable) -> DecidedTable:
    return DecidedTable(source_snapshot=None, source_uuid=table.source_uuid, snapshots=dict.fromkeys(TABLE_KINDS))
