"""The broker goes away and comes back under a console."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from broker_of_a_test import Broker, running
from console_history import messages, runs
from console_process import a_console, plain_count, send_all
from waiting import until

pytestmark = pytest.mark.lab
AWAY_SECONDS = 8.0
LISTEN = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1]).read()"


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that is killed."""
    yield from running(tmp_path / "broker")


def test_a_broker_that_comes_back_is_read_on(own_broker: Broker, tmp_path: Path) -> None:
    """Killed and started again, with runs written after that: the same runs as in the topics, and few lines meanwhile.

    A console that gives up ends, and is started again as the lab and Kubernetes do.
    """
    sent = [messages(events) for events in runs(20)]
    with a_console(own_broker.bootstrap, tmp_path) as console:
        send_all(own_broker.bootstrap, [message for some in sent[:10] for message in some])
        console.start()
        until(console.caught_up, "the topics are read")
        before = len(console.log.read_text().splitlines())
        own_broker.kill()
        time.sleep(AWAY_SECONDS)
        assert len(console.log.read_text().splitlines()) - before < 60
        own_broker.start()
        send_all(own_broker.bootstrap, [message for some in sent[10:] for message in some])

        def caught_up() -> bool:
            assert console.process is not None
            if console.process.poll() is not None:
                assert console.process.returncode == 1
                console.start()
            return console.caught_up() and console.get("/api/runs")["total"] == 20

        until(caught_up, "the topics are read")
        assert set(plain_count(own_broker.bootstrap).runs) == {
            line["run_id"] for line in console.get("/api/runs?limit=500")["runs"]
        }


def test_sigterm_ends_it_in_time_also_with_an_open_page(own_broker: Broker, tmp_path: Path) -> None:
    """Exit code 0 while a page listens: within the time that Kubernetes gives."""
    with a_console(own_broker.bootstrap, tmp_path) as console:
        console.start()
        until(console.caught_up, "the topics are read")
        page = subprocess.Popen([sys.executable, "-c", LISTEN, f"{console.url}/api/changes"])
        try:
            time.sleep(1)
            assert console.process is not None
            console.process.terminate()
            assert console.process.wait(40) == 0
        finally:
            page.kill()
            page.wait()
