"""Events as CloudEvents 1.0 in Kafka's binary mode: attributes in ce_ headers, the Struct as JSON in the value.

A new event needs nothing here: decode() finds its type by the topic. Fields that are added later must have defaults;
unknown fields are ignored, so that an older consumer reads a newer producer.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from cloudevents.exceptions import GenericException
from cloudevents.http import CloudEvent
from cloudevents.kafka import KafkaMessage, from_binary, to_binary

from tidemark.errors import DecodeError
from tidemark.events import EVENTS, Event, RunEvent
from tidemark.records import Message, Record
from tidemark.tables import registry

CONTENT_TYPE = "application/json"
BY_TOPIC: dict[str, type[Event]] = {event.topic: event for event in EVENTS}


def run_id_of_event(event: Event) -> str | None:
    """The run that an event speaks of, if it speaks of one."""
    return event.run_id if isinstance(event, RunEvent) else getattr(event, "run_id", None)


def encode(
    event: Event, source: str | None = None, headers: Iterable[tuple[str, bytes]] = (), at: datetime | None = None
) -> Message:
    """The event as a record for its dataset's partition. `source` is the sending stage, `headers` carry the trace."""
    attributes = {
        "specversion": "1.0",
        "id": event.event_id,
        "type": event.topic,
        "source": source or event.stage,
        "time": (at or datetime.now(UTC)).isoformat(),
        "datacontenttype": CONTENT_TYPE,
        "partitionkey": event.dataset,
    }
    subject = run_id_of_event(event)
    if subject:
        attributes["subject"] = subject
    binary = to_binary(CloudEvent.create(attributes, event), data_marshaller=msgspec.json.encode)
    return Message(
        topic=event.topic,
        partition=registry().partition_of(event.dataset),
        key=event.dataset.encode(),
        value=binary.value if isinstance(binary.value, bytes) else binary.value.encode(),
        headers=(*binary.headers.items(), *headers),
    )


def decode(record: Record) -> Event:
    """The record's event; DecodeError says why it is none of ours."""
    kind = BY_TOPIC.get(record.topic)
    if kind is None:
        raise DecodeError(f"no event belongs to the topic {record.topic}")
    if record.value is None:
        raise DecodeError("the record has no value")
    envelope = _envelope(record)
    if envelope["type"] != record.topic or envelope["specversion"] != "1.0":
        raise DecodeError(f"ce_type {envelope['type']!r} (specversion {envelope['specversion']!r}) in {record.topic}")
    try:
        event = msgspec.json.decode(record.value, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DecodeError(f"the body is no {kind.__name__}: {error}") from error
    if event.dataset not in registry().datasets:
        raise DecodeError(f"the registry knows no dataset {event.dataset!r}")
    return event


def _envelope(record: Record) -> CloudEvent:
    headers = {name: value for name, value in record.headers if value is not None}
    try:
        return from_binary(KafkaMessage(headers, None, record.value or b""), data_unmarshaller=lambda body: body)
    except (GenericException, UnicodeDecodeError) as error:
        raise DecodeError(f"the headers are no CloudEvent: {error}") from error
