"""What the watcher decides: when a dataset's new commits become a run. Pure but for the ports it is given.

One dataset's view is its `WatcherState` (what this watcher has promised) and the lake's newest decision (what has been
published). A cut is made when nothing is under way, nothing is halted, and the source has settled or somebody asked.
"""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from ingest_watcher.cut import full_cut, newest_commit_ms, next_cut, oldest_waiting_ms
from ingest_watcher.ports import History, Source
from tidemark.errors import Invalid, TypedStop
from tidemark.events import (
    AlertRaised,
    Event,
    Kind,
    RunFailed,
    RunRequested,
    SnapshotCommitted,
    TableCut,
    WatcherState,
    run_id_of,
)
from tidemark.tables import Registry
from tidemark_lake.decisions import Decision

STAGE = "ingest-watcher"
REMEMBERED_REQUESTS = 100


class Policy(Struct, frozen=True, kw_only=True):
    """When the source counts as settled, in seconds without a commit; and the longest that a commit waits."""

    settle_seconds: float
    max_wait_seconds: float


def on_request(event: RunRequested, state: WatcherState) -> list[Event]:
    """A person or a schedule asks: resume at once; a run or a rebuild is remembered and made by `on_poll`."""
    if event.request_id in state.accepted:
        return []
    accepted = [*state.accepted, event.request_id][-REMEMBERED_REQUESTS:]
    if event.kind == "resume":
        return [replace(state, halted=None, accepted=accepted)]
    if event.kind not in ("process", "rebuild"):
        raise Invalid(f"a {event.kind} run cannot be requested yet; process, rebuild and resume can")
    return [replace(state, pending=[*state.pending, event], accepted=accepted)]


def on_failure(event: RunFailed, state: WatcherState) -> list[Event]:
    """A run cannot go on: no new cut until resume or rebuild. A failure of an older generation changes nothing."""
    if event.generation < state.generation:
        return []
    return [replace(state, halted=f"{event.failed_stage}: {event.message}")]


def is_under_way(state: WatcherState, decision: Decision | None) -> bool:
    """Whether the last cut still waits for its decision; it holds the next one back."""
    last = state.last
    return last is not None and last.generation == state.generation and last.run_seq > _number(decision)


def on_poll(
    state: WatcherState,
    decision: Decision | None,
    source: Source,
    registry: Registry,
    policy: Policy,
    now_ms: int,
) -> list[Event]:
    """The events of one look at the source: nothing, a run, or a stop with its alert."""
    asked = state.pending[0] if state.pending else None
    rebuild = asked is not None and asked.kind == "rebuild"
    if (state.halted or is_under_way(state, decision)) and not (rebuild and state.halted):
        return []
    try:
        return _cut(state, decision, source, registry, policy, now_ms)
    except TypedStop as stop:
        return _stopped(state, decision, str(stop))


def _cut(
    state: WatcherState,
    decision: Decision | None,
    source: Source,
    registry: Registry,
    policy: Policy,
    now_ms: int,
) -> list[Event]:
    asked = state.pending[0] if state.pending else None
    kind: Kind = "rebuild" if asked is not None and asked.kind == "rebuild" else "process"
    histories = _histories(state.dataset, decision, source, registry)
    cuts = _cuts(state.dataset, kind, decision, histories)
    if not _has_work(kind, cuts):
        return _nothing_to_do(state) if asked else []
    missing = set(registry.datasets[state.dataset].tables) - set(histories)
    if asked is None and not _settled(cuts, histories, policy, now_ms, complete=not missing):
        return []
    if missing:
        raise TypedStop(
            f"{state.dataset} lacks its source tables {', '.join(sorted(missing))}; create them, then resume"
        )
    run = _run(state, decision, kind, cuts, histories)
    return [run, replace(state, generation=run.generation, halted=None, last=run, pending=state.pending[1:])]


