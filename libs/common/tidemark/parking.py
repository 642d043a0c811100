"""What a stage has set aside: parked events, halted datasets, open alerts. Pure state, rebuilt from Kafka.

Every change is an Entry, appended to the topic tidemark.parked in the same Kafka transaction as the outcome it belongs
to, and applied here only after that transaction has committed. Folding the entries of a stage in order gives its
state again, so a restart knows what the process before it knew.

To add something to remember: an action, and what it does in `_after`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

import msgspec
from msgspec import Struct

from tidemark.errors import DecodeError
from tidemark.events import PARKED
from tidemark.records import Message, Record
from tidemark.tables import registry

Action = Literal["parked", "halted", "resumed", "released", "alerted", "settled", "undecodable", "decodable"]


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change of what a stage has set aside.

    `record` is the parked event's original (action parked), `place` names it again when it is released. `incident` is
    the alert that was raised or settled. `reason` is for people. `tried_to_seq` (action halted): a later run than this
    one may heal what halted here.
    """

    stage: str
    dataset: str
    action: Action
    at_ms: int
    event_id: str = ""
    run_id: str | None = None
    generation: int = 0
    place: str = ""
    incident: str = ""
    reason: str = ""
    tried_to_seq: int | None = None
    record: Record | None = None


@dataclass(frozen=True)
class SetAside:
    """One dataset's state at a stage. `parked` is in order of arrival; `undecodable` counts bad records in a row.

    `tried_to_seq`: as the entry that halted it says.
    """

    halted: bool = False
    reason: str = ""
    tried_to_seq: int | None = None
    parked: tuple[Entry, ...] = ()
    alerts: frozenset[str] = frozenset()
    undecodable: int = 0

    @property
    def newest_generation(self) -> int:
        """The newest generation among the parked events; -1 without any."""
        return max((entry.generation for entry in self.parked), default=-1)


@dataclass
class Parking:
    """A stage's state over all datasets."""

    stage: str
    datasets: dict[str, SetAside] = field(default_factory=dict)

    def of(self, dataset: str) -> SetAside:
        """One dataset's state."""
        return self.datasets.get(dataset, SetAside())

    def apply(self, entries: Iterable[Entry]) -> None:
        """Take over changes that are committed."""
        for entry in entries:
            self.datasets[entry.dataset] = _after(self.of(entry.dataset), entry)

    def to_release(self) -> dict[str, Entry]:
        """The parked event that is next, of each dataset that has been resumed."""
        return {name: state.parked[0] for name, state in self.datasets.items() if state.parked and not state.halted}


def _after(state: SetAside, entry: Entry) -> SetAside:
    match entry.action:
        case "parked":
            return replace(state, parked=(*state.parked, entry))
        case "released":
            return replace(state, parked=tuple(p for p in state.parked if p.place != entry.place))
        case "halted":
            return replace(state, halted=True, reason=entry.reason, tried_to_seq=entry.tried_to_seq)
        case "resumed":
            return replace(state, halted=False, reason="", tried_to_seq=None)
        case "alerted":
            return replace(state, alerts=state.alerts | {entry.incident})
        case "settled":
            return replace(state, alerts=state.alerts - {entry.incident})
        case "undecodable":
            return replace(state, undecodable=state.undecodable + 1)
        case "decodable":
            return replace(state, undecodable=0)


def rebuild(stage: str, records: Iterable[Record]) -> Parking:
    """A stage's state from the records of the topic; DecodeError if one of its own cannot be read."""
    parking = Parking(stage)
    parking.apply(entry for entry in map(read_entry, records) if entry is not None and entry.stage == stage)
    return parking


def rebuild_all(records: Iterable[Record]) -> dict[str, Parking]:
    """The states of all stages, for people who ask what is halted."""
    states: dict[str, Parking] = {}
    for entry in map(read_entry, records):
        if entry is not None:
            states.setdefault(entry.stage, Parking(entry.stage)).apply([entry])
    return states


def read_entry(record: Record) -> Entry | None:
    """The record's entry, None for a record without a value."""
    if record.value is None:
        return None
    try:
        return msgspec.json.decode(record.value, type=Entry)
    except msgspec.MsgspecError as error:
        raise DecodeError(f"{record.place} is no entry of {PARKED}: {error}") from error


def to_message(entry: Entry) -> Message:
    """The entry as a record, keyed by stage and dataset, in the dataset's partition."""
    return Message(
        topic=PARKED,
        partition=registry().partition_of(entry.dataset),
        key=f"{entry.stage}/{entry.dataset}".encode(),
        value=msgspec.json.encode(entry),
    )
