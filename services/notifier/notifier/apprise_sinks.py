"""Sinks through Apprise, which knows webhooks, Slack, e-mail and a hundred others by their URL.

It sends plain text: each service's plugin escapes it for its own markup. A URL holds its secret, so it is never shown.
"""

from apprise import Apprise, NotifyFormat, NotifyType

from notifier.ports import Message
from tidemark.errors import Retryable, SettingsError


class AppriseSink:
    """One URL."""

    def __init__(self, name: str, service: Apprise) -> None:
        self.name = name
        self._service = service

    def send(self, message: Message) -> None:
        """Deliver it; Retryable unless the service took it."""
        kind = NotifyType(message.kind)
        if not self._service.notify(message.body, message.title, kind, body_format=NotifyFormat.TEXT):
            raise Retryable(f"{self.name} did not take the message")


def sinks(urls: str) -> list[AppriseSink]:
    """A sink for each URL, separated by white space; SettingsError says which is none, by its place."""
    found = []
    for place, url in enumerate(urls.split(), 1):
        service = Apprise()
        if not service.add(url):
            raise SettingsError(f"TIDEMARK_ALERT_URLS: number {place} is no address that Apprise knows")
        found.append(AppriseSink(f"{place} ({url.partition(':')[0]})", service))
    return found
