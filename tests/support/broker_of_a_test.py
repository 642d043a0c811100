"""The lab's broker alone, for tests that need nothing else of the lab."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from waiting import until_done

from tidemark.kafka import connection, ensure_topics, topics
from tidemark_lab import broker, jars, java, ports

JARS = jars.ensure("kafka")


class Broker:
    """One broker, in a folder of its own."""

    def __init__(self, home: Path) -> None:
        chosen = ports.choose({"broker": ["kafka", "controller"]}, {})["broker"]  # two that differ
        self.home, self.port = home, chosen["kafka"]
        self.bootstrap = f"127.0.0.1:{self.port}"
        executable = java.java(jars.cache_folder())
        broker.prepare(executable, JARS, home, self.port, chosen["controller"])
        self._command = broker.command(executable, JARS, home)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.home / "broker.log").open("ab") as log:
            self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        ensure_topics(self.bootstrap, seconds=90)

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def running(home: Path) -> Iterator[Broker]:
    """Start one, and end it whatever happens."""
    one = Broker(home)
    try:
        one.start()
        yield one
    finally:
        one.kill()


def emptied(broker: Broker) -> None:
    """Delete what its topics hold; what the compacted one says of a dataset stays."""
    admin = AdminClient(connection(broker.bootstrap))
    ends = [TopicPartition(topic, partition, -1) for topic in topics() for partition in range(2)]
    compacted = {"tidemark.watcher.state"}
    for end in [e for e in ends if e.topic not in compacted]:
        # a broker that has only just started refuses it
        until_done(lambda end=end: [f.result(10) for f in admin.delete_records([end]).values()], KafkaException)
