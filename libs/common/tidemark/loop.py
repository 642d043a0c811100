"""The one loop of all stages, free of any client: the runner gives it a broker, the in-process bus gives it lists.

One step: conclude what the worker has finished, or give it the next piece of work; then read. A partition gives one
record and then no other until that one is done with, so the loop can keep polling however long a handler takes, and a
record that has to be tried again waits in its lane while other datasets go on. How an event ends is decided in
endings.py; here it is only carried out. A transaction that was aborted is sent again as it was, so that a handler's
memory and what Kafka holds cannot part.
"""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from opentelemetry.trace import Span

from tidemark import endings, signals, telemetry, tracing
from tidemark.clock import Clock
from tidemark.codec import run_id_of_event
from tidemark.desk import Work
from tidemark.endings import Done, Ending, Outcome, Refused, Skipped, TryAgain
from tidemark.events import Event
from tidemark.failpoints import failpoint
from tidemark.lanes import Held, Lanes, pause_after
from tidemark.metrics import Meter
from tidemark.parking import Parking
from tidemark.records import Message, Record
from tidemark.stage import Stage

log = telemetry.logger(__name__)

ALERT_AFTER_TRIES = 4
ABORTED_PAUSE_SECONDS = 1.0


class TransactionAbortedError(Exception):
    """The transaction was aborted: nothing was sent, no offset was committed."""


class Transport(Protocol):
    """The broker, or a stand-in."""

    def poll(self, seconds: float) -> Record | None:
        """The next record; its partition gives no other until resume()."""

    def resume(self, record: Record) -> None:
        """The record is done with."""

    def commit(self, messages: Sequence[Message], acknowledge: Record | None) -> None:
        """Send messages and offset together, or raise TransactionAbortedError."""


class Worker(Protocol):
    """Where handlers run."""

    def start(self, call: Callable[[], Outcome]) -> None:
        """Begin one call."""

    def result(self, seconds: float) -> Outcome | None:
        """Its outcome, if it comes in time; raises what the call raised."""


@dataclass
class Job:
    """What is under way: an event, a record that needs no handler, or (held None) a tick."""

    span: Span
    started: float
    held: Held | None = None
    work: Work | None = None
    ending: Ending | None = None
    due: float = 0.0

    @property
    def event(self) -> Event | None:
        """The event in hand; None for a tick or a record that did not decode."""
        return self.work.event if self.work else None


