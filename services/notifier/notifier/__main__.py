"""`python -m notifier`: alert.raised in, messages and alert.sent out."""

import sys
from collections.abc import Iterator, Mapping
from typing import TypeVar

from notifier.apprise_sinks import sinks
from notifier.policy import policy
from notifier.ports import Ports
from notifier.settings import NotifierSettings
from notifier.stage import NAME, stage
from tidemark.codec import decode
from tidemark.errors import DecodeError
from tidemark.events import AlertRaised, AlertSent, Event
from tidemark.kafka import read_topic
from tidemark.lag import Lane, acknowledged
from tidemark.runner import serve

E = TypeVar("E", bound=Event)


def compose(settings: NotifierSettings) -> Ports:
    """The real ports; nothing is connected yet."""

    def told(kind: type[E], until: Mapping[Lane, int] | None = None) -> Iterator[E]:
        for record in read_topic(settings, kind.topic):
            if until is not None and record.offset >= until.get((record.topic, record.partition), 0):
                continue
            try:
                event = decode(record)
            except DecodeError:
                continue  # the runner makes a dead letter of it when its turn comes
            if isinstance(event, kind):
                yield event

    return Ports(
        sinks=sinks(settings.alert_urls.get_secret_value()),
        sent=lambda: told(AlertSent),
        acknowledged=lambda: told(AlertRaised, acknowledged(settings, NAME)),
        policy=policy(settings.alert_quiet_hours, settings.alert_time_zone, settings.alert_most_per_hour),
    )


def main() -> int:
    """Run until stopped; the exit code."""
    return serve(NotifierSettings, lambda settings: stage(compose(settings)))


if __name__ == "__main__":
    sys.exit(main())
