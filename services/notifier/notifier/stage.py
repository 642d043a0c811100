"""alert.raised -> alert.sent: one message an incident, and one when it is over, to every sink that its severity is for.

What has been sent is remembered in Kafka: AlertSent goes out in one transaction with the alert's offset, after every
sink took the message. So a sink that is away loses nothing, and a repeat of an open incident says nothing. A process
that dies between sink and transaction sends that one message again. Alerts of severity info open no incident; the
notifier's own trouble cannot be told by the notifier, and is not tried.

What the policy holds back (policy.py) is acknowledged and waits here; a tick sends it when it may go. A new process
finds again what waits: the newest word on each incident that was acknowledged and that alert.sent does not answer. What
is not acknowledged yet has its turn to come: told before it, an end would stand before its incident's next repeat.
"""

from collections import deque
from collections.abc import Sequence
from typing import Literal

from notifier.ports import Message, Ports, Sink
from tidemark.errors import Retryable
from tidemark.events import AlertRaised, AlertSent, Event, Severity
from tidemark.stage import Stage

NAME = "notifier"
KINDS: dict[Severity, Literal["info", "warning", "failure"]] = {
    "info": "info",
    "warning": "warning",
    "critical": "failure",
}


class Told:
    """What people know: incidents that are open and who was told of each, which sinks took the message in hand, and
    what waits."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._open: dict[str, list[str]] | None = None
        self._taken: set[tuple[str, str]] = set()
        self._sent_ms: deque[int] = deque(maxlen=10_000)
        self._waiting: dict[str, AlertRaised] = {}

    def is_news(self, event: AlertRaised) -> bool:
        """An incident that begins, or the end of one that people were told of."""
        known = self._known()
        if event.raised_by == NAME:
            return False
        if event.resolved:
            return event.incident in known
        return event.severity != "info" and event.incident not in known and bool(self._sinks_for(event))

    def must_wait(self, event: AlertRaised) -> bool:
        """Whether the message may not go now; it waits then. A newer word on its incident takes its place."""
        self._waiting.pop(event.incident, None)
        waits = self.is_news(event) and self._ports.policy.waits(event, self._ports.now_ms(), self._sent_ms)
        if waits:
            self._waiting[event.incident] = event
        return waits

    def next_due(self) -> AlertRaised | None:
        """What has waited longest, if it may go now."""
        self._known()
        for incident, event in list(self._waiting.items()):
            if not self.is_news(event):
                del self._waiting[incident]
            elif not self._ports.policy.waits(event, self._ports.now_ms(), self._sent_ms):
                return event
        return None

    def committed(self, events: Sequence[Event]) -> None:
        """These stand in Kafka now."""
        for event in events:
            if isinstance(event, AlertSent) and self._open is not None:
                if event.resolved:
                    self._open.pop(event.incident, None)
                else:
                    self._open[event.incident] = event.sinks
                self._taken = {one for one in self._taken if one[0] != event.alert_id}

    def send(self, event: AlertRaised) -> AlertSent:
        """To every sink that has not taken it at an earlier try; Retryable names those that are away."""
        sinks = self._sinks_for(event)
        away = [problem for sink in sinks if (problem := self._sent_to(sink, event))]
        if away:
            raise Retryable("; ".join(away))
        self._sent_ms.append(self._ports.now_ms())
        return AlertSent(
            dataset=event.dataset,
            alert_id=event.event_id,
            incident=event.incident,
            resolved=event.resolved,
            sinks=[sink.name for sink in sinks],
        )

    def _known(self) -> dict[str, list[str]]:
        if self._open is None:
            sent = list(self._ports.sent())  # whole, or Retryable: half of it would tell things twice
            acknowledged = list(self._ports.acknowledged())
            self._open = {}
            self.committed(sent)
            newest = {event.incident: event for event in acknowledged}
            waits = self._ports.policy.quiet or self._ports.policy.most_per_hour
            self._waiting = {name: event for name, event in newest.items() if self.is_news(event)} if waits else {}
        return self._open

    def _sinks_for(self, event: AlertRaised) -> list[Sink]:
        """Those that its severity is for; of an end those that were told of the beginning, if they are still there."""
        if not event.resolved:
            return [sink for sink in self._ports.sinks if event.severity in sink.severities]
        told = self._known().get(event.incident, [])
        return [sink for sink in self._ports.sinks if sink.name in told] or list(self._ports.sinks)

    def _sent_to(self, sink: Sink, event: AlertRaised) -> str | None:
        if (event.event_id, sink.name) in self._taken:
            return None
        try:
            sink.send(message(event))
        except Retryable as error:
            return str(error)
        self._taken.add((event.event_id, sink.name))
        return None


def stage(ports: Ports) -> Stage:
    """The stage as the runner takes it."""
    told = Told(ports)

    def on_alert(event: AlertRaised) -> Sequence[Event]:
        return [] if told.must_wait(event) or not told.is_news(event) else [told.send(event)]

    def tick() -> Sequence[Event]:
        due = told.next_due()  # one a tick: what one sink took and another did not is tried again alone
        return [] if due is None else [told.send(due)]

    return Stage(name=NAME, handlers={AlertRaised: on_alert}, tick=tick, parks=False, committed=told.committed)


def message(event: AlertRaised) -> Message:
    """What is sent: what happened, where, and the incident's name, by which its end is known."""
    about = [f"dataset {event.dataset}", f"run {event.run_id}" if event.run_id else "", f"told by {event.raised_by}"]
    body = "\n".join(filter(None, (event.detail, ", ".join(filter(None, about)), f"incident {event.incident}")))
    word = "resolved" if event.resolved else event.severity
    return Message(f"[{word}] {event.title}", body, "success" if event.resolved else KINDS[event.severity])
