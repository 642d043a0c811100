"""alert.raised -> alert.sent: one message an incident, and one when it is over, to every sink.

What has been sent is remembered in Kafka: AlertSent goes out in one transaction with the alert's offset, after every
sink took the message. So a sink that is away loses nothing, and a repeat of an open incident says nothing. A process
that dies between sink and transaction sends that one message again. Alerts of severity info open no incident; the
notifier's own trouble cannot be told by the notifier, and is not tried.
"""

from collections.abc import Sequence

from notifier.ports import Message, Ports, Sink
from tidemark.errors import Retryable
from tidemark.events import AlertRaised, AlertSent, Event
from tidemark.stage import Stage

NAME = "notifier"
KINDS = {"info": "info", "warning": "warning", "critical": "failure"}


class Told:
    """What people know: incidents that are open, and which sinks took the message in hand."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._open: set[str] | None = None
        self._taken: set[tuple[str, str]] = set()

    def is_news(self, event: AlertRaised) -> bool:
        """An incident that begins, or the end of one that people were told of."""
        if self._open is None:
            sent = list(self._ports.sent())  # whole, or Retryable: half of it would tell things twice
            self._open = set()
            self.committed(sent)
        if event.resolved:
            return event.incident in self._open
        return event.severity != "info" and event.incident not in self._open

    def committed(self, events: Sequence[Event]) -> None:
        """These stand in Kafka now."""
        for event in events:
            if isinstance(event, AlertSent) and self._open is not None:
                (self._open.discard if event.resolved else self._open.add)(event.incident)
                self._taken = {one for one in self._taken if one[0] != event.alert_id}

    def send(self, event: AlertRaised) -> None:
        """To every sink that has not taken it at an earlier try; Retryable names those that are away."""
        away = [problem for sink in self._ports.sinks if (problem := self._sent_to(sink, event))]
        if away:
            raise Retryable("; ".join(away))

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
        if event.raised_by == NAME or not told.is_news(event):
            return []
        told.send(event)
        sent = AlertSent(
            dataset=event.dataset,
            alert_id=event.event_id,
            incident=event.incident,
            resolved=event.resolved,
            sinks=[sink.name for sink in ports.sinks],
        )
        return [sent]

    return Stage(name=NAME, handlers={AlertRaised: on_alert}, parks=False, committed=told.committed)


def message(event: AlertRaised) -> Message:
    """What is sent: what happened, where, and the incident's name, by which its end is known."""
    about = [f"dataset {event.dataset}", f"run {event.run_id}" if event.run_id else "", f"told by {event.raised_by}"]
    body = "\n".join(filter(None, (event.detail, ", ".join(filter(None, about)), f"incident {event.incident}")))
    word = "resolved" if event.resolved else event.severity
    return Message(f"[{word}] {event.title}", body, "success" if event.resolved else KINDS[event.severity])  # type: ignore[arg-type]
