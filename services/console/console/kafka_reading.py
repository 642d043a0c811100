"""What the console does with Kafka besides reading: topics, single records, what waits, its own alerts' way out."""

import shutil

from console.settings import ConsoleSettings
from console.stream import CHANGELOG, GROUP, folder
from tidemark.events import CHAIN, AlertRaised
from tidemark.kafka import ensure_topics, publish, record_at, topics_lacking
from tidemark.lag import Waiting, begin_again
from tidemark.records import Record

NAME = "console"
READERS = (*(event.stage for event in CHAIN), "notifier")
CHANGELOG_CONFIG = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.3"}


def prepare(settings: ConsoleSettings, seconds: float) -> None:
    """The topics, the changelog among them. Without it the console has to begin anew: what it knows of its place in the
    topics goes, and what it has on disk. Retryable if the broker is away."""
    ensure_topics(settings, seconds=seconds)
    if topics_lacking(settings, [CHANGELOG]):
        begin_again(settings, GROUP)
        shutil.rmtree(folder(settings), ignore_errors=True)
        ensure_topics(settings, seconds=seconds, more={CHANGELOG: CHANGELOG_CONFIG})
    folder(settings).mkdir(parents=True, exist_ok=True)


def record(settings: ConsoleSettings, place: str) -> Record | None:
    """The record at `topic/partition/offset`."""
    topic, partition, offset = place.rsplit("/", 2)
    return record_at(settings, topic, int(partition), int(offset))


def lag(waiting: Waiting) -> dict[tuple[str, str], int]:
    """Records that wait, by stage and topic. Retryable if the broker is away."""
    found: dict[tuple[str, str], int] = {}
    for stage in READERS:
        for (topic, _), records in waiting.of(stage).items():
            found[stage, topic] = found.get((stage, topic), 0) + records
    return found


def tell(settings: ConsoleSettings, alert: AlertRaised) -> None:
    """Say it where every stage says its alerts."""
    publish(settings, alert, NAME)
