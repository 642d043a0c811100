"""What the watcher is told: requests, and runs that failed. Each becomes a new state, or nothing if it was known."""

from collections.abc import Sequence

from msgspec.structs import replace

from tidemark.errors import Invalid
from tidemark.events import Event, RunFailed, RunRequested, WatcherState

REMEMBERED = 100


def on_request(event: RunRequested, state: WatcherState) -> list[Event]:
    """A person or a schedule asks: resume at once; a run or a rebuild is remembered and made by `on_poll`."""
    if event.request_id in state.accepted:
        return []
    accepted = [*state.accepted, event.request_id][-REMEMBERED:]
    if event.kind == "resume":
        return [replace(state, halted=None, failed_run_id=None, accepted=accepted)]
    if (reason := refusal(event)) is not None:
        raise Invalid(reason)
    return [replace(state, pending=[*state.pending, event], accepted=accepted)]


def refusal(event: RunRequested) -> str | None:
    """What a request lacks, so that no run can be made of it; None: nothing."""
    if event.kind == "rollback" and event.to_run_id is None:
        return "a rollback names the run to go back to: to_run_id"
    if event.kind in ("replay", "drop") and event.selection is None:
        return f"a {event.kind} names its rows in quarantine: selection"
    return None


def answer_incident(event: RunRequested) -> str:
    """The incident of the alert by which a request that leads to no run is answered."""
    return f"{event.dataset}/request/{event.request_id}"


def answering(state: WatcherState, failures: Sequence[str]) -> WatcherState:
    """The state with all `failures` known that stand in Kafka when somebody resumes (event ids, oldest first).

    The resume answers them, also one that is read after it: the two come by different topics.
    """
    known = dict.fromkeys([*state.failures, *failures[-REMEMBERED:]])
    return replace(state, failures=list(known)[-REMEMBERED:])


def on_failure(event: RunFailed, state: WatcherState) -> list[Event]:
    """A run cannot go on: no new cut until resume or rebuild. A known failure, or an older generation's, halts nothing.

    A resumed run that fails again in the same words is told by the same id: then `failed_run_id` still lets a rebuild
    pass it.
    """
    if event.generation < state.generation:
        return []
    is_last = state.last is not None and state.last.run_id == event.run_id
    after = replace(state, failed_run_id=event.run_id) if is_last else state
    if event.event_id in state.failures:
        return [after] if after != state else []
    failures = [*state.failures, event.event_id][-REMEMBERED:]
    return [replace(after, halted=f"{event.failed_stage}: {event.message}", failures=failures)]


def remembered(events: Sequence[Event]) -> dict[str, WatcherState]:
    """The states among committed events, by dataset."""
    return {event.dataset: event for event in events if isinstance(event, WatcherState)}
