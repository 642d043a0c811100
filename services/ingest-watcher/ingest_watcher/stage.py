"""What the watcher decides: when a dataset's new commits become a run. Pure but for the ports it is given.

One dataset's view is its `WatcherState` (what this watcher has promised) and the lake's newest decision (what has been
published). A cut is made when nothing is under way, nothing is halted, and the source has settled or somebody asked.
A rebuild passes a halt and whatever else is asked, but waits for the source to settle: a full snapshot may be arriving.
A rollback passes them too, and leaves the dataset paused until somebody resumes it.
"""

from msgspec import Struct
from msgspec.structs import replace

from ingest_watcher.cut import busy_since_ms, full_cut, newest_commit_ms, next_cut, oldest_waiting_ms
from ingest_watcher.lake_runs import LAKE_KINDS, due, lake_run
from ingest_watcher.ports import History, Source
from ingest_watcher.position import caught_up, generation_of, is_under_way, number_of, overtaken, paused
from ingest_watcher.rollback import Decided, Lost, rollback_run
from ingest_watcher.told import answer_incident
from tidemark.errors import TypedStop
from tidemark.events import (
    AlertRaised,
    Event,
    Kind,
    RunRequested,
    Severity,
    SnapshotCommitted,
    TableCut,
    WatcherState,
    run_id_of,
)
from tidemark.tables import Registry
from tidemark_lake.decisions import Decision

STAGE = "ingest-watcher"
PASSING = ("rebuild", "rollback")  # they heal what may hold the others
WITHOUT_SOURCE = ("rollback", *LAKE_KINDS)


class Policy(Struct, frozen=True, kw_only=True):
    """When the source counts as settled, in seconds without a commit; the longest that a commit waits; and after how
    many runs or accepted rows maintenance is due (0: only on request).
    """

    settle_seconds: float
    max_wait_seconds: float
    maintain_every_runs: int = 0
    maintain_after_rows: int = 0


def on_poll(
    state: WatcherState,
    decision: Decision | None,
    source: Source,
    registry: Registry,
    policy: Policy,
    now_ms: int,
    decided: Decided,
    lost: Lost,
) -> list[Event]:
    """The events of one look at the source: nothing, a run, or a stop with its alert.

    `decided`: decision by number; `lost`: the curated tables that no longer hold what a decision published.
    """
    known, again = caught_up(state, decision), overtaken(state, decision)
    if known != state:
        return [known]
    if again is not None:
        return [again, replace(state, last=again)]
    asked = _asked(state) or due(state.dataset, decision, policy.maintain_every_runs, policy.maintain_after_rows)
    if _is_held(state, asked, decision):
        return []
    if asked is not None and asked.kind in WITHOUT_SOURCE:
        return _without_source(state, asked, decision, decided, lost, now_ms)
    try:
        return _cut(state, asked, decision, source, registry, policy, now_ms)
    except TypedStop as stop:
        return _stopped(state, asked, decision, str(stop))


def is_idle(state: WatcherState, decision: Decision | None, source: Source, registry: Registry) -> bool:
    """Whether nothing is under way and nothing waits in the source: then only a new pointer or a request matters."""
    try:
        cuts = _cuts(state.dataset, "process", decision, _histories(state.dataset, decision, source, registry))
    except TypedStop:
        return False
    return not is_under_way(state, decision) and not _has_work("process", cuts)


def _asked(state: WatcherState) -> RunRequested | None:
    """The request to be made next: a rebuild or a rollback before all others."""
    passing = next((r for r in state.pending if r.kind in PASSING), None)
    return passing or next(iter(state.pending), None)


def _is_held(state: WatcherState, asked: RunRequested | None, decision: Decision | None) -> bool:
    """A halt holds all but what passes it; a run under way holds that too, unless it failed before its decision."""
    under_way = is_under_way(state, decision)
    if asked is None or asked.kind not in PASSING:
        return state.halted is not None or under_way
    return under_way and state.last is not None and state.failed_run_id != state.last.run_id


def _without(state: WatcherState, asked: RunRequested | None) -> list[RunRequested]:
    """What is pending once this request is done."""
    return [r for r in state.pending if asked is None or r.request_id != asked.request_id]


def _cut(
    state: WatcherState,
    asked: RunRequested | None,
    decision: Decision | None,
    source: Source,
    registry: Registry,
    policy: Policy,
    now_ms: int,
) -> list[Event]:
    kind: Kind = "rebuild" if asked is not None and asked.kind == "rebuild" else "process"
    histories = _histories(state.dataset, decision, source, registry)
    cuts = _cuts(state.dataset, kind, decision, histories)
    if not _has_work(kind, cuts):
        return _nothing_to_do(state, asked) if asked else []
    missing = set(registry.datasets[state.dataset].tables) - set(histories)
    at_once = asked is not None and kind == "process"
    if not at_once and not _settled(kind, cuts, histories, policy, now_ms, complete=not missing):
        return []
    if missing:
        raise TypedStop(
            f"{state.dataset} lacks its source tables {', '.join(sorted(missing))}; create them, then resume"
        )
    run = _run(state, asked, decision, kind, cuts, histories)
    pending = _without(state, asked)
    return [
        run,
        replace(state, generation=run.generation, halted=None, failed_run_id=None, last=run, pending=pending),
    ]


