"""How an event ends, as pure functions: from the outcome and what is set aside, to what goes out in one transaction.

    record --admit--> Work --attempt--> Outcome --conclude--> Ending --to_messages--> records of one transaction
              |                                                  ^
              +---- not to be handled (parked, no event, ...) ---+

The runner and the in-process bus share this and differ in transport only. To add an outcome: a class beside Done, its
place in `attempt` (from the error's family) and in `conclude`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tidemark import signals, tracing
from tidemark.codec import decode, encode, run_id_of_event
from tidemark.desk import Desk, Work, dead_letter
from tidemark.errors import DecodeError, Invalid, Retryable, Superseded
from tidemark.events import AlertRaised, Event, RunEvent, SnapshotCommitted
from tidemark.parking import Action, Entry, Parking, to_message
from tidemark.records import Message, Record
from tidemark.stage import Stage
from tidemark.tables import registry

UNDECODABLE_CEILING = 10  # so many in a row are a bad deploy, not bad records


class TooManyUndecodableError(Exception):
    """Record after record does not decode; the process stops before it drains the topic into the dead letters."""


@dataclass(frozen=True)
class Done:
    """The handler returned its outgoing events."""

    events: tuple[Event, ...] = ()


@dataclass(frozen=True)
class Refused:
    """The handler raised Invalid."""

    error: Invalid


@dataclass(frozen=True)
class Skipped:
    """The handler raised Superseded."""

    error: Superseded


@dataclass(frozen=True)
class TryAgain:
    """The handler raised Retryable."""

    error: Retryable


Outcome = Done | Refused | Skipped | TryAgain


@dataclass(frozen=True)
class Ending:
    """What goes out in one transaction. `acknowledge`: the record whose offset is committed with it, if any."""

    outcome: str
    events: tuple[Event, ...] = ()
    entries: tuple[Entry, ...] = ()
    dead_letter: Message | None = None
    acknowledge: Record | None = None

    @property
    def empty(self) -> bool:
        """Nothing to send and nothing to commit."""
        return not (self.events or self.entries or self.dead_letter or self.acknowledge)


def admit(stage: Stage, parking: Parking, record: Record, now_ms: int, released: bool = False) -> Work | Ending | None:
    """What to do with a record: handle it, end it unhandled, or (None) let it wait for the released ones.

    `released`: it comes from the parked ones, not from its topic. Raises TooManyUndecodableError at the ceiling.
    """
    if released:
        return Work(decode(record), record, released=True)
    try:
        event = decode(record)
    except DecodeError as error:
        return _undecodable(stage, parking, record, error, now_ms)
    work = Work(event, record)
    state = parking.of(event.dataset)
    if stage.parks and isinstance(event, RunEvent) and state.parked and event.generation <= state.newest_generation:
        if event.generation < state.newest_generation:
            return conclude(stage, parking, work, Skipped(Superseded("a newer generation is parked here")), now_ms)
        return _park(stage, parking, work, now_ms) if state.halted else None
    if type(event) not in stage.handlers:
        return conclude(stage, parking, work, Done(), now_ms)
    return work


def attempt(call: Callable[[], Sequence[Event]]) -> Outcome:
    """Call a handler once. What is none of the named endings passes through: a crash."""
    try:
        return Done(tuple(call()))
    except Superseded as error:
        return Skipped(error)
    except Invalid as error:
        return Refused(error)
    except Retryable as error:
        return TryAgain(error)


def conclude(stage: Stage, parking: Parking, work: Work, outcome: Done | Refused | Skipped, now_ms: int) -> Ending:
    """The ending of a handled event."""
    desk = Desk(stage.name, parking.of(work.event.dataset), work, now_ms)
    match outcome:
        case Done(events):
            ending = Ending("done", events, desk.resumed(stage.parks) + desk.overtaken() + desk.released())
        case Skipped():
            ending = Ending("superseded", entries=desk.released())
        case Refused(error):
            ending = _refused(desk, error, stage.parks)
    alerts, settled = desk.settled(ending.entries)
    return replace(
        ending,
        events=ending.events + alerts,
        entries=ending.entries + settled + desk.decodable(),
        acknowledge=None if work.released else work.record,
    )


def _refused(desk: Desk, error: Invalid, parks: bool) -> Ending:
    dead = dead_letter(desk.stage, desk.work.record, error, desk.now_ms)
    run_event = isinstance(desk.work.event, RunEvent)
    kind = "halted" if run_event and parks else "refused"
    title = f"{desk.stage} {kind}: {type(error).__name__}"
    alert = desk.alert(desk.incident(kind), "critical" if run_event else "warning", title, str(error))
    events = (*desk.run_failed(error), alert)
    return Ending("invalid", events, desk.halted(error) if kind == "halted" else (), dead)


def trouble(stage: Stage, parking: Parking, work: Work, error: Retryable, now_ms: int) -> Ending:
    """The one alert of an event that keeps being tried again; an empty ending if it has been raised already."""
    state = parking.of(work.event.dataset)
    desk = Desk(stage.name, state, work, now_ms)
    incident = desk.incident("retry")
    if incident in state.alerts:
        return Ending("retry")
    alert = desk.alert(incident, "warning", f"{stage.name} keeps trying: {type(error).__name__}", str(error))
    return Ending("retry", (alert,), (desk.entry("alerted", incident=incident),))


def to_messages(ending: Ending, stage: str, parent: Event | None = None) -> list[Message]:
    """The ending's records, each event with a producer span under the current one.

    One trace a run: a run that begins while another's event is handled gets a trace of its own.
    """
    messages = [] if ending.dead_letter is None else [ending.dead_letter]
    run = parent.run_id if isinstance(parent, RunEvent) else None
    for event in ending.events:
        other = isinstance(event, SnapshotCommitted) and run is not None and event.run_id != run
        run = event.run_id if run is None and isinstance(event, RunEvent) else run
        partition = registry().partition_of(event.dataset)
        about = {signals.RUN_ID: run_id_of_event(event), signals.DATASET: event.dataset}
        headers = tracing.producer_headers(event.topic, partition, event.event_id, about, new_trace=other)
        messages.append(encode(event, stage, headers))
    return messages + [to_message(entry) for entry in ending.entries]


def tick_alert(stage: Stage, parking: Parking, error: Exception | None, now_ms: int) -> Ending:
    """The one alert of a tick that keeps failing, or (no error) the notice that it works again; mostly empty."""
    dataset = next(iter(registry().datasets))  # a tick belongs to no dataset, but a record must
    incident = f"{stage.name}/tick"
    if (incident in parking.of(dataset).alerts) == (error is not None):
        return Ending("tick")
    alert = AlertRaised(
        dataset=dataset,
        incident=incident,
        severity="warning",
        title=f"{stage.name} cannot look for work: {type(error).__name__}" if error else f"{stage.name} works again",
        detail=str(error or ""),
        raised_by=stage.name,
        resolved=error is None,
    )
    action: Action = "alerted" if error else "settled"
    entry = Entry(stage=stage.name, dataset=dataset, action=action, at_ms=now_ms, incident=incident)
    return Ending("tick", (alert,), (entry,))


def _undecodable(stage: Stage, parking: Parking, record: Record, error: DecodeError, now_ms: int) -> Ending:
    datasets = list(registry().datasets)
    dataset = datasets[record.partition] if record.partition < len(datasets) else datasets[0]
    if parking.of(dataset).undecodable + 1 >= UNDECODABLE_CEILING:
        raise TooManyUndecodableError(
            f"{UNDECODABLE_CEILING} records in a row do not decode, the last: {error}"
        ) from error
    alert = AlertRaised(
        dataset=dataset,
        incident=f"{stage.name}/undecodable/{record.place}",
        severity="warning",
        title=f"{stage.name} cannot read {record.place}",
        detail=str(error),
        raised_by=stage.name,
    )
    return Ending(
        "undecodable",
        (alert,),
        (Entry(stage=stage.name, dataset=dataset, action="undecodable", at_ms=now_ms, place=record.place),),
        dead_letter(stage.name, record, error, now_ms),
        record,
    )


def _park(stage: Stage, parking: Parking, work: Work, now_ms: int) -> Ending:
    desk = Desk(stage.name, parking.of(work.event.dataset), work, now_ms)
    entries = (desk.entry("parked", record=work.record), *desk.healed(), *desk.decodable())
    return Ending("parked", entries=entries, acknowledge=work.record)
