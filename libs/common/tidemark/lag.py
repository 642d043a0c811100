"""What waits for the stages, asked from outside: for people who watch the chain, not for the loop (transport.py).

The end of a partition may be markers of transactions, which are no records; so what lies between a stage's place and
the end is looked at, once for each place and end.

A group's places are asked and set as a consumer of it that never joins. The admin client's calls about groups end the
whole process (librdkafka 2.16: a failed assertion, a segmentation fault) when the broker goes away while they wait.
"""

from confluent_kafka import Consumer, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from tidemark import telemetry
from tidemark.errors import Retryable
from tidemark.kafka import CALL_SECONDS, LAST, connection, offsets, read_topic, topics
from tidemark.settings import KafkaSettings
from tidemark.tables import registry

log = telemetry.logger(__name__)
COUNTED = 100  # records that are counted one by one; beyond, markers make no difference
MOST_KEPT = 1000  # places of which the count is remembered
Lane = tuple[str, int]


class Waiting:
    """Asks the broker. `of(stage)`: the records that wait, by topic and partition."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._counted: dict[tuple[str, int, int], tuple[int, int]] = {}

    def of(self, stage: str) -> dict[Lane, int]:
        """Nothing for a stage that has never read. Retryable if the broker is away."""
        places = acknowledged(self._settings, stage)
        admin = AdminClient(connection(self._settings), logger=log)  # an old one may have lost the broker (served.py)
        ends = offsets(admin, [TopicPartition(*lane) for lane in places], LAST, IsolationLevel.READ_COMMITTED)
        return {lane: self._between(*lane, place, ends[lane]) for lane, place in places.items()}

    def _between(self, topic: str, partition: int, place: int, end: int) -> int:
        if end <= place:
            return 0
        if end - place > COUNTED:
            return end - place
        counted_to, records = self._counted.get((topic, partition, place), (-1, 0))
        if counted_to != end:
            records = sum(1 for _ in read_topic(self._settings, topic, only=partition, since=place))
            if len(self._counted) > MOST_KEPT:
                self._counted.clear()
            self._counted[topic, partition, place] = end, records
        return records


def acknowledged(settings: KafkaSettings, stage: str) -> dict[Lane, int]:
    """The offset that a stage reads next, by topic and partition; none where it has never read. Retryable if the broker
    is away."""
    consumer = Consumer({**connection(settings), "group.id": stage}, logger=log)
    try:
        found = consumer.committed(everywhere(), timeout=CALL_SECONDS)
    except KafkaException as error:
        raise Retryable(f"the places of {stage} are not known: {error.args[0].str()}") from error
    finally:
        consumer.close()
    return {(place.topic, place.partition): place.offset for place in found if place.offset >= 0}


def everywhere(offset: int = -1) -> list[TopicPartition]:
    """Every partition of every topic, at an offset."""
    return [TopicPartition(topic, place, offset) for topic in topics() for place in range(len(registry().datasets))]


def begin_again(settings: KafkaSettings, group: str) -> None:
    """Set a group of consumers back to the beginning of every topic. Retryable if the broker is away or the group still
    has members."""
    consumer = Consumer({**connection(settings), "group.id": group, "enable.auto.commit": False}, logger=log)
    try:
        consumer.commit(offsets=everywhere(0), asynchronous=False)
    except KafkaException as error:
        raise Retryable(f"the group {group} cannot begin again yet: {error.args[0].str()}") from error
    finally:
        consumer.close()
