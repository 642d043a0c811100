"""The same endings on the in-process bus and on a real broker: `harness` is one or the other."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import pytest
from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from tidemark.clock import ManualClock
from tidemark.codec import decode
from tidemark.events import Event
from tidemark.health import Health
from tidemark.kafka import connection, ensure_topics, produce, publish, read_topic, topics
from tidemark.loop import Loop
from tidemark.memory_bus import MemoryBus
from tidemark.parking import Parking
from tidemark.records import Message, Record
from tidemark.runner import Lifetime, start
from tidemark.settings import RunnerSettings
from tidemark.stage import Stage
from tidemark.transport import KafkaTransport
from tidemark.worker import ThreadWorker
from tidemark_lab import jars, java

E = TypeVar("E", bound=Event)
JARS = jars.ensure("kafka")


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
        busy = loop.job is not None or len(waiting) < len(loop.lanes.waiting())
        tick_waits = loop.stage.tick is None or loop.next_tick > self.clock.seconds
        if busy or not tick_waits or not (self.transport.assigned or not loop.stage.handlers):
            return False
        return all(lag == 0 for lane, lag in self.transport.lag().items() if lane not in blocked)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker:
    """The lab's broker, for tests that need nothing else of the lab."""

    def __init__(self, home: Path) -> None:
        from tidemark_lab import broker

        self.home, self.port = home, free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        executable = java.java(jars.cache_folder())
        broker.prepare(executable, JARS, home, self.port, free_port())
        self._command = broker.command(executable, JARS, home)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.home / "broker.log").open("ab") as log:
            self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        ensure_topics(self.bootstrap, seconds=90)

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A running broker with all topics, shared by the tests."""
    yield from running(tmp_path_factory.mktemp("broker"))


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker of the test's own, which it may kill."""
    yield from running(tmp_path / "broker")


def running(home: Path) -> Iterator[Broker]:
    """Start one, and end it whatever happens."""
    one = Broker(home)
    try:
        one.start()
        yield one
    finally:
        one.kill()


@pytest.fixture
def empty_broker(broker: Broker) -> Broker:
    """The broker with nothing in its topics."""
    admin = AdminClient(connection(broker.bootstrap))
    ends = [TopicPartition(topic, partition, -1) for topic in topics() for partition in range(2)]
    compacted = {"tidemark.watcher.state"}
    for end in [e for e in ends if e.topic not in compacted]:
        eventually(lambda end=end: [f.result(10) for f in admin.delete_records([end]).values()])
    return broker


def eventually(call: Callable[[], object], seconds: float = 20.0) -> object:
    """What a broker that has only just started refuses is asked again."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return call()
        except KafkaException:
            if time.monotonic() > deadline:
                raise


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
