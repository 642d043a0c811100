"""The console as a process on a real broker: its views are what a plain reading of the topics gives, whatever dies."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from broker_of_a_test import Broker, emptied, running
from console_history import messages, runs, set_aside, trouble
from console_process import ConsoleProcess, a_console, plain_count, send_all
from waiting import until

from console import views
from tidemark.codec import decode, encode
from tidemark.events import AlertRaised, LakeCurated, RunRequested
from tidemark.kafka import read_topic
from tidemark.records import Message

pytestmark = pytest.mark.lab
RUNS = 40


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One broker for the file."""
    yield from running(tmp_path_factory.mktemp("broker"))


@pytest.fixture
def console(broker: Broker, tmp_path: Path) -> Iterator[ConsoleProcess]:
    """A console that was never started, over topics without any record."""
    emptied(broker)
    with a_console(broker.bootstrap, tmp_path) as one:
        one.forget_everything()
        yield one


def history(count: int = RUNS) -> list[Message]:
    """Runs, some of which had trouble."""
    sent = []
    for number, events in enumerate(runs(count)):
        sent += messages(events)
        if number % 10 == 0:
            dataset, seq = events[-1].dataset, number // 2 + 1
            sent += [*messages(trouble(dataset, seq)), *set_aside(dataset, seq)]
    return sent


def shown(console: ConsoleProcess) -> dict[str, Any]:
    """Every view, less what depends on the moment."""
    lines = console.get("/api/runs?limit=500")
    pages = {line["run_id"]: console.get(f"/api/runs/{line['run_id']}") for line in lines["runs"]}
    for page in pages.values():
        page["alerts"] = theirs(page["alerts"])
    paths = ("/api/alerts", "/api/dead-letters", "/api/reconciliation", "/api/quality")
    overview = console.get("/api/overview")
    for dataset in overview["datasets"]:
        dataset["freshness"].pop("age_seconds")
        dataset.pop("wrong")
    overview.pop("at_ms")
    overview.pop("open_alerts")
    found = {path: console.get(path) for path in paths}
    found["/api/alerts"] = others(found["/api/alerts"])
    return {"overview": overview, "runs": lines, "pages": pages, **found}


def others(alerts: dict[str, Any]) -> dict[str, Any]:
    """Less the watch's own, which may begin between two looks."""
    return {name: theirs(lines) for name, lines in alerts.items()}


