"""What Kafka holds for the watcher, read to its end: every dataset's newest state, and what the other topics tell."""

from collections.abc import Iterator
from contextlib import suppress

from ingest_watcher.recovered import SOURCES, recovered
from ingest_watcher.told import remembered
from tidemark.codec import decode
from tidemark.errors import DecodeError
from tidemark.events import PARKED, Event, RunFailed, WatcherState
from tidemark.kafka import read_topic
from tidemark.parking import rebuild_all
from tidemark.settings import KafkaSettings
from tidemark.tables import registry


class TopicMemory:
    """Recalls from Kafka; what is remembered is written by the runner, in the transaction of what it belongs to."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings

    def recall(self) -> dict[str, WatcherState]:
        return remembered([decode(record) for record in read_topic(self._settings, WatcherState.topic)])

    def recover(self, dataset: str) -> WatcherState:
        events = [event for kind in SOURCES for event in self._events(kind, dataset)]
        set_aside = read_topic(self._settings, PARKED, registry().partition_of(dataset))
        return recovered(dataset, events, rebuild_all(set_aside))

    def failures(self, dataset: str) -> list[str]:
        return [event.event_id for event in self._events(RunFailed, dataset)]

    def _events(self, kind: type[Event], dataset: str) -> Iterator[Event]:
        for record in read_topic(self._settings, kind.topic, registry().partition_of(dataset)):
            with suppress(DecodeError):  # the loop puts such a record aside, and it says nothing
                yield decode(record)