def _histories(dataset: str, decision: Decision | None, source: Source, registry: Registry) -> dict[str, History]:
    """Each table's commits; a table that was published before and is gone is a stop, one never seen may yet come."""
    pointers = source.pointers(dataset)
    gone = [t for t in (decision.tables if decision else {}) if t not in pointers]
    if gone:
        raise TypedStop(f"{dataset} lost its source tables {', '.join(sorted(gone))}; bring them back, then resume")
    return {t: source.history(dataset, t) for t in registry.datasets[dataset].tables if t in pointers}


def _cuts(dataset: str, kind: Kind, decision: Decision | None, histories: dict[str, History]) -> dict[str, TableCut]:
    if kind == "rebuild" or decision is None:
        return {table: full_cut(table, history) for table, history in histories.items()}
    cuts = {}
    for table, history in histories.items():
        done = decision.tables.get(table)
        base, uuid = (done.source_snapshot, done.source_uuid) if done else (None, None)
        cuts[table] = next_cut(dataset, table, base, uuid, history)
    return cuts


def _has_work(kind: Kind, cuts: dict[str, TableCut]) -> bool:
    return any(cut.rows > 0 for cut in cuts.values()) or (kind == "rebuild" and bool(cuts))


def _settled(
    cuts: dict[str, TableCut], histories: dict[str, History], policy: Policy, now_ms: int, *, complete: bool
) -> bool:
    """Quiet with every table there, or waited long enough: a table still to be made is given that time to come."""
    quiet = complete and now_ms - newest_commit_ms(list(histories.values())) >= policy.settle_seconds * 1000
    waited = now_ms - oldest_waiting_ms(cuts, histories) >= policy.max_wait_seconds * 1000
    return quiet or waited


def _run(
    state: WatcherState,
    decision: Decision | None,
    kind: Kind,
    cuts: dict[str, TableCut],
    histories: dict[str, History],
) -> SnapshotCommitted:
    generation = max(state.generation, decision.generation if decision else 0) + (kind == "rebuild")
    tables = list(cuts.values())
    return SnapshotCommitted(
        dataset=state.dataset,
        run_id=run_id_of(state.dataset, kind, generation, tables),
        run_seq=_number(decision) + 1,
        kind=kind,
        generation=generation,
        tables=tables,
        committed_at_ms=newest_commit_ms(list(histories.values())),
        request_id=state.pending[0].request_id if state.pending else None,
    )


def _nothing_to_do(state: WatcherState) -> list[Event]:
    """Whoever asked for a run gets an answer also where the source has nothing new."""
    asked = state.pending[0]
    return [
        AlertRaised(
            dataset=state.dataset,
            incident=f"{state.dataset}/request/{asked.request_id}",
            severity="info",
            title=f"Nothing new to process in {state.dataset}",
            detail="The source has no commit that has not been published; no run was made for this request.",
            raised_by=STAGE,
        ),
        replace(state, pending=state.pending[1:]),
    ]


def _stopped(state: WatcherState, decision: Decision | None, reason: str) -> list[Event]:
    return [
        AlertRaised(
            dataset=state.dataset,
            incident=f"{state.dataset}/{STAGE}/{_number(decision)}",
            severity="critical",
            title=f"{state.dataset} is halted at {STAGE}",
            detail=reason,
            raised_by=STAGE,
        ),
        replace(state, halted=reason, pending=[]),
    ]


def is_idle(decision: Decision | None, ends: dict[str, int | None]) -> bool:
    """Whether the current snapshots (table -> id) are the published ones: only a new pointer matters then."""
    done = {t: d.source_snapshot for t, d in decision.tables.items()} if decision else {}
    return done == ends


def _number(decision: Decision | None) -> int:
    return decision.number if decision else 0


def remembered(events: Sequence[Event]) -> dict[str, WatcherState]:
    """The states among committed events, by dataset."""
    return {event.dataset: event for event in events if isinstance(event, WatcherState)}
