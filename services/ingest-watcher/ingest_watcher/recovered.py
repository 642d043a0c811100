"""A lost memory made again from what the other topics hold, which keep everything. Pure.

Every request that was accepted has ended as a run or as an answer, or it still waits; the newest run sent is the last
one made; the stages tell by what they have set aside whether the dataset is halted.
"""

from collections.abc import Iterable, Mapping

from ingest_watcher.position import paused
from ingest_watcher.told import answer_incident, refusal
from tidemark.events import AlertRaised, Event, RunFailed, RunRequested, SnapshotCommitted, WatcherState
from tidemark.parking import Parking

SOURCES: tuple[type[Event], ...] = (RunRequested, SnapshotCommitted, AlertRaised, RunFailed)
REMEMBERED = 2_000  # offsets may be lost too, and all be read again; yet the state must fit into a record


def recovered(dataset: str, events: Iterable[Event], stages: Mapping[str, Parking]) -> WatcherState:
    """The dataset's state from the committed events of SOURCES, each topic in order, and what the stages set aside."""
    found = [event for event in events if event.dataset == dataset]
    runs = [event for event in found if isinstance(event, SnapshotCommitted)]
    failures = [event for event in found if isinstance(event, RunFailed)]
    last = runs[-1] if runs else None
    asked = list({e.request_id: e for e in found if isinstance(e, RunRequested) and refusal(e) is None}.values())
    waiting = _waiting(asked, found)
    halted = _halted(dataset, last, stages) or _pause(last, asked)
    failed = last is not None and halted is not None and any(f.run_id == last.run_id for f in failures)
    known = dict.fromkeys(request.request_id for request in [*_read(asked, waiting), *waiting])
    return WatcherState(
        dataset=dataset,
        generation=last.generation if last else 0,
        halted=halted,
        last=last,
        pending=waiting,
        accepted=list(known)[-REMEMBERED:],
        failed_run_id=last.run_id if last and failed else None,
        failures=list(dict.fromkeys(f.event_id for f in failures))[-REMEMBERED:],
    )


def _waiting(asked: list[RunRequested], found: list[Event]) -> list[RunRequested]:
    """The requests that have led to nothing yet. A resume is done when it is read."""
    answered = {event.incident for event in found if isinstance(event, AlertRaised)}
    made = {event.request_id for event in found if isinstance(event, SnapshotCommitted)}
    waits = (r for r in asked if r.request_id not in made and answer_incident(r) not in answered)
    return [request for request in waits if request.kind != "resume"]


def _read(asked: list[RunRequested], waiting: list[RunRequested]) -> list[RunRequested]:
    """The requests that have been read for certain: those up to the last one that has led to something."""
    done = [at for at, request in enumerate(asked) if request.kind != "resume" and request not in waiting]
    return asked[: done[-1] + 1] if done else []


def _halted(dataset: str, last: SnapshotCommitted | None, stages: Mapping[str, Parking]) -> str | None:
    """Why a stage is halted, if no run of a newer generation is on its way to pass that."""
    generation = last.generation if last else 0
    states = {stage: parking.of(dataset) for stage, parking in stages.items()}
    halts = (f"{stage}: {s.reason}" for stage, s in states.items() if s.halted and s.newest_generation >= generation)
    return next(halts, None)


def _pause(last: SnapshotCommitted | None, asked: list[RunRequested]) -> str | None:
    """A rollback's pause, if it was the last run made and nobody has asked to resume since it was asked for."""
    if last is None or last.kind != "rollback":
        return None
    ids = [request.request_id for request in asked]
    since = asked[ids.index(last.request_id) + 1 :] if last.request_id in ids else []
    return None if any(r.kind == "resume" for r in since) else paused(last.to_seq)
