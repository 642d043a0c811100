"""A sink in memory; `away` makes it refuse."""

from notifier.ports import Message
from tidemark.errors import Retryable


class MemorySink:
    """Keeps what it took."""

    def __init__(self, name: str = "memory") -> None:
        self.name, self.away = name, False
        self.taken: list[Message] = []

    def send(self, message: Message) -> None:
        """Take it, unless away."""
        if self.away:
            raise Retryable(f"{self.name} did not take the message")
        self.taken.append(message)
