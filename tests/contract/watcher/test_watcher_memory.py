"""What Kafka holds for the watcher, on a real broker and in memory alike."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ingest_watcher.kafka_memory import TopicMemory
from ingest_watcher.memory import MemoryOfStates
from tidemark.events import AlertRaised, Event, RunFailed, RunRequested, Selection, SnapshotCommitted, WatcherState
from tidemark.kafka import ensure_topics, publish, send
from tidemark.parking import Entry, to_message
from tidemark.records import Message, Record
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
def topics(request: pytest.FixtureRequest) -> tuple[Any, Callable[[Event | Entry], None]]:
    """The port, and how to send an event, or what a stage sets aside, to where it reads."""
    if request.param == "memory":
        twin = MemoryOfStates()
        return twin, lambda told: twin.set_aside(told) if isinstance(told, Entry) else twin.keep([told])
    settings: KafkaSettings = request.getfixturevalue("kafka")

    def tell(told: Event | Entry) -> None:
        send(settings, to_message(told)) if isinstance(told, Entry) else publish(settings, told)

    return TopicMemory(settings), tell


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


def asked(request_id: str, kind: Any, selection: Selection | None = None) -> RunRequested:
    return RunRequested(dataset="events", request_id=request_id, kind=kind, requested_by="ada", selection=selection)


def made(request: RunRequested) -> SnapshotCommitted:
    return SnapshotCommitted(
        dataset="events",
        run_id="made",
        run_seq=7,
        kind="rebuild",
        generation=2,
        tables=[],
        committed_at_ms=1,
        asked=request,
    )


def answer(request: RunRequested) -> AlertRaised:
    incident = f"events/request/{request.request_id}"
    return AlertRaised(dataset="events", incident=incident, severity="info", title="t", detail="d", raised_by="w")


def test_a_lost_state_is_recovered_from_the_other_topics(topics: Any) -> None:
    """The run made last, the requests that led to nothing, those that have been read, what failed and halts."""
    memory, tell = topics
    selection = Selection(table="user_events")
    rebuild, early, process = asked("r1", "rebuild"), asked("r2", "resume"), asked("r3", "process")
    late, drop, refused = asked("r4", "resume"), asked("r5", "drop", selection), asked("r6", "drop")
    run = made(rebuild)
    for event in (rebuild, early, process, late, drop, refused, drop, run, answer(process), failed("made", "events")):
        tell(event)
    about: Any = {"stage": "loader", "dataset": "events", "at_ms": 1}
    record = Record("tidemark.lake.curated", 1, 0, b"events", b"{}")
    tell(Entry(action="parked", generation=2, place=record.place, record=record, **about))
    tell(Entry(action="halted", reason="no such file", **about))
    state = memory.recover("events")
    failure = failed("made", "events").event_id
    assert replace(state, failures=state.failures[-1:]) == WatcherState(
        dataset="events",
        generation=2,
        halted="loader: no such file",
        last=run,
        pending=[drop],
        accepted=["r1", "r2", "r3", "r5"],
        failed_run_id="made",
        failures=[failure],
    )
    tell(Entry(action="resumed", **about))
    assert (memory.recover("events").halted, memory.recover("events").failed_run_id) == (None, None)
    assert memory.recover("ecommerce").pending == []


def test_a_record_that_is_no_failure_is_passed_over(kafka: KafkaSettings) -> None:
    """The loop puts it aside as a dead letter; it must not keep anybody from resuming."""
    before = TopicMemory(kafka).failures("ecommerce")
    send(kafka, Message(RunFailed.topic, 0, b"ecommerce", b"{"))
    publish(kafka, failed("after"))
    assert TopicMemory(kafka).failures("ecommerce") == [*before, failed("after").event_id]
