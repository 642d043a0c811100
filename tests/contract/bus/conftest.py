"""The same endings on the in-process bus and on a real broker: `harness` is one or the other."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import pytest
from broker_of_a_test import Broker, emptied, running
from confluent_kafka import Producer

from tidemark.clock import ManualClock
from tidemark.codec import decode
from tidemark.events import Event
from tidemark.health import Health
from tidemark.kafka import connection, produce, publish, read_topic
from tidemark.loop import Loop
from tidemark.memory_bus import MemoryBus
from tidemark.parking import Parking
from tidemark.records import Message, Record
from tidemark.runner import Lifetime, start
from tidemark.settings import RunnerSettings
from tidemark.stage import Stage
from tidemark.transport import KafkaTransport
from tidemark.worker import ThreadWorker

E = TypeVar("E", bound=Event)


class Harness(Protocol):
    """One stage on a bus."""

    def begin(self, stage: Stage) -> None:
        """Start, or start again as a new process would."""

    def publish(self, event: Event) -> None:
        """Send an event."""

    def send(self, message: Message) -> None:
        """Send a record as it is."""

    def settle(self, waits: int = 0) -> None:
        """Work until nothing is left but what waits; let so many pauses pass."""

    def clock_on(self, seconds: float) -> None:
        """Let time pass."""

    def records(self, topic: str) -> list[Record]:
        """What a topic holds."""

    def parking(self) -> Parking:
        """What the stage has set aside."""


def events(harness: Harness, kind: type[E]) -> list[E]:
    """The events of a topic."""
    return [event for event in map(decode, harness.records(kind.topic)) if isinstance(event, kind)]


class MemoryHarness:
    """The bus."""

    def begin(self, stage: Stage) -> None:
        if not hasattr(self, "bus"):
            self.bus = MemoryBus(stage)
        self.bus.restart(stage)
        self.stage = stage

    def publish(self, event: Event) -> None:
        self.bus.publish(event)

    def send(self, message: Message) -> None:
        self.bus.send([message])

    def settle(self, waits: int = 0) -> None:
        self.bus.run(tries=waits)

    def clock_on(self, seconds: float) -> None:
        self.bus.clock.advance(seconds)

    def records(self, topic: str) -> list[Record]:
        return self.bus.records(topic)

    def parking(self) -> Parking:
        return self.bus.parking(self.stage.name)


class BrokerHarness:
    """The runner's loop on the broker, stepped by the test; only the pauses are by a clock that is moved by hand."""

    def __init__(self, bootstrap: str) -> None:
        self.settings = RunnerSettings(kafka_bootstrap=bootstrap)
        self.clock = ManualClock()
        self.transport: KafkaTransport | None = None
        self.loop: Loop | None = None

    def begin(self, stage: Stage) -> None:
        self.close()
        lifetime = Lifetime(Health())
        self.transport = KafkaTransport(self.settings, stage.name, lifetime.beat)
        self.loop = start(stage, self.settings, self.transport, lifetime, ThreadWorker(), self.clock)

    def publish(self, event: Event) -> None:
        publish(self.settings, event)

    def send(self, message: Message) -> None:
        producer = Producer(connection(self.settings))
        produce(producer, message)
        assert producer.flush(10) == 0

    def settle(self, waits: int = 0) -> None:
        self._until_quiet()
        for _ in range(waits):
            held = [h.due for h in self.loop.lanes.waiting() if h.due > self.clock.seconds]
            if not held:
                return
            self.clock.advance(min(held) - self.clock.seconds)
            self._until_quiet()

    def clock_on(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def records(self, topic: str) -> list[Record]:
        return list(read_topic(self.settings, topic))

    def parking(self) -> Parking:
        return self.loop.parking

    def close(self) -> None:
        """Leave the group."""
        if self.transport is not None:
            self.transport.close()
        self.transport = None

    def _until_quiet(self, seconds: float = 30.0) -> None:
        deadline, quiet = time.monotonic() + seconds, 0
        while quiet < 3:
            assert time.monotonic() < deadline, "the stage does not come to rest"
            self.loop.step(0.05)
            quiet = quiet + 1 if self._quiet() else 0

    def _quiet(self) -> bool:
        loop = self.loop
        waiting = [h for h in loop.lanes.waiting() if h.due > self.clock.seconds]
        blocked = {(h.record.topic, h.record.partition) for h in waiting}
        later = {dataset for dataset, h in loop.lanes.released.items() if h in waiting}
        # a resumed event is nobody's lag, and stands in its lane only once the loop has come round to it
        to_come = loop.parking.to_release().keys() - later
        busy = loop.job is not None or bool(to_come) or len(waiting) < len(loop.lanes.waiting())
        tick_waits = loop.stage.tick is None or loop.next_tick > self.clock.seconds
        if busy or not tick_waits or not (self.transport.assigned or not loop.stage.handlers):
            return False
        return all(lag == 0 for lane, lag in self.transport.lag().items() if lane not in blocked)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A running broker with all topics, shared by the tests."""
    yield from running(tmp_path_factory.mktemp("broker"))


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker of the test's own, which it may kill."""
    yield from running(tmp_path / "broker")


@pytest.fixture
def empty_broker(broker: Broker) -> Broker:
    """The broker with nothing in its topics."""
    emptied(broker)
    return broker


@pytest.fixture(params=["memory", pytest.param("broker", marks=pytest.mark.lab)])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    """A bus without any record."""
    if request.param == "memory":
        yield MemoryHarness()
        return
    kafka = BrokerHarness(request.getfixturevalue("empty_broker").bootstrap)
    try:
        yield kafka
    finally:
        kafka.close()


@pytest.fixture
def stage_name(request: pytest.FixtureRequest) -> str:
    """A name of its own for each test, so that no group or transaction is shared."""
    return f"stage-{abs(hash(request.node.nodeid)) % 10**8}"
