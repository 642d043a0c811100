"""A stage as a real process on a real broker: killed, stopped, doubled, and with its broker gone."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from waiting import until

from tidemark.codec import decode
from tidemark.events import LakeCurated, RawLoaded
from tidemark.kafka import publish, read_topic
from tidemark.settings import RunnerSettings

pytestmark = pytest.mark.lab
SCRIPT = Path(__file__).with_name("tiny_stage.py")


class Process:
    """One start of the tiny stage."""

    def __init__(self, bootstrap: str, stage: str, log: Path, **env: str) -> None:
        self.log = log
        known = {"TIDEMARK_KAFKA_BOOTSTRAP": bootstrap, "TINY_STAGE": stage, **env}
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, str(SCRIPT)], env={**os.environ, **known}, stdout=out, stderr=out
            )

    def wait(self, seconds: float = 40) -> int:
        """Its exit code."""
        return self.process.wait(seconds)

    def lines(self) -> list[dict[str, object]]:
        """What it has logged."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def end(self) -> None:
        """Whatever it does."""
        self.process.kill()
        self.process.wait()


Start = Callable[..., Process]


@pytest.fixture
def start(empty_broker, stage_name: str, tmp_path: Path) -> Iterator[Start]:
    """Starts the stage; everything that was started is ended."""
    started: list[Process] = []

    def begin(**env: str) -> Process:
        log = tmp_path / f"{len(started)}.log"
        started.append(Process(empty_broker.bootstrap, stage_name, log, **env))
        return started[-1]

    yield begin
    for process in started:
        process.end()


@pytest.fixture
def settings(empty_broker) -> RunnerSettings:
    """Where the broker is."""
    return RunnerSettings(kafka_bootstrap=empty_broker.bootstrap)


def curated(seq: int) -> LakeCurated:
    """An event to be handled."""
    return LakeCurated(
        dataset="ecommerce",
        run_id=f"run-{seq}",
        run_seq=seq,
        kind="process",
        generation=0,
        decision=seq,
        tables=[],
        committed_at_ms=0,
        seconds=0.0,
    )


def answers(settings: RunnerSettings) -> list[str]:
    """The runs that were answered."""
    found = [decode(record) for record in read_topic(settings, RawLoaded.topic)]
    return [event.run_id for event in found if isinstance(event, RawLoaded)]


def until_runs_answered(settings: RunnerSettings, *expected: str, seconds: float = 60) -> None:
    """Until exactly these runs are answered."""
    until(lambda: answers(settings) == list(expected), f"{expected} are answered, nothing else", seconds)


@pytest.mark.parametrize("place", ["before-produce", "after-produce"])
def test_a_killed_stage_answers_once(place: str, start: Start, settings, stage_name: str, tmp_path: Path) -> None:
    """Whether it dies before or after the transaction, the next process leaves one answer per event, soon."""
    publish(settings, curated(1))
    arms = {"TIDEMARK_FAILPOINTS": f"{stage_name}.{place}=kill", "TIDEMARK_FAILPOINT_LOG": str(tmp_path / "hits")}
    assert start(**arms).wait() == -signal.SIGKILL
    publish(settings, curated(2))
    start(**arms)
    until_runs_answered(settings, "run-1", "run-2", seconds=30)


def test_a_stopped_stage_finishes_what_it_has_in_hand(start: Start, settings) -> None:
    """SIGTERM in the middle of a handler: its answer goes out, the exit code is 0, the rest is for the next start."""
    process = start(TINY_SECONDS="2")
    publish(settings, curated(1))
    publish(settings, curated(2))
    ready(process)
    time.sleep(1.0)  # into the handler
    process.process.send_signal(signal.SIGTERM)
    assert (process.wait(), answers(settings)) == (0, ["run-1"])
    start()
    until_runs_answered(settings, "run-1", "run-2")


