"""Where the watcher stands by what the lake has decided, whatever else is lost. Pure.

The newest decision knows the generation, the requests that are done, and whether the dataset was rolled back; what
the watcher remembers beside it is only a cache.
"""

from msgspec.structs import replace

from tidemark.events import SnapshotCommitted, WatcherState
from tidemark_lake.decisions import Decision


def caught_up(state: WatcherState, decision: Decision | None) -> WatcherState:
    """The state with what is decided and not remembered: a newer generation, its pause, requests that are done."""
    if decision is None:
        return state
    pending = [r for r in state.pending if r.request_id not in decision.requests]
    if decision.generation <= state.generation:
        return replace(state, pending=pending)
    pause = paused(decision.curated.to_seq) if decision.kind == "rollback" else state.halted
    return replace(state, generation=decision.generation, halted=pause, failed_run_id=None, pending=pending)


def overtaken(state: WatcherState, decision: Decision | None) -> SnapshotCommitted | None:
    """The rebuild or rollback made last, with the next number, if a run of an older generation took its place.

    It passed a run that had failed, and that was brought back all the same and decided first: nobody has done it.
    """
    last = state.last
    if last is None or decision is None or decision.generation >= last.generation or is_under_way(state, decision):
        return None
    return replace(last, run_seq=decision.number + 1)


def is_under_way(state: WatcherState, decision: Decision | None) -> bool:
    """Whether the last cut still waits for its decision; it holds the next one back.

    One whose request an earlier run has done is superseded, and will never have its own.
    """
    last = state.last
    if last is None or (decision is not None and last.request_id in decision.requests):
        return False
    return last.generation == state.generation and last.run_seq > number_of(decision)


def paused(to_seq: int | None) -> str:
    """Why a dataset that was rolled back makes no new cut."""
    return f"rolled back to run {to_seq}; it stays so until `tidemark resume`"


def generation_of(state: WatcherState, decision: Decision | None) -> int:
    """The dataset's generation, whichever of the two knows it."""
    return max(state.generation, decision.generation if decision else 0)


def number_of(decision: Decision | None) -> int:
    """The newest decision's number, 0 before the first."""
    return decision.number if decision else 0
