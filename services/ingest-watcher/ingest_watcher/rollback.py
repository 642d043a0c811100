"""From a request to go back to the run that does it: which decision is meant, and whether it can still be had."""

from collections.abc import Callable

from tidemark.errors import TypedStop
from tidemark.events import RunRequested, SnapshotCommitted, TableCut, run_id_of
from tidemark_lake.decisions import Decision
from tidemark_lake.standing import standing

Decided = Callable[[int], Decision | None]
Lost = Callable[[Decision], list[str]]


def rollback_run(
    asked: RunRequested, newest: Decision | None, generation: int, decided: Decided, lost: Lost, now_ms: int
) -> SnapshotCommitted:
    """The run that takes the dataset back.

    TypedStop: there is no such run, it has been rolled back itself, or its snapshots have been expired.
    """
    target = _standing(asked, newest, decided)
    if gone := lost(target):
        raise TypedStop(
            f"{target.run_id} (run {target.number}) can no longer be had: {', '.join(gone)} let go of its snapshots; "
            "ask for a rollback to a newer run"
        )
    before = newest.tables if newest else {}
    tables = [
        TableCut(table=name, from_snapshot=table.source_snapshot, to_snapshot=_source_snapshot(target, name))
        for name, table in before.items()
    ]
    return SnapshotCommitted(
        dataset=asked.dataset,
        run_id=run_id_of(asked.dataset, "rollback", generation, tables),
        run_seq=(newest.number if newest else 0) + 1,
        kind="rollback",
        generation=generation,
        tables=tables,
        committed_at_ms=now_ms,
        asked=asked,
        to_seq=target.number,
    )


def _standing(asked: RunRequested, newest: Decision | None, decided: Decided) -> Decision:
    """The wanted run's decision, among those that stand."""
    for decision in standing(newest, decided):
        if decision.run_id == asked.to_run_id:
            return decision
    raise TypedStop(
        f"{asked.to_run_id} is no run of {asked.dataset} that stands (unknown, or rolled back itself); "
        f"`tidemark runs --dataset {asked.dataset}` lists them"
    )


def _source_snapshot(target: Decision, table: str) -> int | None:
    found = target.tables.get(table)
    return found.source_snapshot if found else None
