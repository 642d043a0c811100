"""Maintenance takes its turn like any run: asked for by a person, or due after so many runs."""

import hashlib

from tidemark.errors import TypedStop
from tidemark.events import RunRequested, SnapshotCommitted, TableCut
from tidemark_lake.decisions import Decision


def due(dataset: str, newest: Decision | None, every_runs: int) -> RunRequested | None:
    """The schedule's request, the same however often it is made; none while nothing is due. 0: never."""
    if newest is None or every_runs == 0 or newest.number % every_runs or newest.kind == "maintain":
        return None
    request_id = f"schedule/{dataset}/maintain/{newest.number}"
    return RunRequested(dataset=dataset, request_id=request_id, kind="maintain", requested_by="schedule")


def maintenance_run(asked: RunRequested, newest: Decision | None, generation: int, now_ms: int) -> SnapshotCommitted:
    """The run that compacts and expires. It reads no source, so its request names it. TypedStop: no tables yet."""
    if newest is None:
        raise TypedStop(f"{asked.dataset} has no curated tables yet")
    tables = [
        TableCut(table=name, from_snapshot=table.source_snapshot, to_snapshot=table.source_snapshot)
        for name, table in newest.tables.items()
    ]
    name = hashlib.sha256(asked.request_id.encode()).hexdigest()[:12]
    return SnapshotCommitted(
        dataset=asked.dataset,
        run_id=f"{asked.dataset}-maintain-g{generation}-{name}",
        run_seq=newest.number + 1,
        kind="maintain",
        generation=generation,
        tables=tables,
        committed_at_ms=now_ms,
        request_id=asked.request_id,
    )