def ready(process: Process, seconds: float = 60) -> int:
    """Wait until the process says that it is ready; its health port."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ports = [line["health_port"] for line in process.lines() if "health_port" in line]
        if ports and fetch(int(str(ports[0])), "readyz"):
            return int(str(ports[0]))
    raise AssertionError("not ready: " + process.log.read_text()[-2000:])


def fetch(port: int, path: str) -> str:
    """The body, or nothing unless the answer is 200."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as response:
            return str(response.read().decode())
    except OSError:
        return ""


def test_a_second_instance_takes_over(start: Start, settings) -> None:
    """The older one is fenced and ends with 1; nothing is answered twice."""
    first = start()
    ready(first)
    publish(settings, curated(1))
    until_runs_answered(settings, "run-1")
    second = start()
    ready(second)
    publish(settings, curated(2))
    assert first.wait() == 1
    until_runs_answered(settings, "run-1", "run-2")
    assert second.process.poll() is None


def test_a_broker_that_dies_is_waited_for(own_broker, stage_name: str, tmp_path: Path) -> None:
    """The process stays, its session too, and goes on when the broker is back."""
    settings = RunnerSettings(kafka_bootstrap=own_broker.bootstrap)
    process = Process(own_broker.bootstrap, stage_name, tmp_path / "stage.log")
    try:
        ready(process)
        publish(settings, curated(1))
        until_runs_answered(settings, "run-1")
        own_broker.kill()
        time.sleep(12.0)  # away
        own_broker.start()
        publish(settings, curated(2))
        until_runs_answered(settings, "run-1", "run-2")
        assert process.process.poll() is None
        assert "SESSTMOUT" not in process.log.read_text()  # a member that joins again may be fenced by itself
    finally:
        process.end()


def test_a_broker_that_stood_still_is_found_again(own_broker, stage_name: str, tmp_path: Path) -> None:
    """It comes back fenced, and clients forget it (served.py): the process ends by itself, the next one goes on."""
    settings = RunnerSettings(kafka_bootstrap=own_broker.bootstrap)
    starts = [Process(own_broker.bootstrap, stage_name, tmp_path / "0.log")]
    try:
        ready(starts[0])
        publish(settings, curated(1))
        until_runs_answered(settings, "run-1")
        own_broker.process.send_signal(signal.SIGSTOP)
        time.sleep(20.0)  # longer than the session of a member, and of a broker
        own_broker.process.send_signal(signal.SIGCONT)
        publish(settings, curated(2))

        def ends_or_answers() -> bool:
            return starts[0].process.poll() is not None or answers(settings) == ["run-1", "run-2"]

        until(ends_or_answers, "it answers or ends", 150)
        if starts[0].process.poll() is not None:  # what keeps the service running starts it again
            assert starts[0].process.poll() == 1
            starts.append(Process(own_broker.bootstrap, stage_name, tmp_path / "1.log"))
        until_runs_answered(settings, "run-1", "run-2")
    finally:
        for start in starts:
            start.end()


def test_probes_metrics_and_log_lines(start: Start, settings) -> None:
    """What people and probes see of a running stage."""
    process = start()
    port = ready(process)
    publish(settings, curated(1))
    until_runs_answered(settings, "run-1")
    metrics = fetch(port, "metrics")
    assert fetch(port, "livez") == "alive\n"
    assert 'outcome="done"' in metrics
    assert "tidemark_consumer_lag" in metrics
    (done,) = [line for line in process.lines() if line["message"] == "done"]
    assert (done["run_id"], done["dataset"]) == ("run-1", "ecommerce")


def test_missing_settings_end_the_process_with_2(start: Start) -> None:
    """They are named on standard error."""
    process = start(TIDEMARK_KAFKA_BOOTSTRAP="", TIDEMARK_HEALTH_PORT="x")
    assert process.wait() == 2
    assert "TIDEMARK_KAFKA_BOOTSTRAP is missing; TIDEMARK_HEALTH_PORT: Input should be" in process.log.read_text()
