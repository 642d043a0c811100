"""`python -m notifier`: alert.raised in, messages and alert.sent out."""

import sys
from collections.abc import Iterator

from notifier.apprise_sinks import sinks
from notifier.ports import Ports
from notifier.settings import NotifierSettings
from notifier.stage import stage
from tidemark.codec import decode
from tidemark.events import AlertSent
from tidemark.kafka import read_topic
from tidemark.runner import serve


def compose(settings: NotifierSettings) -> Ports:
    """The real ports; nothing is connected yet."""

    def sent() -> Iterator[AlertSent]:
        for record in read_topic(settings, AlertSent.topic):
            event = decode(record)
            if isinstance(event, AlertSent):
                yield event

    return Ports(sinks=sinks(settings.alert_urls.get_secret_value()), sent=sent)


def main() -> int:
    """Run until stopped; the exit code."""
    return serve(NotifierSettings, lambda settings: stage(compose(settings)))


if __name__ == "__main__":
    sys.exit(main())
