"""A stage's consumer and transactional producer: read one record per partition, commit an ending as one transaction.

What can happen to a transaction: done; aborted (nothing of it counts, the caller tries the event again); or an error
that passes through and ends the process, above all being fenced by a newer instance of the same stage.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from tidemark import telemetry
from tidemark.errors import Retryable
from tidemark.kafka import FIRST, LARGEST_RECORD_BYTES, LAST, connection, offsets, produce, to_record
from tidemark.loop import TransactionAbortedError
from tidemark.records import Message, Record
from tidemark.served import Served, new_client
from tidemark.settings import KafkaSettings

log = telemetry.logger(__name__)
T = TypeVar("T")
Lane = tuple[str, int]

# Both longer than a broker may be away. A transaction that times out fences its own producer; a member whose session
# ends may be fenced by its own second joining. Nobody waits for either: the next process of a stage has its names, so
# that it takes the partitions and ends the transaction at once.
SESSION_MS = TRANSACTION_MS = 120_000
CALL_SECONDS = 5.0
LEAVE_SECONDS = 10.0


class KafkaTransport:
    """The broker as the loop sees it. `beat` is called while it waits for the broker; it may raise to end the wait."""

    def __init__(self, settings: KafkaSettings, stage: str, beat: Callable[[], None]) -> None:
        self._beat = beat
        self._producer = Producer(producer_config(settings, stage), logger=log)
        # Taking the id first fences an older instance and ends its open transaction, before anything is read.
        self._served = Served([self._producer], lambda: new_client(settings))
        self._insist(lambda: self._producer.init_transactions(CALL_SECONDS))
        self._consumer = Consumer(consumer_config(settings, stage), logger=log)
        self._reached: dict[Lane, int] = {}
        self._joining = False
        self._admin = AdminClient(connection(settings), logger=log)
        self._served = Served([self._producer, self._consumer, self._admin], lambda: new_client(settings))

    def subscribe(self, topics: Sequence[str], on_moved: Callable[[Iterable[Lane]], None]) -> None:
        """Join the group; `on_moved` hears which partitions came or went."""

        def moved(_: Consumer, partitions: list[TopicPartition]) -> None:
            self._joining = True
            on_moved([(p.topic, p.partition) for p in partitions])

        def came(consumer: Consumer, partitions: list[TopicPartition]) -> None:
            moved(consumer, partitions)
            self._joining = False
            consumer.assign(partitions)
            consumer.resume(partitions)  # the client keeps a partition paused over losing and getting it back

        self._joining = True
        self._consumer.subscribe(list(topics), on_assign=came, on_revoke=moved, on_lost=moved)

    @property
    def assigned(self) -> bool:
        """Whether the stage has its partitions."""
        return bool(self._consumer.assignment())

    def poll(self, seconds: float) -> Record | None:
        """The next record, if one comes in time; its partition then gives no more until resume()."""
        self._served.look()
        message = self._consumer.poll(seconds)
        if message is None:
            return None
        error = message.error()
        if error is not None and error.code() == KafkaError._PARTITION_EOF:
            self._reached[str(message.topic()), message.partition() or 0] = message.offset() or 0
            return None
        if error is not None:
            _judge(error)
            return None
        record = to_record(message)
        self._consumer.pause([TopicPartition(record.topic, record.partition)])
        return record

    def resume(self, record: Record) -> None:
        """Let the record's partition give its next one; a partition that has been taken away needs nothing."""
        here = TopicPartition(record.topic, record.partition)
        if here in self._consumer.assignment():
            self._consumer.resume([here])

    def commit(self, messages: Sequence[Message], acknowledge: Record | None) -> None:
        """Send the messages and the record's offset as one transaction; TransactionAbortedError: it does not count."""
        try:
            self._producer.begin_transaction()
            for message in messages:
                produce(self._producer, message)
            if acknowledge is not None:
                self._send_offset(acknowledge)
            self._insist(lambda: self._producer.commit_transaction(CALL_SECONDS))
        except KafkaException as error:
            cause = error.args[0]
            if not cause.txn_requires_abort():
                raise
            self._insist(lambda: self._producer.abort_transaction(CALL_SECONDS))
            raise TransactionAbortedError(cause.str()) from error

    def lag(self) -> dict[Lane, int]:
        """Records that wait, per partition; nothing while the broker cannot be asked."""
        ours = self._consumer.assignment()
        try:
            ends = offsets(self._admin, ours, LAST, IsolationLevel.READ_COMMITTED)
            begins = offsets(self._admin, ours, FIRST, IsolationLevel.READ_COMMITTED)
            places = {(p.topic, p.partition): p.offset for p in self._consumer.committed(ours, timeout=CALL_SECONDS)}
        except (KafkaException, Retryable) as error:
            log.warning("the lag is not known: %s", error)
            return {}
        # the end of a partition may be markers of transactions, which are no records and are never committed past
        places = {lane: max(at, begins[lane], self._reached.get(lane, 0)) for lane, at in places.items()}
        return {lane: max(0, end - places[lane]) for lane, end in ends.items()}

    def close(self) -> None:
        """Leave. As a static member the stage keeps its place for the next start.

        A client that is given partitions while it closes may never return, and keeps Python's lock: of what it was
        told first, its coordinator ends, and what it asks next nobody answers. So it hears of its partitions before.
        """
        deadline = time.monotonic() + LEAVE_SECONDS
        while self._joining and time.monotonic() < deadline:
            message = self._consumer.poll(0.1)
            error = message.error() if message is not None else None
            if error is not None and _ends(error):
                break
        self._consumer.close()

    def _send_offset(self, record: Record) -> None:
        offsets = [TopicPartition(record.topic, record.partition, record.offset + 1)]
        group = self._consumer.consumer_group_metadata()
        self._insist(lambda: self._producer.send_offsets_to_transaction(offsets, group, CALL_SECONDS))

    def _insist(self, call: Callable[[], T]) -> T:
        """Call again as long as the client says that the same call may still succeed (the broker is away)."""
        while True:
            self._beat()
            try:
                return call()
            except KafkaException as error:
                if not error.args[0].retriable():
                    raise
                log.warning("the broker does not answer, trying again: %s", error.args[0].str())
                self._served.look()
                time.sleep(0.1)


def _judge(error: KafkaError) -> None:
    """Errors from poll: most pass by themselves; a second instance under the same name must end this one."""
    if _ends(error):
        raise KafkaException(error)
    log.warning("the consumer says: %s", error.str())


def _ends(error: KafkaError) -> bool:
    return bool(error.fatal()) or error.code() in (KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID)


def producer_config(settings: KafkaSettings, stage: str) -> dict[str, Any]:
    """A producer whose transactions belong to the stage, whichever process it runs in."""
    return {
        **connection(settings),
        "transactional.id": stage,
        "enable.idempotence": True,
        "acks": "all",
        "transaction.timeout.ms": TRANSACTION_MS,
        "linger.ms": 0,
        "message.max.bytes": LARGEST_RECORD_BYTES,
    }


def consumer_config(settings: KafkaSettings, stage: str) -> dict[str, Any]:
    """A static member that reads committed records and commits offsets only through the producer."""
    return {
        **connection(settings),
        "group.id": stage,
        "group.instance.id": stage,
        "session.timeout.ms": SESSION_MS,
        "heartbeat.interval.ms": 1000,
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "partition.assignment.strategy": "range",
        "topic.metadata.refresh.interval.ms": 30_000,
        "queued.max.messages.kbytes": 8192,
    }
