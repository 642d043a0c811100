"""The parts from which an event's ending is put together (endings.py): entries, alerts, dead letters."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from msgspec.structs import replace

from tidemark.codec import run_id_of_event
from tidemark.errors import DataTestFailed, Invalid, TidemarkError
from tidemark.events import (
    DEAD_LETTERS,
    AlertRaised,
    DeadLetterSettled,
    Event,
    RunEvent,
    RunFailed,
    RunRequested,
    Severity,
)
from tidemark.parking import Action, Entry, SetAside
from tidemark.records import Message, Record
from tidemark.tables import registry

Entries = tuple[Entry, ...]
LONGEST_REASON = 4000  # characters of a dead letter's reason; headers are no place for a log


@dataclass(frozen=True)
class Work:
    """An event to be handled; `released` if it comes back from the parked ones instead of from its topic."""

    event: Event
    record: Record
    released: bool = False


@dataclass(frozen=True)
class Desk:
    """One event at one stage, with what is set aside there of its dataset."""

    stage: str
    state: SetAside
    work: Work
    now_ms: int

    def entry(self, action: Action, incident: str = "", reason: str = "", record: Record | None = None) -> Entry:
        """A change that belongs to this event."""
        event = self.work.event
        return Entry(
            stage=self.stage,
            dataset=event.dataset,
            action=action,
            at_ms=self.now_ms,
            event_id=event.event_id,
            run_id=run_id_of_event(event),
            generation=event.generation if isinstance(event, RunEvent) else 0,
            place=self.work.record.place,
            incident=incident,
            reason=reason,
            record=record,
        )

    def resumed(self, parks: bool) -> Entries:
        """A request to resume ends the halt."""
        asked = isinstance(self.work.event, RunRequested) and self.work.event.kind == "resume"
        return (self.entry("resumed"),) if asked and parks and self.state.halted else ()

    def released(self) -> Entries:
        """A parked event is done with."""
        return (self.entry("released"),) if self.work.released else ()

    def overtaken(self) -> Entries:
        """An event of a newer generation is done: what is parked is superseded, and the halt is over."""
        if not self._overtakes:
            return ()
        return (*self._release_all(), self.entry("resumed", reason="a newer generation"))

    def halted(self, error: Invalid) -> Entries:
        """This event halts the dataset; it is parked, first in line, unless it is already."""
        parked = () if self.work.released else (self.entry("parked", record=self.work.record),)
        overtaken = self._release_all() if self._overtakes else ()
        alerted = self.entry("alerted", incident=self.incident("halted"))
        tried_to_seq = error.tried_to_seq if isinstance(error, DataTestFailed) else None
        halted = replace(self.entry("halted", reason=str(error)), tried_to_seq=tried_to_seq)
        return (*overtaken, *parked, halted, alerted)

    def healed(self) -> Entries:
        """A run that the failed test has not been tried with ends the halt, so that it is tried with this one too."""
        event, tried_to_seq = self.work.event, self.state.tried_to_seq
        newer = isinstance(event, RunEvent) and tried_to_seq is not None and event.run_seq > tried_to_seq
        return (self.entry("resumed", reason="a later run may heal it"),) if newer else ()

    def decodable(self) -> Entries:
        """A good record ends a row of bad ones."""
        return (self.entry("decodable"),) if self.state.undecodable else ()

    def settled(self, keep: Entries) -> tuple[tuple[AlertRaised, ...], Entries]:
        """The notices that this event's alerts are over, and those of the events it overtook; not those in `keep`."""
        done = [self.work.event.event_id, *(e.event_id for e in keep if e.action == "released")]
        ours = {self.incident(kind, event_id) for kind in ("retry", "halted") for event_id in done}
        kept = {entry.incident for entry in keep if entry.action == "alerted"}
        over = sorted((ours & self.state.alerts) - kept)
        alerts = tuple(self.alert(i, "info", f"{self.stage} goes on", "", resolved=True) for i in over)
        return alerts, tuple(self.entry("settled", incident=incident) for incident in over)

    def run_failed(self, error: Invalid) -> tuple[RunFailed, ...]:
        """The event that says so; only for events of a run."""
        event = self.work.event
        if not isinstance(event, RunEvent):
            return ()
        failed = RunFailed(
            dataset=event.dataset,
            run_id=event.run_id,
            run_seq=event.run_seq,
            kind=event.kind,
            generation=event.generation,
            failed_stage=self.stage,
            error=type(error).__name__,
            message=str(error),
        )
        return (failed,)

    def incident(self, kind: str, event_id: str | None = None) -> str:
        """The same trouble of the same event is the same incident."""
        return f"{self.stage}/{kind}/{event_id or self.work.event.event_id}"

    def alert(self, incident: str, severity: Severity, title: str, detail: str, resolved: bool = False) -> AlertRaised:
        """An alert of this event."""
        return AlertRaised(
            dataset=self.work.event.dataset,
            incident=incident,
            severity=severity,
            title=title,
            detail=detail,
            raised_by=self.stage,
            run_id=run_id_of_event(self.work.event),
            resolved=resolved,
        )

    @property
    def _overtakes(self) -> bool:
        return isinstance(self.work.event, RunEvent) and bool(self.state.parked) and not self.work.released

    def _release_all(self) -> Entries:
        return tuple(
            Entry(
                stage=self.stage,
                dataset=parked.dataset,
                action="released",
                at_ms=self.now_ms,
                event_id=parked.event_id,
                run_id=parked.run_id,
                place=parked.place,
                reason="a newer generation",
            )
            for parked in self.state.parked
        )


def dead_letter(stage: str, record: Record, error: TidemarkError, now_ms: int) -> Message:
    """The record as it came, with headers that say where it lay, who refused it, when and why."""
    about = {
        "tidemark-stage": stage,
        "tidemark-place": record.place,
        "tidemark-error": type(error).__name__,
        "tidemark-reason": str(error)[:LONGEST_REASON],
        "tidemark-at": datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(),
    }
    added = tuple((name, value.encode("utf-8", "replace")) for name, value in about.items())
    return Message(DEAD_LETTERS, record.partition, record.key, record.value, record.headers + added)


def replayed(letter: Record, body: bytes | None = None) -> Message:
    """A dead letter's original again: the same topic, partition, key and headers, less what the dead letter added.

    `body`: a mended one in place of the old.
    """
    said = {name: (value or b"").decode("utf-8", "replace") for name, value in letter.headers}
    topic, partition, _ = said["tidemark-place"].rsplit("/", 2)
    headers = tuple((name, value) for name, value in letter.headers if not name.startswith("tidemark-"))
    value = letter.value if body is None else body
    return Message(topic=topic, partition=int(partition), key=letter.key, value=value, headers=headers)


def settled(
    letter: Record, outcome: Literal["replayed", "dropped"], by: str, *, mended: bool = False, reason: str = ""
) -> DeadLetterSettled:
    """What tells that somebody has dealt with a dead letter."""
    dataset = list(registry().datasets)[letter.partition]
    place = letter.place
    return DeadLetterSettled(dataset=dataset, place=place, outcome=outcome, by=by, mended=mended, reason=reason)
