"""Faust's way to the broker: the same settings as every service's, and four things that Faust does otherwise.

Faust reads uncommitted records unless it writes in transactions itself, which it need not: a record that is folded
twice changes nothing. And it commits places whose changelog it has not sent yet when the sending takes longer than a
tenth of a second, which loses what was folded if the process and its folder go then: here a commit waits for it.
And at its start it fetches while it seeks the committed places, and throws some of that away for the process's life:
here nothing is fetched meanwhile, and the seek leaves out no partition. And its watch for slow streams crashes if it
looks during that seek, which on a busy machine it does.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import aiokafka
import faust
from faust.transport.drivers import aiokafka as driver
from faust.transport.producer import ProducerBuffer
from faust.types import TP, FutureMessage
from faust.types.auth import CredentialsT
from faust.types.transports import ConsumerT
from yarl import URL

from tidemark.errors import SettingsError
from tidemark.settings import KafkaSettings

# Faust lets the stream wait whenever so many changes are on their way to the changelog; its own 100 are soon reached.
ProducerBuffer.max_messages = 2000
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


class _Thread(driver.AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        return consumer

    async def _fetch_records(self, *arguments: Any, **named: Any) -> Any:
        fetched = await super()._fetch_records(*arguments, **named)
        for place, records in fetched.items():
            if records:
                cast(_Consumer, self.consumer).newest[place.topic, place.partition] = records[-1].offset
        return fetched

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Not of a partition whose place is still being sought: Faust's watch for slow streams would end with it."""
        assignment = self._ensure_consumer()._subscription.subscription.assignment
        at = assignment and assignment.state_value(aiokafka.TopicPartition(tp.topic, tp.partition))
        if at is not None and at.has_valid_position:
            super().verify_event_path(now, tp)


class ChangelogTable(faust.Table[bytes, bytes]):
    """A table that knows which of its changes the broker does not have yet."""

    unsent: set[FutureMessage]

    def send_changelog(self, *arguments: Any, **named: Any) -> FutureMessage:
        """As Faust does, and remember it until the broker has it."""
        change = super().send_changelog(*arguments, **named)
        unsent = self.__dict__.setdefault("unsent", set())
        unsent.add(change)
        change.add_done_callback(unsent.discard)
        return change


class _Consumer(driver.Consumer):
    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.newest: dict[tuple[str, int], int] = {}

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def perform_seek(self) -> None:
        """With the flow stopped, which Faust resumes afterwards; a partition without a committed place begins anew."""
        self.stop_flow()
        await super().perform_seek()
        kept = self.app.tables.changelog_topics
        anew = [tp for tp in self.assignment() if tp.topic not in kept and self._committed_offset.get(tp) is None]
        if anew:
            await self._thread.seek_to_beginning(*(self._new_topicpartition(*tp) for tp in anew))

    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:
        """Only once the changelog has what was folded up to these places."""
        unsent = {one for table in self.app.tables.values() for one in getattr(table, "unsent", ())}
        await asyncio.gather(*unsent)
        return await super()._commit_offsets(offsets, start_new_transaction)


class Transport(driver.Transport):
    """Faust's, with a consumer that reads committed records only."""

    Consumer = _Consumer


class Lane(NamedTuple):
    """How far a partition has been read: its end, the place up to which it was fetched, the last record of that (-1:
    none since the start). Between the last record and the place there may be ends of transactions."""

    end: int
    fetched: int
    newest: int


def lanes_of(consumer: ConsumerT) -> dict[tuple[str, int], Lane] | None:
    """Every partition that is read, by topic and partition; None before all of them are known."""
    if not isinstance(consumer, _Consumer) or consumer._thread is None or consumer._thread._consumer is None:
        return None
    subscription = consumer._thread._consumer._subscription.subscription
    if subscription is None or subscription.assignment is None:
        return None
    lanes = {}
    for place in subscription.assignment.tps:
        at = subscription.assignment.state_value(place)
        if at is None or at.highwater is None or not at.has_valid_position:
            return None
        name = (place.topic, place.partition)
        lanes[name] = Lane(at.highwater, at.position, consumer.newest.get(name, -1))
    return lanes


def addresses(settings: KafkaSettings) -> list[URL]:
    """The bootstrap servers as Faust names them."""
    return [URL(f"kafka://{one.strip()}") for one in settings.kafka_bootstrap.split(",") if one.strip()]


def credentials(settings: KafkaSettings) -> CredentialsT | None:
    """How to sign in; None where the broker does not ask. SettingsError: what the Python client cannot do."""
    protocol = (settings.kafka_security_protocol or "PLAINTEXT").upper()
    if protocol == "PLAINTEXT":
        return None
    if protocol == "SSL":
        return faust.SSLCredentials(_context(settings))
    if protocol not in ("SASL_PLAINTEXT", "SASL_SSL"):
        raise SettingsError(f"TIDEMARK_KAFKA_SECURITY_PROTOCOL: {protocol} is none that Kafka knows")
    mechanism = (settings.kafka_sasl_mechanism or "PLAIN").upper()
    if mechanism not in MECHANISMS:
        raise SettingsError(f"TIDEMARK_KAFKA_SASL_MECHANISM: the console knows {', '.join(MECHANISMS)}")
    secret = settings.kafka_sasl_password
    return faust.SASLCredentials(
        username=settings.kafka_sasl_username,
        password=secret.get_secret_value() if secret else None,
        mechanism=mechanism,
        ssl_context=_context(settings) if protocol == "SASL_SSL" else None,
    )


def _context(settings: KafkaSettings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(settings.kafka_ca_file) if settings.kafka_ca_file else None)


def to_headers(headers: Any) -> tuple[tuple[str, bytes | None], ...]:
    """A message's headers as a Record holds them: a list, or a mapping where Faust made one of it."""
    pairs = headers.items() if hasattr(headers, "items") else headers or ()
    return tuple((str(name), value) for name, value in pairs)
