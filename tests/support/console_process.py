"""The console as a process: started, killed, asked."""

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from waiting import until

from console.fold import fold
from console.state import State
from console.stream import CHANGELOG
from tidemark.kafka import connection, produce, read_topic, topics
from tidemark.records import Message
from tidemark_lab import ports


class ConsoleProcess:
    """One console with a folder of its own, on ports of its own. It may be started again and again."""

    def __init__(self, bootstrap: str, folder: Path, **settings: str) -> None:
        chosen = ports.choose({"console": ["console", "health"]}, {})["console"]
        self.bootstrap, self.folder, self.log = bootstrap, folder / "state", folder / "console.log"
        self.url = f"http://127.0.0.1:{chosen['console']}"
        self._ready = f"http://127.0.0.1:{chosen['health']}/readyz"
        self._environment = {
            **os.environ,
            "MALLOC_ARENA_MAX": "2",  # as in the lab and in the images
            "TIDEMARK_KAFKA_BOOTSTRAP": bootstrap,
            "TIDEMARK_CONSOLE_PORT": str(chosen["console"]),
            "TIDEMARK_HEALTH_PORT": str(chosen["health"]),
            "TIDEMARK_CONSOLE_DATA": str(self.folder),
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **settings: str) -> None:
        """A new process, with other settings if they are given; nothing is waited for."""
        with self.log.open("ab") as out:
            command = [sys.executable, "-m", "console"]
            self.process = subprocess.Popen(command, env=self._environment | settings, stdout=out, stderr=out)

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def ready(self) -> bool:
        """Whether it has its state. AssertionError: it has ended by itself."""
        assert self.process is not None and self.process.poll() is None, self._ended()
        try:
            with urllib.request.urlopen(self._ready, timeout=5) as answer:  # noqa: S310 - our own address
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _ended(self) -> str:
        return f"exit code {self.process and self.process.poll()}: {self.log.read_text()[-9000:]}"

    def get(self, path: str) -> Any:
        """A path's JSON."""
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:  # noqa: S310 - our own address
            return json.load(answer)

    def caught_up(self) -> bool:
        """Whether it has read all that is written. An answer that is none yet says no."""
        try:
            return self.ready() and self.get("/api/overview")["behind"] == 0
        except (urllib.error.URLError, OSError):
            return False

    def forget_state(self) -> None:
        """Delete what it has on disk."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def forget_everything(self) -> None:
        """Delete that, and what it has in Kafka."""
        self.forget_state()
        admin = AdminClient(connection(self.bootstrap))
        if CHANGELOG in admin.list_topics(timeout=10).topics:
            admin.delete_topics([CHANGELOG])[CHANGELOG].result(30)
            until(lambda: CHANGELOG not in admin.list_topics(timeout=10).topics, "the topic is gone")


@contextmanager
def a_console(bootstrap: str, folder: Path, **settings: str) -> Iterator[ConsoleProcess]:
    """One, ended whatever happens."""
    console = ConsoleProcess(bootstrap, folder, **settings)
    try:
        yield console
    finally:
        console.kill()


def send_all(bootstrap: str, messages: Sequence[Message], transaction: str | None = None, commit: bool = True) -> None:
    """Send messages as they are, or as one transaction that is committed or not."""
    told = {"transactional.id": transaction} if transaction else {"linger.ms": 5}
    producer = Producer({**connection(bootstrap), **told})
    if transaction:
        producer.init_transactions(60)
        producer.begin_transaction()
    for message in messages:
        produce(producer, message)
        producer.poll(0)
    if transaction:
        producer.flush(60)
        (producer.commit_transaction if commit else producer.abort_transaction)(60)
    else:
        assert producer.flush(60) == 0


def plain_count(bootstrap: str) -> State:
    """What the topics hold, read one after another and folded without Faust."""
    state = State()
    for topic in topics():
        for record in read_topic(bootstrap, topic):
            fold(state, record)
    return state
