"""The first page: how each dataset is, what is wrong and what to do about it."""

from console.records import DatasetLine, Freshness, Overview, Standing, Trouble
from console.state import KeptHalt, KeptRun, State
from console.views.alerts import open_alerts
from console.views.letters import open_letters
from console.views.runs import failed_stage, failure, is_over, line, newest_first, status_of
from tidemark.events import MartsBuilt, Severity
from tidemark.tables import Registry, registry

GRAVEST: tuple[Severity, ...] = ("critical", "warning", "info")
PAUSED = "rolled back"  # how the watcher begins the reason of a pause that somebody asked for


def overview(state: State, now_ms: int, known: Registry | None = None) -> Overview:
    """Every dataset of the registry, in its order."""
    known = known or registry()
    return Overview(
        at_ms=now_ms,
        behind=state.behind,
        datasets=[
            dataset_line(state, name, known.datasets[name].agreed_age_seconds, now_ms) for name in known.datasets
        ],
        open_alerts=len(open_alerts(state)),
        dead_letters=len(open_letters(state)),
        damaged=len(state.damaged),
    )


def dataset_line(state: State, dataset: str, agreed_seconds: int, now_ms: int) -> DatasetLine:
    """One dataset as it stands."""
    found = newest_first(run for run in state.runs.values() if run.dataset == dataset)
    last, done = next(iter(found), None), next(filter(is_over, found), None)
    halts = [halt for halt in state.halts.values() if halt.dataset == dataset]
    halted = [halt for halt in halts if halt.halted]
    watched = state.datasets.get(dataset)
    stopped = watched.halted if watched else None
    fresh = freshness(found, agreed_seconds, now_ms)
    return DatasetLine(
        dataset=dataset,
        standing=_standing(last, done, halted, stopped, fresh),
        freshness=fresh,
        last_run=line(last) if last else None,
        last_done=line(done) if done else None,
        generation=max((run.generation for run in found), default=watched.generation if watched else 0),
        halted_at=[halt.stage for halt in halted],
        paused=stopped,
        parked=sum(len(halt.parked) for halt in halts),
        pending=watched.pending if watched else [],
        wrong=_wrong(state, dataset, last, halted, stopped, fresh),
    )


def freshness(found: list[KeptRun], agreed_seconds: int, now_ms: int) -> Freshness:
    """How old the newest commit is that stands in the marts, by the runs of one dataset."""
    commits = [run.committed_at_ms for run in found if MartsBuilt.stage in run.done and run.committed_at_ms]
    newest = max(commits, default=None)
    age = None if newest is None else max(0, now_ms - newest) / 1000
    return Freshness(committed_at_ms=newest, age_seconds=age, agreed_seconds=agreed_seconds)


def is_stale(fresh: Freshness) -> bool:
    """Whether the marts are older than agreed; marts in which nothing stands are not."""
    return fresh.age_seconds is not None and fresh.age_seconds > fresh.agreed_seconds


def _standing(
    last: KeptRun | None, done: KeptRun | None, halted: list[KeptHalt], stopped: str | None, fresh: Freshness
) -> Standing:
    if halted or (last is not None and failed_stage(last)):
        return "halted"
    if stopped:
        return "paused" if stopped.startswith(PAUSED) else "halted"
    if last is None:
        return "empty"
    if done is not None and done.status == "DIVERGED":
        return "diverged"
    if done is not None and done.status == "STALLED":
        return "stalled"
    if is_stale(fresh):
        return "stale"
    return "ok" if is_over(last) else "working"


def _wrong(
    state: State, dataset: str, last: KeptRun | None, halted: list[KeptHalt], stopped: str | None, fresh: Freshness
) -> list[Trouble]:
    found = [_halt(halt, dataset) for halt in halted]
    if last is not None and not halted and (stage := failed_stage(last)) and (failed := failure(last, stage)):
        what = f"run {last.run_seq} failed at {stage}: {failed.message}"
        do = f"mend the cause, then `tidemark resume --dataset {dataset}`"
        found.append(Trouble(what=what, do=do, severity="critical", since_ms=failed.at_ms, run_id=last.run_id))
    if stopped and not found:
        found.append(_stopped(stopped, dataset))
    if is_stale(fresh):
        found.append(_stale(fresh, dataset))
    if last is not None and last.status in ("DIVERGED", "STALLED"):
        what = f"the comparison says {status_of(last)}"
        do = "read the reconciliation report: it names the rows, the likely cause and the repair"
        found.append(Trouble(what=what, do=do, severity="critical", run_id=last.run_id))
    found += [
        Trouble(
            what=f"{alert.title}: {alert.detail}" if alert.detail else alert.title,
            do="see the alert; its detail names the remedy",
            severity=alert.severity,
            since_ms=alert.opened_ms,
            run_id=alert.run_id,
            incident=alert.incident,
        )
        for alert in open_alerts(state)
        if alert.dataset == dataset
    ]
    return sorted(found, key=lambda trouble: (GRAVEST.index(trouble.severity), -(trouble.since_ms or 0)))


def _halt(halt: KeptHalt, dataset: str) -> Trouble:
    return Trouble(
        what=f"halted at {halt.stage} with {len(halt.parked)} event(s) parked: {halt.reason}",
        do=f"mend the cause, then `tidemark resume --dataset {dataset}`",
        severity="critical",
        since_ms=halt.since_ms,
        run_id=next((parked.run_id for parked in halt.parked.values()), None),
    )


def _stopped(stopped: str, dataset: str) -> Trouble:
    paused = stopped.startswith(PAUSED)
    return Trouble(
        what=f"no new runs: {stopped}",
        do=f"`tidemark resume --dataset {dataset}`" + ("" if paused else " once the cause is mended"),
        severity="info" if paused else "critical",
    )


def _stale(fresh: Freshness, dataset: str) -> Trouble:
    return Trouble(
        what=f"the marts are {(fresh.age_seconds or 0) / 60:.0f} min old, {fresh.agreed_seconds / 60:.0f} are agreed",
        do=f"see whether the source still commits; `tidemark publish --dataset {dataset}` cuts at once",
        severity="warning",
        since_ms=None if fresh.committed_at_ms is None else fresh.committed_at_ms + fresh.agreed_seconds * 1000,
    )
