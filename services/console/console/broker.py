"""Faust's way to the broker: the same settings as every service's, committed records only.

Faust reads uncommitted records unless it writes in transactions itself, which it need not: a record that is folded
twice changes nothing. So the consumer that it makes is told so here.
"""

import ssl
from typing import Any, NamedTuple

import aiokafka
import faust
from faust.transport.drivers import aiokafka as driver
from faust.types.auth import CredentialsT
from faust.types.transports import ConsumerT
from yarl import URL

from tidemark.errors import SettingsError
from tidemark.settings import KafkaSettings

MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


class _Thread(driver.AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        return consumer


class _Consumer(driver.Consumer):
    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)


class Transport(driver.Transport):
    """Faust's, with a consumer that reads committed records only."""

    Consumer = _Consumer


class Lane(NamedTuple):
    """How far a partition has been read: its end, what was fetched of it, the last offset that was handed on."""

    end: int
    fetched: int
    handed_on: int


def lanes_of(consumer: ConsumerT) -> dict[tuple[str, int], Lane] | None:
    """Every partition that is read, by topic and partition; None before all of them are known."""
    client = consumer._thread._consumer if isinstance(consumer, _Consumer) and consumer._thread else None
    subscription = client._subscription.subscription if client is not None else None
    if subscription is None or subscription.assignment is None:
        return None
    lanes = {}
    for place in subscription.assignment.tps:
        at = subscription.assignment.state_value(place)
        if at is None or at.highwater is None or not at.has_valid_position:
            return None
        read = consumer._read_offset.get(place)  # type: ignore[attr-defined]
        lanes[place.topic, place.partition] = Lane(at.highwater, at.position, -1 if read is None else read)
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