class Loop:
    """A stage's loop. Call step() again and again; set `draining` to begin nothing new."""

    def __init__(self, stage: Stage, transport: Transport, parking: Parking, worker: Worker, clock: Clock) -> None:
        self.stage, self.parking = stage, parking
        self.lanes = Lanes()
        self.job: Job | None = None
        self.draining = False
        self._transport, self._worker, self._clock = transport, worker, clock
        self.next_tick, self._tick_tries, self._ticked_last = clock.monotonic(), 0, False
        self.meter = Meter(stage)
        self.meter.show_parking(parking)

    def step(self, seconds: float) -> None:
        """Come round once, waiting at most about `seconds` for something to happen. A crash passes through."""
        if self.job is None and not self.draining:
            self._begin()
        if self.job is not None:
            self._advance(self.job, seconds)
            seconds = 0.0
        record = self._transport.poll(seconds)
        if record is not None:
            self.lanes.offer(record)

    def moved(self, partitions: Iterable[tuple[str, int]]) -> None:
        """Partitions came or went: what was read of them will be read again, from what is committed."""
        self.lanes.drop(partitions)

    def _begin(self) -> None:
        now = self._clock.monotonic()
        tick_due = self.stage.tick is not None and now >= self.next_tick
        if tick_due and not self._ticked_last:  # in turn with events, so that neither starves the other
            self._start_tick(now)
            return
        self._ticked_last = False
        for held in self.lanes.due(self.parking, now):
            if self._take(held, now):
                return
        if tick_due:
            self._start_tick(now)

    def _take(self, held: Held, now: float) -> bool:
        admitted = endings.admit(self.stage, self.parking, held.record, self._clock.now_ms(), held.released)
        if admitted is None:
            return False
        work = admitted if isinstance(admitted, Work) else None
        about = {signals.RUN_ID: run_id_of_event(work.event), signals.DATASET: work.event.dataset} if work else {}
        span = tracing.start_consuming(self.stage.name, held.record, about)
        self.job = Job(span, now, held, work)
        if isinstance(admitted, Ending):
            self.job.ending = admitted
        elif work:
            handler = self.stage.handlers[type(work.event)]
            self._start(self.job, lambda: handler(work.event))
        return True

    def _start_tick(self, now: float) -> None:
        self._ticked_last = True
        self.job = Job(tracing.start_tick(self.stage.name), now)
        self._start(self.job, self.stage.tick or tuple)

    def _start(self, job: Job, call: Callable[[], Sequence[Event]]) -> None:
        def in_context() -> Outcome:
            with tracing.inside(job.span), _naming(job.event):
                return endings.attempt(call)

        signals.BUSY.labels(self.stage.name).set(time.time())
        self._worker.start(in_context)

    def _advance(self, job: Job, seconds: float) -> None:
        if job.ending is None:
            outcome = self._result(job, seconds)
            if outcome is None:
                return
            signals.BUSY.labels(self.stage.name).set(0)
            with tracing.inside(job.span), _naming(job.event):
                job.ending = self._concluded(job, outcome)
        if self._clock.monotonic() >= job.due:
            with tracing.inside(job.span), _naming(job.event):
                self._settle(job, job.ending)

    def _result(self, job: Job, seconds: float) -> Outcome | None:
        crashed = True
        try:
            outcome = self._worker.result(seconds)
            crashed = False
        finally:
            if crashed:
                self._end(job, "crash", sys.exc_info()[1])
        return outcome

    def _concluded(self, job: Job, outcome: Outcome) -> Ending:
        error = None if isinstance(outcome, Done) else outcome.error
        if error is not None:
            level = log.info if isinstance(outcome, Skipped) else log.warning
            level("%s: %s", type(error).__name__, error)
        if job.held is None or job.work is None:
            return self._tick_concluded(outcome)
        if isinstance(outcome, TryAgain):
            if job.held.tries + 1 < ALERT_AFTER_TRIES:
                return Ending("retry")
            return endings.trouble(self.stage, self.parking, job.work, outcome.error, self._clock.now_ms())
        return endings.conclude(self.stage, self.parking, job.work, outcome, self._clock.now_ms())

    def _tick_concluded(self, outcome: Outcome) -> Ending:
        error = outcome.error if isinstance(outcome, TryAgain | Refused) else None
        self._tick_tries = self._tick_tries + 1 if error else 0
        pause = max(self.stage.tick_seconds, pause_after(self._tick_tries) if error else 0.0)
        self.next_tick = self._clock.monotonic() + pause
        if isinstance(outcome, TryAgain) and self._tick_tries < ALERT_AFTER_TRIES:
            return Ending("retry")
        alert = endings.tick_alert(self.stage, self.parking, error, self._clock.now_ms())
        return replace(alert, events=(*outcome.events, *alert.events)) if isinstance(outcome, Done) else alert

    def _settle(self, job: Job, ending: Ending) -> None:
        """Carry an ending out. An aborted transaction is sent again, unless the record is no longer ours."""
        held = job.held
        if held is not None and not self.lanes.holds(held):
            log.warning("the partition was taken away; the event will come again")
            self._end(job, "lost")
            return
        if not ending.empty and not self._commit(job, ending):
            job.due = self._clock.monotonic() + ABORTED_PAUSE_SECONDS
            return
        if held is not None and ending.outcome == "retry":
            held.again(self._clock.monotonic())
        elif held is not None:
            self.lanes.done(held)
            if not held.released:
                self._transport.resume(held.record)
        self._end(job, ending.outcome)

    def _commit(self, job: Job, ending: Ending) -> bool:
        messages = endings.to_messages(ending, self.stage.name, job.event)
        failpoint(f"{self.stage.name}.before-produce")
        try:
            self._transport.commit(messages, ending.acknowledge)
        except TransactionAbortedError as error:
            log.warning("the transaction was aborted, it will be sent again: %s", error)
            return False
        failpoint(f"{self.stage.name}.after-produce")
        self.parking.apply(ending.entries)
        self.meter.show_parking(self.parking)
        self.meter.committed(ending.events)
        if self.stage.committed is not None:
            self.stage.committed(ending.events)
        return True

    def _end(self, job: Job, outcome: str, error: BaseException | None = None) -> None:
        self.job = None
        seconds = self._clock.monotonic() - job.started
        if job.held is None:
            tracing.finish_tick(job.span, keep=bool(error or (job.ending and job.ending.events)))
            return
        topic = job.held.record.topic
        self.meter.ended(job.event.dataset if job.event else "", topic, outcome, seconds, job.span)
        log.info(outcome, extra={"place": job.held.record.place, "seconds": round(seconds, 3), "tries": job.held.tries})
        tracing.mark(job.span, outcome, error)
        job.span.end()


def _naming(event: Event | None) -> telemetry.Naming:
    return telemetry.working_on(event.dataset if event else None, run_id_of_event(event) if event else None)
