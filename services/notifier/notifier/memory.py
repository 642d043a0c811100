"""A sink in memory; `away` makes it refuse."""

from collections.abc import Iterable

from notifier.policy import SEVERITIES
from notifier.ports import Message
from tidemark.errors import Retryable
from tidemark.events import Severity


class MemorySink:
    """Keeps what it took."""

    def __init__(self, name: str = "memory", severities: Iterable[Severity] = SEVERITIES) -> None:
        self.name, self.away, self.severities = name, False, frozenset(severities)
        self.taken: list[Message] = []

    def send(self, message: Message) -> None:
        """Take it, unless away."""
        if self.away:
            raise Retryable(f"{self.name} did not take the message")
        self.taken.append(message)