def theirs(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of some alerts those that a stage raised."""
    return [line for line in lines if line["raised_by"] != "console"]


def plain_view(record: Any) -> Any:
    """A view as JSON gives it."""
    return json.loads(msgspec.json.encode(record))


def test_the_views_are_those_of_the_topics_however_often_its_state_is_deleted(console: ConsoleProcess) -> None:
    """As a plain fold of every topic; again from the changelog without its folder, and from the topics without both."""
    send_all(console.bootstrap, history())
    console.start()
    until(console.caught_up, "the topics are read")
    plain = plain_count(console.bootstrap)
    first = shown(console)
    assert first["runs"]["total"] == len(plain.runs) == RUNS
    assert first["runs"] == plain_view(views.runs(plain, limit=500))
    assert first["/api/alerts"] == others(plain_view(views.alerts(plain)))
    assert first["/api/quality"] == plain_view(views.quality(plain))
    assert len(first["/api/dead-letters"]) == len(plain.dead_letters) == 4
    for forget in (console.forget_state, console.forget_everything):
        console.kill()
        forget()
        console.start()
        until(console.caught_up, "the topics are read")
        assert shown(console) == first


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])])
def test_killed_under_load_it_ends_with_the_numbers_of_the_topics(console: ConsoleProcess, kills: int) -> None:
    """Killed in the midst of reading, again and again, with runs written meanwhile; then without its folder."""
    sent = history(RUNS * (kills + 1))
    part = len(sent) // (kills + 1)
    for number in range(kills):
        send_all(console.bootstrap, sent[number * part : (number + 1) * part])
        console.start()
        until(console.ready, "the console is ready")
        console.kill()
    send_all(console.bootstrap, sent[kills * part :])
    console.start()
    until(console.caught_up, "the topics are read")
    plain = plain_count(console.bootstrap)
    assert console.get("/api/runs?limit=1")["total"] == len(plain.runs) == RUNS * (kills + 1)
    assert console.get("/api/runs?limit=500") == plain_view(views.runs(plain, limit=500))
    assert others(console.get("/api/alerts")) == others(plain_view(views.alerts(plain)))
    assert len(console.get("/api/dead-letters")) == len(plain.dead_letters)
    whole = shown(console)
    console.kill()
    console.forget_state()
    console.start()
    until(console.caught_up, "the topics are read")
    assert shown(console) == whole


def test_only_what_was_committed_is_shown(console: ConsoleProcess) -> None:
    """Of two transactions the aborted one leaves nothing; the end of the other is no record that waits."""
    first, second = runs(2)
    send_all(console.bootstrap, messages(first), transaction="one", commit=False)
    send_all(console.bootstrap, messages(second), transaction="two")
    console.start()
    until(console.caught_up, "the topics are read")
    assert [run["run_id"] for run in console.get("/api/runs")["runs"]] == ["events-process-g0-000000000001"]


def test_damaged_records_are_counted_and_pass(console: ConsoleProcess) -> None:
    """A body that is no JSON, a stranger's headers, no value: three rows, and the run after them."""
    good = encode(next(runs(1))[1])
    for value, headers in ((b"\xff{", good.headers), (good.value, ()), (None, good.headers)):
        send_all(console.bootstrap, [Message(LakeCurated.topic, good.partition, good.key, value, headers)])
    send_all(console.bootstrap, messages(next(runs(1))))
    console.start()
    until(console.caught_up, "the topics are read")
    overview = console.get("/api/overview")
    assert (overview["damaged"], console.get("/api/runs")["total"]) == (3, 1)


def test_a_dead_letter_is_shown_with_its_body(console: ConsoleProcess) -> None:
    """It is read from its place in Kafka when somebody looks."""
    letter = set_aside("events", 1)[-1]
    send_all(console.bootstrap, [letter])
    console.start()
    until(console.caught_up, "the topics are read")
    (line,) = console.get("/api/dead-letters")
    page = console.get(f"/api/dead-letters/{line['place']}")
    assert page["body"].encode() == letter.value
    assert ["tidemark-reason", "rows differ"] in page["headers"]


def test_an_open_page_hears_of_a_new_event(console: ConsoleProcess) -> None:
    """A request is published while a page listens: it is told which dataset's views to read again."""
    console.start()
    until(console.caught_up, "the topics are read")
    with urllib.request.urlopen(f"{console.url}/api/changes", timeout=60) as stream:  # noqa: S310 - our own address
        asked = RunRequested(dataset="events", request_id="r-1", kind="process", requested_by="anna")
        send_all(console.bootstrap, messages([asked]))
        said: dict[str, str] = {}
        while said.get("key") != "r-1":
            line = stream.readline().decode().strip()
            said = json.loads(line.removeprefix("data: ")) if line.startswith("data: {") else said
    assert (said["view"], said["dataset"]) == ("overview", "events")


@pytest.mark.soak
def test_the_watch_says_an_incident_once_and_when_it_is_over(broker: Broker, tmp_path: Path) -> None:
    """A run is stuck: one alert, also after the console has lost everything; the run goes on: one notice."""
    emptied(broker)
    settings = {"TIDEMARK_STUCK_SECONDS": "1", "TIDEMARK_COST_LIMIT_SECONDS": "1e9", "TIDEMARK_QUALITY_LIMIT": "1"}
    with a_console(broker.bootstrap, tmp_path, **settings) as console:
        console.forget_everything()
        run = next(runs(1))
        send_all(broker.bootstrap, messages(run[:3]))
        console.start()
        until(lambda: said(broker) == [("stuck", False)], "it is told once")
        console.kill()
        console.forget_everything()
        console.start()
        until(console.caught_up, "the topics are read")
        send_all(broker.bootstrap, messages(run[3:]))
        until(lambda: len([word for word in said(broker) if word[0] == "stuck"]) == 2, "its end is told")
    assert [word for word in said(broker) if word[0] == "stuck"] == [("stuck", False), ("stuck", True)]


def said(broker: Broker) -> list[tuple[str, bool]]:
    """What the watch has said of runs: the kind, and whether it is over. The history's commits are years old."""
    alerts = (decode(record) for record in read_topic(broker.bootstrap, AlertRaised.topic))
    ours = [a for a in alerts if isinstance(a, AlertRaised) and a.raised_by == "console"]
    return [(a.incident.split("/")[1], a.resolved) for a in ours if a.incident.split("/")[1] != "stale"]
