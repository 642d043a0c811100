"""What Kafka holds for the watcher, on a real broker and in memory alike."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest_watcher.kafka_memory import TopicMemory
from ingest_watcher.memory import MemoryOfStates
from tidemark.events import Event, RunFailed, WatcherState
from tidemark.kafka import ensure_topics, publish, send
from tidemark.records import Message
from tidemark.settings import KafkaSettings
from tidemark_lab import broker, jars, java, ports

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    """A broker of the module's own, with all topics."""
    home, folder = Path(tmp_path_factory.mktemp("broker")), jars.ensure("kafka")
    found = ports.choose({"broker": ["broker", "controller"]}, {})["broker"]
    executable = java.java(jars.cache_folder())
    broker.prepare(executable, folder, home, found["broker"], found["controller"])
    with (home / "broker.log").open("ab") as log:
        process = subprocess.Popen(broker.command(executable, folder, home), stdout=log, stderr=log)
    try:
        settings = KafkaSettings(kafka_bootstrap=f"127.0.0.1:{found['broker']}")
        ensure_topics(settings, seconds=90)
        yield settings
    finally:
        process.kill()
        process.wait()


@pytest.fixture(params=["memory", "kafka"])
def topics(request: pytest.FixtureRequest) -> tuple[Any, Callable[[Event], None]]:
    """The port, and how to send an event to where it reads."""
    if request.param == "memory":
        twin = MemoryOfStates()
        return twin, lambda event: twin.keep([event])
    settings: KafkaSettings = request.getfixturevalue("kafka")
    return TopicMemory(settings), lambda event: publish(settings, event)


def failed(run_id: str, dataset: str = "ecommerce", message: str = "m") -> RunFailed:
    return RunFailed(
        dataset=dataset,
        run_id=run_id,
        run_seq=1,
        kind="process",
        generation=0,
        failed_stage="loader",
        error="E",
        message=message,
    )


def test_the_newest_state_of_each_dataset_is_recalled(topics: Any) -> None:
    """An older one counts no more, another dataset's never did."""
    memory, tell = topics
    states = [WatcherState(dataset=d, generation=g) for d, g in (("ecommerce", 1), ("events", 2), ("ecommerce", 3))]
    for state in states:
        tell(state)
    assert memory.recall() == {"ecommerce": states[2], "events": states[1]}


def test_failures_are_told_oldest_first(topics: Any) -> None:
    """Of the dataset that is asked for, each as often as it was told; one that was sent just now is among them."""
    memory, tell = topics
    events = [failed("b"), failed("a"), failed("other", "events"), failed("b", message="again"), failed("b")]
    before = memory.failures("ecommerce")
    for event in events:
        tell(event)
    expected = [event.event_id for event in events if event.dataset == "ecommerce"]
    assert memory.failures("ecommerce")[len(before) :] == expected


def test_a_record_that_is_no_failure_is_passed_over(kafka: KafkaSettings) -> None:
    """The loop puts it aside as a dead letter; it must not keep anybody from resuming."""
    before = TopicMemory(kafka).failures("ecommerce")
    send(kafka, Message(RunFailed.topic, 0, b"ecommerce", b"{"))
    publish(kafka, failed("after"))
    assert TopicMemory(kafka).failures("ecommerce") == [*before, failed("after").event_id]
