"""Every kind of alert that the console raises, for real: console, notifier and a webhook as on any machine.

Each is received once when it begins and once when it is over. The clock is real, so this takes minutes.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from broker_of_a_test import Broker, running
from confluent_kafka import Consumer, TopicPartition
from console_history import messages, set_aside
from console_process import a_console, send_all
from waiting import until
from webhook import Webhook, listening

from tidemark.codec import encode
from tidemark.events import (
    DEAD_LETTERS,
    AlertRaised,
    BuiltModel,
    CuratedTable,
    DeadLetterSettled,
    Event,
    LakeCurated,
    LayersReconciled,
    LoadedTable,
    MartsBuilt,
    RawLoaded,
    ReconciledPair,
    SnapshotCommitted,
    TableCut,
    WatcherState,
)
from tidemark.lag import begin_again, everywhere
from tidemark.settings import RunnerSettings
from tidemark.tables import registry

pytestmark = [pytest.mark.lab, pytest.mark.soak, pytest.mark.timeout(900)]
KINDS = ("stuck", "stale", "halted", "diverged", "stalled", "quality", "cost", "dead-letter", "lag")
LIMITS = {
    "TIDEMARK_STUCK_SECONDS": "2",
    "TIDEMARK_LAG_SECONDS": "20",
    "TIDEMARK_QUALITY_LIMIT": "0.5",
    "TIDEMARK_COST_LIMIT_SECONDS": "10",
}
GROWING = f"console/lag/loader/{AlertRaised.topic}/"
DAY_MS = 86_400_000


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker of its own."""
    yield from running(tmp_path / "broker")


def test_every_kind_is_received_once_and_its_end_once(broker: Broker, tmp_path: Path) -> None:
    """All that can be wrong is wrong at once, then all is mended; a console that starts anew says nothing again."""
    with (
        listening() as webhook,
        a_notifier(broker.bootstrap, webhook),
        a_console(broker.bootstrap, tmp_path, **LIMITS) as console,
    ):
        settings = RunnerSettings(kafka_bootstrap=broker.bootstrap)
        begin_again(settings, "loader")
        send_all(broker.bootstrap, [*messages(wrong()), set_aside("events", 1)[-1]])
        console.start()
        until(lambda: grown(broker.bootstrap) and set(KINDS) <= set(received(webhook)), "every kind is raised", 240)
        read_to_the_end(broker.bootstrap, "loader")
        send_all(broker.bootstrap, [*messages(mended()), encode(dropped())])
        until(lambda: set(KINDS) - {"cost"} <= set(received(webhook, "resolved")), "all but one are over", 240)
        console.kill()
        console.start(TIDEMARK_COST_LIMIT_SECONDS="1e9")  # as the next day would be
        until(lambda: set(KINDS) <= set(received(webhook, "resolved")), "all are over", 240)
        assert received(webhook) == received(webhook, "resolved") == Counter(KINDS)


def run(dataset: str, seq: int) -> dict[str, object]:
    return {"dataset": dataset, "run_id": f"{dataset}-{seq}", "run_seq": seq, "kind": "process", "generation": 0}


def whole(
    dataset: str, seq: int, committed_at_ms: int, statuses: tuple[str, str], held: int, seconds: float
) -> list[Event]:
    """A run from end to end: rows held of a hundred, two pairs with these statuses, seconds of each stage."""
    told = {**run(dataset, seq), "committed_at_ms": committed_at_ms}
    table = CuratedTable(table=next(iter(registry().tables_of(dataset))), read=100, accepted=100 - held, held=held)
    counts = {"cutoff_ms": committed_at_ms, "rows": 9, "pending": 0, "suspect": 0, "confirmed": 0, "resolved": 0}
    pairs = [
        ReconciledPair(pair=name, status=status, seconds=0.1, **counts)
        for name, status in zip(("one", "two"), statuses, strict=True)
    ]
    loaded = [LoadedTable(table=table.table, rows=100 - held, files=1, bytes=9, seconds=0.1)]
    models = [BuiltModel(name="m", status="success", rows=1, seconds=0.1)]
    return [
        SnapshotCommitted(
            **told, tables=[TableCut(table=table.table, from_snapshot=seq, to_snapshot=seq + 1, rows=100)]
        ),
        LakeCurated(**told, decision=seq, tables=[table], seconds=seconds),
        RawLoaded(**told, tables=loaded, max_ts_ms=committed_at_ms, seconds=seconds),
        MartsBuilt(
            **told, from_seq=seq - 1, to_seq=seq, as_of_ms=committed_at_ms, models=models, tests=1, seconds=seconds
        ),
        LayersReconciled(**told, status=statuses[0], pairs=pairs, seconds=seconds),
    ]


