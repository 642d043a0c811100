"""Runs a stage on the broker; every service's __main__ is `sys.exit(serve(ItsSettings, its_stage))`.

Start: take the stage's transactional id (which fences an older instance), read what is parked, join the group. Then
the loop (loop.py) until SIGTERM: the event in hand is finished, or after a while abandoned; either way a restart goes
on from what is committed. A crash is logged and ends the process with 1.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

from tidemark import health as health_port
from tidemark import signals, telemetry
from tidemark.clock import Clock, SystemClock
from tidemark.codec import decode
from tidemark.errors import DecodeError, Retryable, SettingsError
from tidemark.events import CHAIN, PARKED, Event, RunRequested
from tidemark.health import Health
from tidemark.kafka import ensure_topics, read_topic
from tidemark.loop import Loop
from tidemark.parking import Parking, rebuild
from tidemark.records import Record
from tidemark.settings import RunnerSettings, load
from tidemark.stage import Stage
from tidemark.transport import KafkaTransport
from tidemark.worker import ThreadWorker

__all__ = ["Stage", "run", "serve"]
log = telemetry.logger(__name__)
S = TypeVar("S", bound=RunnerSettings)
T = TypeVar("T")

POLL_SECONDS = 0.1
GRACE_SECONDS = 20.0  # for the handler to finish after SIGTERM; less than an orchestrator waits before it kills
START_SECONDS = 10.0  # for one try to reach the broker; the loop's heartbeat must not fall silent longer
LAG_EVERY_SECONDS = 15.0
LOOKED_AT = 20  # records from the end of a stage's own topic, for its metrics after a restart


class StoppedError(Exception):
    """The process was told to end and has waited long enough."""


class Lifetime:
    """The process's heartbeat and its end."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._asked_at: float | None = None

    def ask_to_stop(self, signum: int = 0, frame: FrameType | None = None) -> None:
        """SIGTERM or SIGINT."""
        self._asked_at = self._asked_at or time.monotonic()

    @property
    def stopping(self) -> bool:
        """Begin nothing new."""
        return self._asked_at is not None

    def watch(self) -> None:
        """End the process when the loop has stopped coming round: a client call that never returns. Runs for ever."""
        while self._health.alive:
            time.sleep(1.0)
        log.error("the loop has not come round; the process ends, to be started again")
        os._exit(1)

    def beat(self) -> None:
        """Show that the loop comes round; StoppedError once the grace after a signal is over."""
        self._health.beat()
        if self._asked_at is not None and time.monotonic() - self._asked_at > GRACE_SECONDS:
            raise StoppedError


def serve(kind: type[S], compose: Callable[[S], Stage]) -> int:
    """A service's whole main: read the settings, put the stage together, run it. 2: settings are missing or wrong."""
    try:
        settings = load(kind)
        stage = compose(settings)
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a person starts the process and reads this
        return 2
    return run(stage, settings)


def run(stage: Stage, settings: RunnerSettings) -> int:
    """Run the stage until SIGTERM; returns the exit code: 0 stopped, 1 crashed."""
    telemetry.setup(stage.name, settings)
    health = Health()
    lifetime, worker = Lifetime(health), ThreadWorker()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lifetime.ask_to_stop)
        signal.signal(signal.SIGINT, lifetime.ask_to_stop)
    try:
        server = health_port.serve(health, settings.health_host, settings.health_port)
        log.info("started", extra={"health_port": server.server_port})
        threading.Thread(target=lifetime.watch, name="watchdog", daemon=True).start()
        _work(stage, settings, health, lifetime, worker)
        log.info("stopped")
        code = 0
    except StoppedError:
        log.warning("stopped with work in hand; it will be done after the next start")
        code = 0
    except Exception:
        log.exception("crashed")
        code = 1
    telemetry.shut_down()
    if worker.busy:
        os._exit(code)  # waiting for an abandoned handler would keep the process alive
    return code


def _work(stage: Stage, settings: RunnerSettings, health: Health, lifetime: Lifetime, worker: ThreadWorker) -> None:
    insist(lifetime, lambda: ensure_topics(settings, seconds=START_SECONDS))
    transport = KafkaTransport(settings, stage.name, lifetime.beat)
    try:
        loop = start(stage, settings, transport, lifetime, worker, SystemClock())
        lag_due = time.monotonic()
        while not lifetime.stopping or loop.job is not None:
            lifetime.beat()
            loop.draining = lifetime.stopping
            health.ready = transport.assigned
            loop.step(POLL_SECONDS)
            if time.monotonic() >= lag_due:
                lag_due = time.monotonic() + LAG_EVERY_SECONDS
                _show_lag(stage.name, transport)
    finally:
        transport.close()


def start(
    stage: Stage,
    settings: RunnerSettings,
    transport: KafkaTransport,
    lifetime: Lifetime,
    worker: ThreadWorker,
    clock: Clock,
) -> Loop:
    """A loop that knows what is parked and has joined the group. The stage's id must have been taken before."""
    parked: Parking = insist(lifetime, lambda: rebuild(stage.name, read_topic(settings, PARKED)))
    loop = Loop(stage, transport, parked, worker, clock)
    loop.meter.remember(insist(lifetime, lambda: newest_events(settings, stage.name)))
    asks = {RunRequested.topic} if stage.parks else set()
    transport.subscribe(sorted({event.topic for event in stage.handlers} | asks), loop.moved)
    return loop


def newest_events(settings: RunnerSettings, stage: str) -> list[Event]:
    """What the stage itself told last of each dataset's runs, as far as that is among its topic's last records."""
    topics = [event.topic for event in CHAIN if event.stage == stage]
    records = (record for topic in topics for record in read_topic(settings, topic, last=LOOKED_AT))
    return [event for event in map(_event_of, records) if event is not None]


def _event_of(record: Record) -> Event | None:
    try:
        return decode(record)
    except DecodeError:
        return None  # a stranger's; whoever consumes the topic says so


def insist(lifetime: Lifetime, call: Callable[[], T]) -> T:
    """Call until the broker answers."""
    while True:
        lifetime.beat()
        try:
            return call()
        except Retryable as error:
            log.warning("the broker is away: %s", error)
            if lifetime.stopping:
                raise StoppedError from error


def _show_lag(stage: str, transport: KafkaTransport) -> None:
    for (topic, partition), records in transport.lag().items():
        signals.LAG.labels(stage, topic, partition).set(records)
