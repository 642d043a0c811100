"""Whether a stage's own clients still reach the broker.

A broker that stood still for longer than its cluster waits comes back fenced, and tells for a moment of no brokers at
all. Clients of librdkafka 2.16 forget every broker then and never ask again (confluentinc/librdkafka#5301): they look
as if the broker was away, for ever, while any new client is served. Only a new process helps.
"""

import time
from collections.abc import Callable
from typing import Protocol

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tidemark import telemetry
from tidemark.events import PARKED
from tidemark.kafka import connection
from tidemark.settings import KafkaSettings

log = telemetry.logger(__name__)

LOOK_EVERY_SECONDS = 10.0
ASK_SECONDS = 5.0
TIMES = 3  # in a row, so that a broker which has only just come back is not taken for a lost one


class BrokersForgottenError(Exception):
    """A client of this process has lost the broker for good; a crash, for a new process is served."""


class Client(Protocol):
    """Any of the library's clients: all of them can be asked for metadata."""

    def list_topics(self, topic: str, timeout: float) -> object:
        """KafkaException unless a broker answers in time."""


class Served:
    """Watches the clients of one process."""

    def __init__(
        self, clients: list[Client], new_client: Callable[[], Client], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clients, self._new_client, self._clock = clients, new_client, clock
        self._due, self._forgotten = clock() + LOOK_EVERY_SECONDS, 0

    def look(self) -> None:
        """Ask all, if it is time again; BrokersForgottenError when only a new client was answered TIMES in a row."""
        if self._clock() < self._due:
            return
        forgotten = not all(map(_answered, self._clients)) and _answered(self._new_client())
        self._forgotten = self._forgotten + 1 if forgotten else 0
        self._due = self._clock() + LOOK_EVERY_SECONDS
        if forgotten:
            log.warning("only a new client reaches the broker", extra={"times": self._forgotten})
        if self._forgotten >= TIMES:
            raise BrokersForgottenError("only a new client reaches the broker; the process ends, to be started again")


def new_client(settings: KafkaSettings) -> Client:
    """A client that knows the bootstrap servers only."""
    return AdminClient(connection(settings), logger=log)


def _answered(client: Client) -> bool:
    try:
        client.list_topics(PARKED, timeout=ASK_SECONDS)
    except KafkaException:
        return False
    return True
