"""The runs in a list."""

from collections.abc import Iterable

from console.records import RunLine, Runs
from console.state import Failed, KeptRun, State
from tidemark.events import CHAIN, LakeCurated, LayersReconciled, SnapshotCommitted

STAGES = [event.stage for event in CHAIN]
FIRST, LAST = SnapshotCommitted.stage, LayersReconciled.stage
MOST = 500


def runs(state: State, dataset: str | None = None, status: str | None = None, limit: int = 50, offset: int = 0) -> Runs:
    """A page of runs, the newest first. `status`: a word that the run's status begins with ("failed", "at", ...)."""
    found = newest_first(run for run in state.runs.values() if dataset in (None, run.dataset))
    if status:
        found = [run for run in found if status_of(run).startswith(status)]
    page = found[offset : offset + min(limit, MOST)]
    return Runs(runs=[line(run) for run in page], total=len(found), offset=offset)


def newest_first(found: Iterable[KeptRun]) -> list[KeptRun]:
    """By when they began; runs of which only a later stage is known by that one."""
    return sorted(found, key=lambda run: (began_ms(run) or 0, run.run_seq, run.run_id), reverse=True)


def line(run: KeptRun) -> RunLine:
    """The run as one line."""
    ended = run.done.get(LAST)
    return RunLine(
        run_id=run.run_id,
        dataset=run.dataset,
        run_seq=run.run_seq,
        kind=run.kind,
        generation=run.generation,
        status=status_of(run),
        began_ms=began_ms(run),
        ended_ms=ended.first_ms if ended else None,
        seconds=(ended.first_ms - run.committed_at_ms) / 1000 if ended and run.committed_at_ms else None,
        committed_at_ms=run.committed_at_ms,
        rows=run.done[LakeCurated.stage].rows if LakeCurated.stage in run.done else 0,
        held=run.held,
        quarantined=run.quarantined,
        requested_by=run.requested_by,
        trace_id=run.trace_id,
    )


def began_ms(run: KeptRun) -> int | None:
    """When the run was cut, or the first that is known of it."""
    if FIRST in run.done:
        return run.done[FIRST].first_ms
    times = [done.first_ms for done in run.done.values()] + [failed.at_ms for failed in run.failed.values()]
    return min(times, default=None)


def status_of(run: KeptRun) -> str:
    """`failed at <stage>`, the reconciliation's word, or `at <stage>`."""
    stage = failed_stage(run)
    if stage is not None:
        return f"failed at {stage}"
    return run.status or f"at {at_work(run)}"


def failed_stage(run: KeptRun) -> str | None:
    """The stage whose failure stands: none once it has done its work after all."""
    return next((stage for stage in run.failed if failure(run, stage)), None)


def failure(run: KeptRun, stage: str) -> Failed | None:
    """A stage's failure, if it has not done its work since."""
    failed, done = run.failed.get(stage), run.done.get(stage)
    return failed if failed is not None and (done is None or failed.at_ms > done.at_ms) else None


def at_work(run: KeptRun) -> str:
    """The stage after the last one that is done; the last stage, when all are."""
    last = max((STAGES.index(stage) for stage in run.done), default=-1)
    return STAGES[min(last + 1, len(STAGES) - 1)]


def is_over(run: KeptRun) -> bool:
    """Whether nothing more is to come: the last stage is done."""
    return LAST in run.done and failed_stage(run) is None
