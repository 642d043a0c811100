"""Sinks through Apprise, which knows webhooks, Slack, e-mail and a hundred others by their URL.

It sends plain text: each service's plugin escapes it for its own markup. A URL holds its secret, so it is never shown.
"""

from apprise import Apprise, NotifyFormat, NotifyType

from notifier.policy import route
from notifier.ports import Message
from tidemark.errors import Retryable, SettingsError
from tidemark.events import Severity


class AppriseSink:
    """One URL."""

    def __init__(self, name: str, service: Apprise, severities: frozenset[Severity]) -> None:
        self.name, self.severities = name, severities
        self._service = service

    def send(self, message: Message) -> None:
        """Deliver it; Retryable unless the service took it."""
        kind = NotifyType(message.kind)
        if not self._service.notify(message.body, message.title, kind, body_format=NotifyFormat.TEXT):
            raise Retryable(f"{self.name} did not take the message")


def sinks(urls: str) -> list[AppriseSink]:
    """A sink for each URL, separated by white space, with the severities before it, if any (policy.py).

    SettingsError says which is none, by its place.
    """
    found = []
    for place, address in enumerate(urls.split(), 1):
        severities, url = route(address)
        service = Apprise()
        if not service.add(url):
            raise SettingsError(f"TIDEMARK_ALERT_URLS: number {place} is no address that Apprise knows")
        found.append(AppriseSink(f"{place} ({url.partition(':')[0]})", service, severities))
    return found
