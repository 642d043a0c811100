"""Kafka: connections, topics, one-off reading and publishing. With lag.py and transport.py all that knows the client.

Every topic has one partition per dataset, in the registry's order, and the partition is always explicit, so that a
dataset's events keep their order. Whoever follows the chain reads committed records only.
"""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import Message as ClientMessage
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]
from confluent_kafka.cimpl import NewPartitions, NewTopic

from tidemark import signals, telemetry, tracing
from tidemark.codec import encode, run_id_of_event
from tidemark.errors import Retryable
from tidemark.events import COMPACTED, DEAD_LETTERS, EVENTS, PARKED, Event
from tidemark.records import Message, Record
from tidemark.settings import KafkaSettings
from tidemark.tables import registry

log = telemetry.logger(__name__)
Place = tuple[str, int]  # topic, partition

FIRST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
LAST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]
# Set-aside records carry whole events in base64: they may be larger than an event.
LARGEST_RECORD_BYTES = 4_000_000
KEPT_FOR_EVER = {"retention.ms": "-1", "retention.bytes": "-1"}
CALL_SECONDS = 10.0
AWAY = (KafkaError._TRANSPORT, KafkaError._TIMED_OUT)
PUBLISH_SECONDS = 30.0
COMMON = {
    "reconnect.backoff.ms": 100,
    "reconnect.backoff.max.ms": 1000,
    "socket.keepalive.enable": True,
    # A broker that has only just started tells of no brokers at all for a moment. Clients that go back to their
    # bootstrap servers then have been seen to lose the transaction coordinator for good, with a call that never ends.
    "metadata.recovery.strategy": "none",
}


def connection(broker: str | KafkaSettings) -> dict[str, Any]:
    """Connection properties from bootstrap servers or from settings that also say how to sign in."""
    given = {"bootstrap.servers": broker} if isinstance(broker, str) else broker.connection()
    return {**COMMON, **given}


def topics() -> dict[str, dict[str, str]]:
    """Every topic with its configuration."""
    large = {"max.message.bytes": str(LARGEST_RECORD_BYTES)}
    compacted = {"cleanup.policy": "compact"}
    events = {e.topic: compacted if e in COMPACTED else KEPT_FOR_EVER for e in EVENTS}
    return {**events, DEAD_LETTERS: KEPT_FOR_EVER | large, PARKED: KEPT_FOR_EVER | large}


def ensure_topics(
    broker: str | KafkaSettings,
    replicas: int = -1,
    seconds: float = 60.0,
    more: Mapping[str, dict[str, str]] = MappingProxyType({}),
) -> None:
    """Create what is missing, with one partition per dataset, and wait until it can be seen. Idempotent.

    `replicas` -1: the broker's default; `more`: topics of one service alone. Retryable if the broker does not answer
    in time.
    """
    wanted = {**topics(), **more}
    admin = AdminClient(connection(broker), logger=log)
    count = len(registry().datasets)
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = admin.list_topics(timeout=CALL_SECONDS).topics
            seen = {name: len(t.partitions) for name, t in found.items()}
            led = {name: sum(p.leader >= 0 for p in t.partitions.values()) for name, t in found.items()}
            missing = {name: config for name, config in wanted.items() if seen.get(name, 0) < count}
            if not missing and all(led[name] >= count for name in wanted):
                return
            _create(admin, missing, seen, count, replicas)
        except KafkaException as error:
            if not error.args[0].retriable() and error.args[0].code() not in AWAY:
                raise
            log.warning("topics cannot be made yet: %s", error)
        if time.monotonic() > deadline:
            raise Retryable(f"the topics cannot be seen after {seconds:.0f} s")
        time.sleep(0.1)


def topics_lacking(broker: str | KafkaSettings, names: Iterable[str] | None = None) -> list[str]:
    """tidemark's topics (or these) that are not there, or have fewer partitions than there are datasets. Asks once.

    Retryable if the broker does not answer.
    """
    try:
        found = AdminClient(connection(broker), logger=log).list_topics(timeout=CALL_SECONDS).topics
    except KafkaException as error:
        raise Retryable(f"the broker does not answer: {error.args[0].str()}") from error
    count = len(registry().datasets)
    return [name for name in names or topics() if name not in found or len(found[name].partitions) < count]


def _create(
    admin: AdminClient, missing: dict[str, dict[str, str]], seen: dict[str, int], count: int, replicas: int
) -> None:
    new = [NewTopic(name, count, replicas, config=config) for name, config in missing.items() if name not in seen]
    grow = [NewPartitions(name, count) for name in missing if 0 < seen.get(name, 0) < count]
    futures = {**(admin.create_topics(new) if new else {}), **(admin.create_partitions(grow) if grow else {})}
    for future in futures.values():
        try:
            future.result(CALL_SECONDS)
        except KafkaException as error:
            # another process was quicker, or what was made a moment ago is not seen here yet
            if error.args[0].code() not in (KafkaError.TOPIC_ALREADY_EXISTS, KafkaError.INVALID_PARTITIONS):
                raise


def publish(settings: KafkaSettings, event: Event, source: str | None = None) -> None:
    """Send one event under the current span and wait until the broker has it; Retryable if it does not answer."""
    partition = registry().partition_of(event.dataset)
    about = {signals.RUN_ID: run_id_of_event(event), signals.DATASET: event.dataset}
    headers = tracing.producer_headers(event.topic, partition, event.event_id, about)
    send(settings, encode(event, source, headers))


