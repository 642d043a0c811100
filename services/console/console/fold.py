"""One record after another into the State: pure, and safe to repeat.

    fold(state, record) -> what has changed, for the pages that are open

A record that has been folded before changes nothing, and records of different topics may come in any order between
each other, because a rebuild reads every topic from its beginning at once. So no counter is ever raised: whatever is
counted is counted by views.py from the newest word on each key. To follow a new event: a case in `_take`.
"""

from opentelemetry import trace

from console.records import Changed
from console.state import (
    Damaged,
    Done,
    Failed,
    KeptAlert,
    KeptDataset,
    KeptHalt,
    KeptLetter,
    KeptRequest,
    KeptRun,
    KeptSettlement,
    Parked,
    State,
)
from tidemark import tracing
from tidemark.codec import decode
from tidemark.errors import DecodeError
from tidemark.events import (
    DEAD_LETTERS,
    PARKED,
    AlertRaised,
    AlertSent,
    DeadLetterSettled,
    Event,
    LakeCurated,
    LayersReconciled,
    MartsBuilt,
    RawLoaded,
    RunEvent,
    RunFailed,
    RunRequested,
    SnapshotCommitted,
    WatcherState,
)
from tidemark.parking import Entry, read_entry
from tidemark.records import Record
from tidemark.tables import registry

# The views in which an event shows.
SHOWN: dict[type[Event], tuple[str, ...]] = {
    RunFailed: ("overview", "runs", "run"),
    RunEvent: ("overview", "runs", "run", "reconciliation", "quality"),
    RunRequested: ("overview",),
    AlertRaised: ("overview", "alerts"),
    AlertSent: ("alerts",),
    DeadLetterSettled: ("overview", "dead-letters", "run"),
    WatcherState: ("overview",),
}


def fold(state: State, record: Record) -> list[Changed]:
    """Take one record in. A record that cannot be read becomes a row of `damaged`."""
    try:
        match record.topic:
            case topic if topic == DEAD_LETTERS:
                return _letter(state, record)
            case topic if topic == PARKED:
                entry = read_entry(record)
                return _entry(state, entry) if entry else []
            case _:
                return _take(state, decode(record), record)
    except DecodeError as error:
        at_ms = record.timestamp_ms
        state.damaged[record.place] = Damaged(place=record.place, at_ms=at_ms, reason=str(error))
        return [Changed(view="overview", dataset=_dataset_of(record), key=record.place, at_ms=at_ms)]


def _take(state: State, event: Event, record: Record) -> list[Changed]:
    at_ms = record.timestamp_ms
    match event:
        case RunFailed():
            state.runs[event.run_id] = _failed(_run(state, event), event, at_ms)
            key = event.run_id
        case RunEvent():
            state.runs[event.run_id] = _done(_run(state, event), event, record)
            state.receipts[f"{event.run_id}/{event.stage}"] = record.value or b""
            key = event.run_id
        case RunRequested():
            state.requests[event.request_id] = _request(event, at_ms)
            key = event.request_id
        case AlertRaised():
            state.alerts[event.incident] = _alert(_alert_of(state, event), event, record)
            key = event.incident
        case AlertSent():
            state.alerts[event.incident] = _sent(_alert_of(state, event), event, at_ms)
            key = event.incident
        case DeadLetterSettled():
            _settled(state, event, at_ms)
            key = event.place
        case WatcherState():
            state.datasets[event.dataset] = _watched(event, at_ms)
            key = event.dataset
        case _:
            return []
    shown = next(views for kind, views in SHOWN.items() if isinstance(event, kind))
    return [Changed(view=view, dataset=event.dataset, key=key, at_ms=at_ms) for view in shown]


def _request(event: RunRequested, at_ms: int) -> KeptRequest:
    return KeptRequest(
        request_id=event.request_id,
        dataset=event.dataset,
        kind=event.kind,
        requested_by=event.requested_by,
        reason=event.reason,
        at_ms=at_ms,
    )


def _watched(event: WatcherState, at_ms: int) -> KeptDataset:
    return KeptDataset(
        dataset=event.dataset,
        at_ms=at_ms,
        generation=event.generation,
        halted=event.halted,
        pending=[f"{request.kind} asked for by {request.requested_by}" for request in event.pending],
    )


def _failed(run: KeptRun, event: RunFailed, at_ms: int) -> KeptRun:
    known = run.failed.get(event.failed_stage)
    if known is None or at_ms >= known.at_ms:
        run.failed[event.failed_stage] = Failed(at_ms=at_ms, error=event.error, message=event.message)
    return run


def _run(state: State, event: RunEvent) -> KeptRun:
    known = state.runs.get(event.run_id)
    return known or KeptRun(
        run_id=event.run_id,
        dataset=event.dataset,
        run_seq=event.run_seq,
        kind=event.kind,
        generation=event.generation,
    )