def wrong() -> list[Event]:
    """events: two days old, pairs that differ and stand still, most rows held, a day's work done. ecommerce: halted,
    and a run that goes on no more."""
    now_ms = int(time.time() * 1000)
    events = whole("events", 1, now_ms - 2 * DAY_MS, ("DIVERGED", "STALLED"), held=80, seconds=9.0)
    stuck = whole("ecommerce", 1, now_ms, ("CONVERGED", "CONVERGED"), held=0, seconds=0.1)[:2]
    return [*events, *stuck, WatcherState(dataset="ecommerce", halted="the source table is gone")]


def mended() -> list[Event]:
    """A good run of events; the stuck one ends; the watcher goes on."""
    now_ms = int(time.time() * 1000)
    events = whole("events", 2, now_ms, ("CONVERGED", "CONVERGED"), held=0, seconds=0.1)
    ends = whole("ecommerce", 1, now_ms, ("CONVERGED", "CONVERGED"), held=0, seconds=0.1)[2:]
    return [*events, *ends, WatcherState(dataset="ecommerce")]


def dropped() -> DeadLetterSettled:
    place = f"{DEAD_LETTERS}/{registry().partition_of('events')}/0"
    return DeadLetterSettled(dataset="events", place=place, outcome="dropped", by="anna", reason="a test")


def grown(bootstrap: str) -> bool:
    """One more event for the loader to read, which never does; True."""
    about = {"severity": "info", "title": "", "detail": "", "raised_by": "a test", "incident": "one more"}
    send_all(bootstrap, messages([AlertRaised(dataset="events", **about)]))
    return True


def read_to_the_end(bootstrap: str, group: str) -> None:
    """As if a stage had done all that waits for it."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False})
    try:
        ends = [
            TopicPartition(place.topic, place.partition, consumer.get_watermark_offsets(place, timeout=10)[1])
            for place in everywhere()
        ]
        consumer.commit(offsets=ends, asynchronous=False)
    finally:
        consumer.close()


def received(webhook: Webhook, word: str = "") -> Counter[str]:
    """The console's incidents that came, by kind: their beginnings, or those that are told with this word."""
    kinds: Counter[str] = Counter()
    for posted in list(webhook.posted):
        incident = str(posted["message"]).rpartition("incident ")[2]
        other = incident.startswith("console/lag/") and not incident.startswith(GROWING)  # what else waits, as it may
        is_end = str(posted["title"]).startswith("[resolved]")
        if incident.startswith("console/") and not other and is_end == (word == "resolved"):
            kinds[incident.split("/")[1]] += 1
    return kinds


@contextmanager
def a_notifier(bootstrap: str, webhook: Webhook) -> Iterator[None]:
    """The notifier as a process, ended whatever happens."""
    known = {
        "TIDEMARK_KAFKA_BOOTSTRAP": bootstrap,
        "TIDEMARK_ALERT_URLS": f"json://127.0.0.1:{webhook.server_port}/hook",
        "TIDEMARK_ALERT_MOST_PER_HOUR": "0",
    }
    process = subprocess.Popen([sys.executable, "-m", "notifier"], env={**os.environ, **known})
    try:
        yield
    finally:
        process.kill()
        process.wait()
