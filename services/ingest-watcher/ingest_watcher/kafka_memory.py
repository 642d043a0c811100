"""What Kafka holds for the watcher, read to its end: every dataset's newest committed state, and what has failed."""

from collections.abc import Iterator
from contextlib import suppress

from ingest_watcher.told import remembered
from tidemark.codec import decode
from tidemark.errors import DecodeError
from tidemark.events import Event, RunFailed, WatcherState
from tidemark.kafka import read_topic
from tidemark.settings import KafkaSettings


class TopicMemory:
    """Recalls from Kafka; what is remembered is written by the runner, in the transaction of what it belongs to."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings

    def recall(self) -> dict[str, WatcherState]:
        return remembered([decode(record) for record in read_topic(self._settings, WatcherState.topic)])

    def failures(self, dataset: str) -> list[str]:
        return [event.event_id for event in self._failed() if event.dataset == dataset]

    def _failed(self) -> Iterator[Event]:
        for record in read_topic(self._settings, RunFailed.topic):
            with suppress(DecodeError):  # the loop puts such a record aside, and it halts nothing
                yield decode(record)