def _done(run: KeptRun, event: RunEvent, record: Record) -> KeptRun:
    known, at_ms = run.done.get(event.stage), record.timestamp_ms
    run.done[event.stage] = Done(
        first_ms=min(known.first_ms, at_ms) if known else at_ms,
        at_ms=max(known.at_ms, at_ms) if known else at_ms,
        seconds=getattr(event, "seconds", 0.0),
        rows=rows_of(event),
    )
    match event:
        case SnapshotCommitted():
            run.committed_at_ms = event.committed_at_ms
            run.requested_by = event.asked.requested_by if event.asked else ""
            run.reason = event.asked.reason if event.asked else ""
            run.trace_id = trace_id_of(record)
        case LakeCurated():
            run.held = sum(table.held for table in event.tables)
            run.quarantined = sum(table.quarantined for table in event.tables)
            run.schema_changes = sum(len(table.schema_changes) for table in event.tables)
        case LayersReconciled():
            run.status = event.status
    return run


def rows_of(event: RunEvent) -> int:
    """The rows that a stage brought on: committed, accepted, loaded, published, compared."""
    match event:
        case SnapshotCommitted() | RawLoaded():
            return sum(table.rows for table in event.tables)
        case LakeCurated():
            return sum(table.accepted for table in event.tables)
        case MartsBuilt():
            return sum(model.rows for model in event.models)
        case LayersReconciled():
            return sum(pair.rows for pair in event.pairs)
    return 0


def trace_id_of(record: Record) -> str | None:
    """The trace that a record's headers carry, 32 hex digits."""
    span = trace.get_current_span(tracing.from_headers(record.headers)).get_span_context()
    return format(span.trace_id, "032x") if span.is_valid else None


def _settled(state: State, event: DeadLetterSettled, at_ms: int) -> None:
    known = state.settlements.get(event.place)
    if known is None or at_ms >= known.at_ms:
        state.settlements[event.place] = KeptSettlement(
            at_ms=at_ms, outcome=event.outcome, by=event.by, mended=event.mended, reason=event.reason
        )


def _alert_of(state: State, event: AlertRaised | AlertSent) -> KeptAlert:
    return state.alerts.get(event.incident) or KeptAlert(incident=event.incident, dataset=event.dataset)


def _alert(alert: KeptAlert, event: AlertRaised, record: Record) -> KeptAlert:
    """The incident after this word on it. Words that come again are older than the newest one and change nothing."""
    if record.offset <= alert.offset:
        return alert
    at_ms = record.timestamp_ms
    begins = alert.offset < 0 or alert.resolved_ms is not None
    alert.offset, alert.newest_ms = record.offset, at_ms
    if event.resolved:
        alert.resolved_ms = alert.resolved_ms or at_ms
        alert.opened_ms = alert.opened_ms or at_ms
        alert.title, alert.detail = alert.title or event.title, alert.detail or event.detail
        return alert
    alert.opened_ms = at_ms if begins else alert.opened_ms
    alert.resolved_ms = None
    alert.severity, alert.title, alert.detail = event.severity, event.title, event.detail
    alert.raised_by, alert.run_id = event.raised_by, event.run_id
    return alert


def _sent(alert: KeptAlert, event: AlertSent, at_ms: int) -> KeptAlert:
    if event.resolved:
        alert.told_over_ms = max(alert.told_over_ms or 0, at_ms)
    else:
        alert.told_ms = max(alert.told_ms or 0, at_ms)
    alert.sinks = event.sinks
    return alert


def _entry(state: State, entry: Entry) -> list[Changed]:
    """What a stage has set aside, as parking.py folds it; alerts and bad records in a row are not kept here."""
    key = f"{entry.stage}/{entry.dataset}"
    halt = state.halts.get(key) or KeptHalt(stage=entry.stage, dataset=entry.dataset)
    match entry.action:
        case "parked":
            halt.parked[entry.place] = Parked(
                place=entry.place, event_id=entry.event_id, run_id=entry.run_id, at_ms=entry.at_ms
            )
        case "released":
            halt.parked.pop(entry.place, None)
        case "halted":
            halt.halted, halt.reason, halt.since_ms = True, entry.reason, entry.at_ms
        case "resumed":
            halt.halted, halt.reason, halt.since_ms = False, "", entry.at_ms
        case _:
            return []
    state.halts[key] = halt
    return [Changed(view="overview", dataset=entry.dataset, key=key, at_ms=entry.at_ms)]


def _letter(state: State, record: Record) -> list[Changed]:
    said = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers}
    letter = KeptLetter(
        place=record.place,
        dataset=_dataset_of(record),
        at_ms=record.timestamp_ms,
        stage=said.get("tidemark-stage", ""),
        from_place=said.get("tidemark-place", ""),
        event_id=said.get("ce_id", ""),
        run_id=said.get("ce_subject"),
        error=said.get("tidemark-error", ""),
        reason=said.get("tidemark-reason", ""),
        bytes=len(record.value or b""),
    )
    state.dead_letters[record.place] = letter
    views = ("overview", "dead-letters", "run")
    return [Changed(view=view, dataset=letter.dataset, key=record.place, at_ms=letter.at_ms) for view in views]


def _dataset_of(record: Record) -> str:
    datasets = list(registry().datasets)
    return datasets[record.partition] if record.partition < len(datasets) else datasets[0]
