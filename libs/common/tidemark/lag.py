"""What waits for the stages, asked from outside: for people who watch the chain, not for the loop (transport.py).

The end of a partition may be markers of transactions, which are no records; so what lies between a stage's place and
the end is looked at, once for each place and end.
"""

from collections.abc import Iterable

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from tidemark import telemetry
from tidemark.errors import Retryable
from tidemark.kafka import CALL_SECONDS, LAST, connection, offsets, read_topic
from tidemark.settings import KafkaSettings

log = telemetry.logger(__name__)
COUNTED = 100  # records that are counted one by one; beyond, markers make no difference
MOST_KEPT = 1000  # places of which the count is remembered
Lane = tuple[str, int]


class Waiting:
    """Asks the broker. `of(stage)`: the records that wait, by topic and partition."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._admin = AdminClient(connection(settings), logger=log)
        self._counted: dict[tuple[str, int, int], tuple[int, int]] = {}

    def of(self, stage: str) -> dict[Lane, int]:
        """Nothing for a stage that has never read. Retryable if the broker is away."""
        places = self._places(stage)
        ends = offsets(self._admin, [TopicPartition(*lane) for lane in places], LAST, IsolationLevel.READ_COMMITTED)
        return {lane: self._between(*lane, place, ends[lane]) for lane, place in places.items()}

    def _places(self, stage: str) -> dict[Lane, int]:
        asked = ConsumerGroupTopicPartitions(stage)
        futures = self._admin.list_consumer_group_offsets([asked], request_timeout=CALL_SECONDS)
        try:
            found: Iterable[TopicPartition] = futures[stage].result(CALL_SECONDS).topic_partitions
        except (KafkaException, TimeoutError) as error:
            raise Retryable(f"the places of {stage} are not known: {error}") from error
        return {(place.topic, place.partition): place.offset for place in found if place.offset >= 0}

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


def forget_group(settings: KafkaSettings, group: str) -> None:
    """Forget where a group of consumers stands, so that it begins again. Retryable if the broker is away or the group
    still has members."""
    admin = AdminClient(connection(settings), logger=log)
    try:
        admin.delete_consumer_groups([group], request_timeout=CALL_SECONDS)[group].result(CALL_SECONDS)
    except (KafkaException, TimeoutError) as error:
        if not (isinstance(error, KafkaException) and error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND):
            raise Retryable(f"the group {group} is not forgotten yet: {error}") from error
