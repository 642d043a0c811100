"""What the notifier needs of the outside. apprise_sinks.py does it for real, memory.py without anything."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from msgspec import Struct

from notifier.policy import Policy
from tidemark.clock import SystemClock
from tidemark.events import AlertRaised, AlertSent, Severity


class Message(Struct, frozen=True):
    """What a person reads, plain text; `kind` gives it its colour where there is one."""

    title: str
    body: str
    kind: Literal["info", "success", "warning", "failure"]


class Sink(Protocol):
    """A place where people look. `name` says which, without its secrets; `severities`: which alerts are for it."""

    name: str
    severities: frozenset[Severity]

    def send(self, message: Message) -> None:
        """Deliver it; Retryable unless the sink took it."""


@dataclass(frozen=True)
class Ports:
    """`sent` gives every AlertSent that Kafka holds, `acknowledged` every AlertRaised that the notifier is done with,
    in order; each is asked once. `now_ms`: epoch ms."""

    sinks: Sequence[Sink]
    sent: Callable[[], Iterable[AlertSent]]
    acknowledged: Callable[[], Iterable[AlertRaised]] = tuple
    policy: Policy = field(default_factory=Policy)
    now_ms: Callable[[], int] = SystemClock().now_ms
