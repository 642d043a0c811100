"""A broker in one process: stages run on lists instead of topics, with the very loop and endings of the runner.

    bus = MemoryBus(stage, other_stage)
    bus.publish(SnapshotCommitted(...))
    bus.run()
    assert bus.events(RawLoaded) == [...]

Nothing waits: the clock is moved by hand, and run() moves it on to whatever is to be tried again next.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from tidemark.clock import ManualClock
from tidemark.codec import decode, encode
from tidemark.events import DEAD_LETTERS, PARKED, Event, RunRequested
from tidemark.loop import Loop, TransactionAbortedError
from tidemark.parking import Parking, rebuild
from tidemark.records import Message, Record
from tidemark.stage import Stage
from tidemark.worker import InlineWorker

E = TypeVar("E", bound=Event)
Lane = tuple[str, int]
STEPS = 100_000


class FencedError(Exception):
    """A newer process of the stage has taken over; this one can send no more. It ends, as a crash does."""


class MemoryBus:
    """Topics as lists, and the loops that work on them."""

    def __init__(self, *stages: Stage, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock()
        self.log: list[Record] = []
        self.committed: dict[tuple[str, str, int], int] = {}
        self._loops: dict[str, Loop] = {}
        self.transports: dict[str, MemoryTransport] = {}
        for stage in stages:
            self.restart(stage)

    def publish(self, event: Event, source: str | None = None) -> None:
        """Send an event as a person or another process would."""
        self.send([encode(event, source)])

    def send(self, messages: Iterable[Message]) -> None:
        """Append records as they are, well formed or not."""
        for m in messages:
            offset = len(self.records(m.topic, m.partition))
            self.log.append(Record(m.topic, m.partition, offset, m.key, m.value, m.headers, self.clock.now_ms()))

    def run(self, tries: int = 6) -> None:
        """Work until all is done, or what waits has been tried `tries` times more without progress.

        A handler's crash passes through.
        """
        waits = 0
        for _ in range(STEPS):
            if self._step():
                waits = 0
            elif waits < tries and self._wait():
                waits += 1
            else:
                return
        raise AssertionError(f"the stages do not come to rest in {STEPS} steps")

    def restart(self, stage: Stage) -> None:
        """Begin a stage as a new process would, from what is committed."""
        topics = {event.topic for event in stage.handlers} | ({RunRequested.topic} if stage.parks else set())
        transport = self.transports[stage.name] = MemoryTransport(self, stage.name, topics)
        parked = rebuild(stage.name, self.records(PARKED))
        self._loops[stage.name] = Loop(stage, transport, parked, InlineWorker(), self.clock)

    def records(self, topic: str, partition: int | None = None) -> list[Record]:
        """A topic's records in the order in which they were sent."""
        return [r for r in self.log if r.topic == topic and partition in (None, r.partition)]

    def events(self, kind: type[E]) -> list[E]:
        """A topic's events in the order in which they were sent."""
        found = map(decode, self.records(kind.topic))
        return [event for event in found if isinstance(event, kind)]

    def dead_letters(self) -> list[Record]:
        """What was refused."""
        return self.records(DEAD_LETTERS)

    def parking(self, stage_name: str) -> Parking:
        """What a stage has set aside."""
        return self._loops[stage_name].parking

    def _step(self) -> bool:
        moved = False
        for loop in self._loops.values():
            before = len(self.log), dict(self.committed), len(loop.lanes.read), loop.job is None
            loop.step(0.0)
            moved |= before != (len(self.log), self.committed, len(loop.lanes.read), loop.job is None)
        return moved

    def _wait(self) -> bool:
        """Move the clock to the next record that waits; False if there is none."""
        held = [h.due for loop in self._loops.values() for h in loop.lanes.waiting()]
        jobs = [loop.job.due for loop in self._loops.values() if loop.job]
        due = [d for d in held + jobs if d > self.clock.monotonic()]
        if not due:
            return False
        self.clock.advance(min(due) - self.clock.monotonic())
        return True


class MemoryTransport:
    """One stage's view of the bus. `abort_next` makes that many transactions fail."""

    def __init__(self, bus: MemoryBus, stage: str, topics: Iterable[str]) -> None:
        self._bus, self._stage, self._topics = bus, stage, frozenset(topics)
        self._position = {(t, p): offset for (s, t, p), offset in bus.committed.items() if s == stage}
        self._paused: set[Lane] = set()
        self.abort_next = 0

    def poll(self, seconds: float) -> Record | None:
        """The next record of a partition that gives one."""
        for record in self._bus.log:
            lane = record.topic, record.partition
            ours = record.topic in self._topics and lane not in self._paused
            if ours and record.offset >= self._position.get(lane, 0):
                self._position[lane] = record.offset + 1
                self._paused.add(lane)
                return record
        return None

    def resume(self, record: Record) -> None:
        """Let the partition give its next record."""
        self._paused.discard((record.topic, record.partition))

    def commit(self, messages: Sequence[Message], acknowledge: Record | None) -> None:
        """All of it or nothing; FencedError once the stage was begun again."""
        if self._bus.transports[self._stage] is not self:
            raise FencedError(self._stage)
        if self.abort_next:
            self.abort_next -= 1
            raise TransactionAbortedError("as asked")
        self._bus.send(messages)
        if acknowledge is not None:
            self._bus.committed[self._stage, acknowledge.topic, acknowledge.partition] = acknowledge.offset + 1
