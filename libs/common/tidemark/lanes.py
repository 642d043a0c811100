"""Which record is next. One lane per partition holds the one record that was read and is not yet done with.

A record that must be tried again waits in its lane, so that other datasets go on. Parked events that were resumed come
before new input of their dataset. Pure: time comes in as a number of seconds.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tidemark.parking import Entry, Parking
from tidemark.records import Record

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0


def pause_after(tries: int) -> float:
    """Seconds to wait after so many failed tries: 1, 2, 4 ... 60."""
    return float(min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(tries - 1, 10)))


@dataclass
class Held:
    """A record in its lane. `released`: it comes back from the parked ones."""

    record: Record
    released: bool = False
    tries: int = 0
    due: float = 0.0

    def again(self, now: float) -> None:
        """Try again after a pause that grows."""
        self.tries += 1
        self.due = now + pause_after(self.tries)


@dataclass
class Lanes:
    """The records that a stage has in hand."""

    read: dict[tuple[str, int], Held] = field(default_factory=dict)
    released: dict[str, Held] = field(default_factory=dict)

    def offer(self, record: Record) -> None:
        """A record was read; its partition gives no further one until done() or drop()."""
        self.read[record.topic, record.partition] = Held(record)

    def due(self, parking: Parking, now: float) -> list[Held]:
        """Whose turn it is: resumed events first, then by the time for which they were due."""
        self._sync(parking.to_release())
        held = [*self.released.values(), *sorted(self.read.values(), key=lambda h: h.due)]
        return [h for h in held if h.due <= now]

    def waiting(self) -> list[Held]:
        """All that is in hand."""
        return list(self._all())

    def holds(self, held: Held) -> bool:
        """Whether the record is still ours: its partition may have been taken away meanwhile."""
        return any(other is held for other in self._all())

    def done(self, held: Held) -> None:
        """The record's ending is committed."""
        lane = (held.record.topic, held.record.partition)
        if not held.released and self.read.get(lane) is held:
            del self.read[lane]
        for dataset in [name for name, other in self.released.items() if other is held]:
            del self.released[dataset]

    def drop(self, partitions: Iterable[tuple[str, int]]) -> None:
        """The partitions were taken away; what was read of them will be read again."""
        for lane in partitions:
            self.read.pop(lane, None)

    def _all(self) -> Iterator[Held]:
        yield from self.released.values()
        yield from self.read.values()

    def _sync(self, heads: dict[str, Entry]) -> None:
        for dataset in [d for d, h in self.released.items() if d not in heads or heads[d].place != h.record.place]:
            del self.released[dataset]
        for dataset, head in heads.items():
            if dataset not in self.released and head.record is not None:
                self.released[dataset] = Held(head.record, released=True)
