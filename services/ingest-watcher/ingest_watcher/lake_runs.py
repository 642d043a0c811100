"""Runs over what the lake holds already: maintenance, and a person's decision about rows in quarantine.

They take their turn like any run. Maintenance is asked for by a person, or due after so many runs.
"""

import hashlib

from tidemark.errors import TypedStop
from tidemark.events import Kind, RunRequested, SnapshotCommitted, TableCut
from tidemark_lake.decisions import Decision

LAKE_KINDS: tuple[Kind, ...] = ("maintain", "replay", "drop")


def due(dataset: str, newest: Decision | None, every_runs: int, after_rows: int) -> RunRequested | None:
    """The schedule's request once so many runs or rows have come since the last maintenance; 0: never by that count.

    It is the same however often it is made.
    """
    if newest is None:
        return None
    waits = newest.unmaintained
    if not (0 < every_runs <= waits.runs or 0 < after_rows <= waits.rows):
        return None
    request_id = f"schedule/{dataset}/maintain/{newest.number}"
    return RunRequested(dataset=dataset, request_id=request_id, kind="maintain", requested_by="schedule")


def lake_run(asked: RunRequested, newest: Decision | None, generation: int, now_ms: int) -> SnapshotCommitted:
    """The run that was asked for. It has no cut, so its request names it. TypedStop: the lake has no such table."""
    if newest is None:
        raise TypedStop(f"{asked.dataset} has no curated tables yet")
    if asked.selection is not None and asked.selection.table not in newest.tables:
        raise TypedStop(f"{asked.dataset} has no table {asked.selection.table}; it has {', '.join(newest.tables)}")
    tables = [
        TableCut(
            table=name,
            from_snapshot=table.source_snapshot,
            to_snapshot=table.source_snapshot,
            to_schema=table.source_schema,
        )
        for name, table in newest.tables.items()
    ]
    kind = next(kind for kind in LAKE_KINDS if kind == asked.kind)
    name = hashlib.sha256(asked.request_id.encode()).hexdigest()[:12]
    return SnapshotCommitted(
        dataset=asked.dataset,
        run_id=f"{asked.dataset}-{kind}-g{generation}-{name}",
        run_seq=newest.number + 1,
        kind=kind,
        generation=generation,
        tables=tables,
        committed_at_ms=now_ms,
        asked=asked,
    )