def send(settings: KafkaSettings, message: Message) -> None:
    """Send one record as it is and wait until the broker has it; Retryable if it does not answer."""
    config = {"enable.idempotence": True, "acks": "all", "linger.ms": 0}
    limits = {"delivery.timeout.ms": int(PUBLISH_SECONDS * 1000)}
    producer = Producer({**connection(settings), **config, **limits}, logger=log)
    errors: list[KafkaError | None] = []
    produce(producer, message, lambda error, _: errors.append(error))
    producer.flush(PUBLISH_SECONDS + CALL_SECONDS)
    if errors != [None]:
        raise Retryable(f"{message.topic} was not published: {errors[0] if errors else 'no answer'}")


def produce(producer: Producer, message: Message, on_delivery: Any = None) -> None:
    """Hand a message to the client, waiting while its queue is full."""
    more = {"on_delivery": on_delivery} if on_delivery else {}
    while True:
        try:
            producer.produce(
                message.topic,
                value=message.value,
                key=message.key,
                partition=message.partition,
                headers=list(message.headers),
                **more,
            )
        except BufferError:
            producer.poll(0.1)
        else:
            return


def read_topic(
    broker: str | KafkaSettings, topic: str, only: int | None = None, last: int | None = None, since: int = 0
) -> Generator[Record, None, None]:
    """All committed records, or those of one partition, up to what was written when the call began, in order.

    `last`: no more than about so many of each partition, counted from its end; `since`: from this offset on.
    Waits for transactions that were open then, so that nothing which its caller wrote before can be missed.
    Retryable if the topic or the broker is away.
    """
    yield from _read(broker, [topic], lambda end: max(since, end - last if last else 0), only)


def read_topics(broker: str | KafkaSettings, names: Sequence[str]) -> list[Record]:
    """What `read_topic` reads of one topic after the other, by one client: to open one takes longer than to read."""
    return sorted(_read(broker, names, lambda end: 0), key=lambda record: names.index(record.topic))


def _read(
    broker: str | KafkaSettings, names: Sequence[str], begin: Callable[[int], int], only: int | None = None
) -> Generator[Record, None, None]:
    """`begin`: from which offset on a partition is read, by its end offset."""
    config = {"group.id": "tidemark.readers", "enable.auto.commit": False, "isolation.level": "read_committed"}
    more = {"enable.partition.eof": True, "auto.offset.reset": "earliest", "fetch.wait.max.ms": 20}
    consumer = Consumer({**connection(broker), **config, **more}, logger=log)
    try:
        ends = {at: end for at, end in _ends(broker, names).items() if only in (None, at[1]) and end > begin(end)}
        # what is assigned before the client knows its leader is not fetched until it looks again, a second later
        for topic in names:
            consumer.list_topics(topic, timeout=CALL_SECONDS)
        consumer.assign([TopicPartition(*at, begin(end)) for at, end in ends.items()])
        yield from _until(consumer, ends)
    except KafkaException as error:
        raise Retryable(f"{', '.join(names)} cannot be read: {error.args[0].str()}") from error
    finally:
        consumer.close()


def record_at(broker: str | KafkaSettings, topic: str, partition: int, offset: int) -> Record | None:
    """One committed record by its place; None if the topic does not hold it (any more). Retryable as in read_topic."""
    following = read_topic(broker, topic, only=partition, since=offset)
    record = next(following, None)
    following.close()
    return record if record is not None and record.offset == offset else None


def _ends(broker: str | KafkaSettings, names: Sequence[str]) -> dict[Place, int]:
    """The end offset of each partition that has one, open transactions included."""
    admin = AdminClient(connection(broker), logger=log)
    partitions: list[TopicPartition] = []
    for topic in names:
        found = admin.list_topics(topic, timeout=CALL_SECONDS).topics[topic]
        if found.error:
            raise KafkaException(found.error)
        partitions += [TopicPartition(topic, partition) for partition in found.partitions]
    ends = offsets(admin, partitions, LAST, IsolationLevel.READ_UNCOMMITTED)
    return {at: end for at, end in ends.items() if end > 0}


def offsets(
    admin: AdminClient, partitions: list[TopicPartition], spec: OffsetSpec, isolation: IsolationLevel
) -> dict[Place, int]:
    """The first or last offsets of partitions. Asked by a client of its own: a consumer's answer would have to wait
    behind its fetches."""
    asked = dict.fromkeys(partitions, spec)
    futures = admin.list_offsets(asked, isolation_level=isolation, request_timeout=CALL_SECONDS) if asked else {}
    try:
        return {(p.topic, p.partition): future.result(CALL_SECONDS).offset for p, future in futures.items()}
    except (KafkaException, TimeoutError) as error:
        raise Retryable(f"offsets are not known: {error}") from error


def _until(consumer: Consumer, ends: dict[Place, int], seconds: float = 30.0) -> Iterator[Record]:
    left = dict(ends)
    deadline = time.monotonic() + seconds
    while left:
        if time.monotonic() > deadline:
            unread = ", ".join(sorted({topic for topic, _ in left}))
            raise Retryable(f"{unread} could not be read to the end in {seconds:.0f} s")
        message = consumer.poll(0.5)
        if message is None:
            continue
        error, at, offset = message.error(), (message.topic() or "", message.partition() or 0), message.offset() or 0
        if error is None:
            if at in left and offset < ends[at]:
                yield to_record(message)
            reached = offset + 1
        elif error.code() == KafkaError._PARTITION_EOF:
            reached = offset
        elif error.retriable() or error.code() in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):
            continue
        else:
            raise KafkaException(error)
        if at in left and reached >= left[at]:
            del left[at]


def to_record(message: ClientMessage) -> Record:
    """The client's message as a plain record."""
    headers = tuple((str(header[0]), _bytes(header[1])) for header in message.headers() or [])
    return Record(
        topic=str(message.topic()),
        partition=int(message.partition() or 0),
        offset=int(message.offset() or 0),
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        headers=headers,
        timestamp_ms=message.timestamp()[1],
    )


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
