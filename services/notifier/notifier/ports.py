"""What the notifier needs of the outside. apprise_sinks.py does it for real, memory.py without anything."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from msgspec import Struct

from tidemark.events import AlertSent


class Message(Struct, frozen=True):
    """What a person reads, plain text; `kind` gives it its colour where there is one."""

    title: str
    body: str
    kind: Literal["info", "success", "warning", "failure"]


class Sink(Protocol):
    """A place where people look. `name` says which, without its secrets."""

    name: str

    def send(self, message: Message) -> None:
        """Deliver it; Retryable unless the sink took it."""


@dataclass(frozen=True)
class Ports:
    """`sent` gives every AlertSent that Kafka holds, in order; it is asked once."""

    sinks: Sequence[Sink]
    sent: Callable[[], Iterable[AlertSent]]