def _without_source(
    state: WatcherState, asked: RunRequested, decision: Decision | None, decided: Decided, lost: Lost, now_ms: int
) -> list[Event]:
    """A run that reads no source: a rollback, and the pause after it, or one of the lake's own.

    One that cannot be made is answered and changes nothing.
    """
    pending, generation = _without(state, asked), generation_of(state, decision)
    try:
        if asked.kind == "rollback":
            run = rollback_run(asked, decision, generation + 1, decided, lost, now_ms)
        else:
            run = lake_run(asked, decision, generation, now_ms)
    except TypedStop as stop:
        title = f"No {asked.kind} run of {state.dataset} was made"
        return [_answer(asked, "critical", title, str(stop)), replace(state, pending=pending)]
    pause = paused(run.to_seq) if run.kind == "rollback" else None
    return [
        run,
        replace(state, generation=run.generation, halted=pause, failed_run_id=None, last=run, pending=pending),
    ]


def _histories(dataset: str, decision: Decision | None, source: Source, registry: Registry) -> dict[str, History]:
    """The commits of the registry's tables; one published and gone is a stop, one never seen may yet come."""
    pointers = source.pointers(dataset)
    published = decision.tables if decision else {}
    gone = [t for t in registry.datasets[dataset].tables if t in published and t not in pointers]
    if gone:
        raise TypedStop(f"{dataset} lost its source tables {', '.join(sorted(gone))}; bring them back, then resume")
    return {t: source.history(dataset, t) for t in registry.datasets[dataset].tables if t in pointers}


def _cuts(dataset: str, kind: Kind, decision: Decision | None, histories: dict[str, History]) -> dict[str, TableCut]:
    published = decision.tables if decision else {}
    if kind == "rebuild":
        return {table: full_cut(table, history, published.get(table)) for table, history in histories.items()}
    cuts = {}
    for table, history in histories.items():
        done = published.get(table)
        base, uuid = (done.source_snapshot, done.source_uuid) if done else (None, None)
        cuts[table] = next_cut(dataset, table, base, uuid, history)
    return cuts


def _has_work(kind: Kind, cuts: dict[str, TableCut]) -> bool:
    """Rows, or a table that is read from its beginning: of a compacted history no append may be left to tell rows."""
    begins = any(cut.from_snapshot is None and cut.to_snapshot is not None for cut in cuts.values())
    return begins or any(cut.rows > 0 for cut in cuts.values()) or (kind == "rebuild" and bool(cuts))


def _settled(
    kind: Kind, cuts: dict[str, TableCut], histories: dict[str, History], policy: Policy, now_ms: int, *, complete: bool
) -> bool:
    """Quiet with every table there, or waited long enough: a table still to be made is given that time to come.

    A rebuild reads old commits too, so that it has waited since the source was quiet last.
    """
    settle_ms, found = policy.settle_seconds * 1000, list(histories.values())
    quiet = complete and now_ms - newest_commit_ms(found) >= settle_ms
    since = busy_since_ms(found, settle_ms) if kind == "rebuild" else oldest_waiting_ms(cuts, histories)
    return quiet or now_ms - since >= policy.max_wait_seconds * 1000


def _run(
    state: WatcherState,
    asked: RunRequested | None,
    decision: Decision | None,
    kind: Kind,
    cuts: dict[str, TableCut],
    histories: dict[str, History],
) -> SnapshotCommitted:
    generation = generation_of(state, decision) + (kind == "rebuild")
    tables = list(cuts.values())
    return SnapshotCommitted(
        dataset=state.dataset,
        run_id=run_id_of(state.dataset, kind, generation, tables),
        run_seq=number_of(decision) + 1,
        kind=kind,
        generation=generation,
        tables=tables,
        committed_at_ms=newest_commit_ms(list(histories.values())),
        asked=asked,
    )


def _nothing_to_do(state: WatcherState, asked: RunRequested) -> list[Event]:
    """Whoever asked for a run gets an answer also where the source has nothing new."""
    title = f"Nothing new to process in {state.dataset}"
    detail = "The source has no commit that has not been published; no run was made for this request."
    return [_answer(asked, "info", title, detail), replace(state, pending=_without(state, asked))]


def _stopped(state: WatcherState, asked: RunRequested | None, decision: Decision | None, reason: str) -> list[Event]:
    """The dataset is halted; the request that was being made is done and answered, the others wait."""
    halted = AlertRaised(
        dataset=state.dataset,
        incident=f"{state.dataset}/{STAGE}/{number_of(decision)}",
        severity="critical",
        title=f"{state.dataset} is halted at {STAGE}",
        detail=reason,
        raised_by=STAGE,
    )
    answers = [_answer(asked, "critical", f"No {asked.kind} run of {state.dataset} was made", reason)] if asked else []
    pending = _without(state, asked)
    return [halted, *answers, replace(state, halted=reason, pending=pending)]


def _answer(asked: RunRequested, severity: Severity, title: str, detail: str) -> AlertRaised:
    """What whoever waits for a request that led to no run looks for."""
    return AlertRaised(
        dataset=asked.dataset,
        incident=answer_incident(asked),
        severity=severity,
        title=title,
        detail=detail,
        raised_by=STAGE,
    )
