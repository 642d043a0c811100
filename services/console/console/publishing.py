"""What an action puts into Kafka: the events that the command line puts there, and dead letters back where they lay."""

from typing import Protocol

from tidemark import kafka
from tidemark.events import Event
from tidemark.records import Message
from tidemark.settings import KafkaSettings

SOURCE = "console"


class Publisher(Protocol):
    """Returns once the broker has it; Retryable if it does not answer. It waits, so it is called off the loop."""

    def publish(self, event: Event) -> None:
        """An event, to its own topic."""

    def send(self, message: Message) -> None:
        """A record as it is."""


class KafkaPublisher:
    """The real one."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings

    def publish(self, event: Event) -> None:
        kafka.publish(self._settings, event, SOURCE)

    def send(self, message: Message) -> None:
        kafka.send(self._settings, message)


class MemoryPublisher:
    """Its twin: what was published, in order."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.messages: list[Message] = []

    def publish(self, event: Event) -> None:
        self.events.append(event)

    def send(self, message: Message) -> None:
        self.messages.append(message)
