"""The watcher's own topic, read to its end: the newest committed state of every dataset."""

from ingest_watcher.stage import remembered
from tidemark.codec import decode
from tidemark.events import WatcherState
from tidemark.kafka import read_topic
from tidemark.settings import KafkaSettings


class TopicMemory:
    """Recalls from Kafka; what is remembered is written by the runner, in the transaction of what it belongs to."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings

    def recall(self) -> dict[str, WatcherState]:
        return remembered([decode(record) for record in read_topic(self._settings, WatcherState.topic)])
