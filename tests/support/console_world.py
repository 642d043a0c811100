"""A console over hand-made topics: two datasets with runs in every state, dead letters, alerts, requests, and what the
command line would answer. Every text that comes from outside may be replaced by a hostile one."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from console_answers import answer_of

from console.access.identity import Identity
from console.api import create
from console.asking import Asker
from console.fold import fold
from console.pages.mount import mount
from console.pages.site import Site
from console.ports import Ports
from console.publishing import MemoryPublisher
from console.settings import ConsoleSettings
from console.state import State
from tidemark.codec import encode
from tidemark.desk import dead_letter, settled
from tidemark.errors import DecodeError
from tidemark.events import (
    DEAD_LETTERS,
    AlertRaised,
    AlertSent,
    BuiltModel,
    CuratedTable,
    Event,
    LakeCurated,
    LayersReconciled,
    LoadedTable,
    MartsBuilt,
    RawLoaded,
    ReconciledPair,
    RunFailed,
    RunRequested,
    SnapshotCommitted,
    TableCut,
    WatcherState,
)
from tidemark.parking import Entry, to_message
from tidemark.records import Record
from tidemark.tables import registry

NOW_MS = int(datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp() * 1000)
MINUTE = 60_000
TRACE = [("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
TOKEN = "a-token-for-tests-only"
Text = Callable[[str], str]


def same(text: str) -> str:
    return text


class World:
    """The topics, folded; `text` changes every word that somebody outside could choose."""

    def __init__(self, text: Text = same, now_ms: int = NOW_MS, runs: int = 12, **access: Any) -> None:
        self.text, self.now_ms = text, now_ms
        self.state, self.records, self.publisher = State(), dict[str, Record](), MemoryPublisher()
        self.asked: list[tuple[str, ...]] = []
        self.answers: dict[str, tuple[int, bytes, bytes]] = {}
        self._offset = 0
        if runs:
            self._history(runs)
        trace_page = "http://127.0.0.1:9411/zipkin/traces/{trace_id}"
        given = {"kafka_bootstrap": "nowhere:1", "trace_page": trace_page, "console_token": TOKEN} | access
        self.settings = ConsoleSettings(**{name: value for name, value in given.items() if value is not None})
        self.ports = Ports(record=self.records.get, now_ms=lambda: self.now_ms)
        self.site = self._site()
        self.app = mount(create(self.state, self.site.settings, self.ports), self.site)

    def _site(self) -> Site:
        asker = Asker(self.ports.now_ms, self._command)
        return Site(self.state, self.settings, self.ports, Identity(self.settings), asker, self.publisher)

    async def _command(self, arguments: tuple[str, ...], seconds: float) -> tuple[int, bytes, bytes]:
        self.asked.append(arguments)
        return self.answers.get(arguments[0]) or (0, json.dumps(answer_of(arguments, self.text)).encode(), b"")

    def tell(self, event: Event, at_ms: int) -> None:
        """An event, written to its topic at that time."""
        message = encode(event, headers=TRACE)
        self.take(message.topic, message.partition, message.key, message.value, message.headers, at_ms)

    def take(self, topic: str, partition: int, key: Any, value: Any, headers: Any, at_ms: int) -> Record:
        """A record."""
        self._offset += 1
        record = Record(topic, partition, self._offset, key, value, tuple(headers), at_ms)
        for changed in fold(self.state, record):
            if hasattr(self, "ports"):
                self.ports.feed.tell(changed)
        self.records[record.place] = record
        return record

    def letter(self, value: bytes, reason: str, at_ms: int, topic: str = LakeCurated.topic) -> str:
        """A dead letter; its place."""
        self._offset += 1
        original = Record(
            topic, 0, self._offset, b"ecommerce", value, encode(lake("ecommerce", 3, self.text)).headers, at_ms
        )
        message = dead_letter("loader", original, DecodeError(reason), at_ms)
        return self.take(DEAD_LETTERS, 0, message.key, message.value, message.headers, at_ms).place

    def _history(self, runs: int) -> None:
        now = self.now_ms
        for seq in range(1, runs + 1):
            at = now - (runs - seq) * 47 * MINUTE - 30 * MINUTE
            for dataset in ("ecommerce", "events"):
                self.run(dataset, seq, at, status="DIVERGED" if (dataset, seq) == ("events", runs - 3) else "CONVERGED")
        self.run("ecommerce", runs + 1, now - 5 * MINUTE, upto=2)
        failed = self.run("events", runs + 1, now - 9 * MINUTE, upto=2)
        self.tell(failure(failed, self.text), now - 8 * MINUTE)
        for incident, resolved in (("events/halted/1", False), ("loader/retrying/7", True)):
            self.tell(alert(incident, self.text), now - 8 * MINUTE)
            if resolved:
                self.tell(msgspec.structs.replace(alert(incident, self.text), resolved=True), now - 3 * MINUTE)
        sent = AlertSent(
            dataset="events",
            alert_id="events/halted/1/raised",
            incident="events/halted/1",
            resolved=False,
            sinks=["slack"],
        )
        self.tell(sent, now - 7 * MINUTE)
        asked = RunRequested(dataset="ecommerce", request_id="4a1e6b0e-8f0c-4f5c-9f6e-0d5f3c1b2a99", kind="process",
                             requested_by=self.text("alice (cli)"), reason=self.text("the shop asked"))  # fmt: skip
        self.tell(asked, now - 6 * MINUTE)
        self.tell(WatcherState(dataset="ecommerce", generation=1, pending=[asked]), now - 4 * MINUTE)
        self.tell(WatcherState(dataset="events", generation=0, halted=None), now - 4 * MINUTE)
        for entry in halt(failed, now - 8 * MINUTE, self.text):
            message = to_message(entry)
            self.take(message.topic, message.partition, message.key, message.value, message.headers, now - 8 * MINUTE)
        self.letter(
            self.text('{"dataset": "ecommerce", "run_id": 7}').encode("utf-8", "replace"),
            self.text("the body is no LakeCurated"),
            now - 50 * MINUTE,
        )
        self.letter(b"\xff\xfe no text", self.text("it is no text"), now - 40 * MINUTE)
        done = self.letter(b"{}", self.text("it lacks everything"), now - 90 * MINUTE)
        self.tell(
            settled(
                self.records[done], "dropped", self.text("bob (console, token)"), reason=self.text("noise of a test")
            ),
            now - 80 * MINUTE,
        )
        self.state.behind = 0

    def run(self, dataset: str, seq: int, at: int, status: str = "CONVERGED", upto: int = 5) -> SnapshotCommitted:
        """A run up to one of its stages."""
        events = chain(dataset, seq, at, status, self.text)
        for number, event in enumerate(events[:upto]):
            self.tell(event, at + number * 9000 + seq * 200)
        first = events[0]
        assert isinstance(first, SnapshotCommitted)
        return first


def chain(dataset: str, seq: int, at: int, status: str, text: Text = same) -> list[Event]:
    """A run's events."""
    tables = list(registry().datasets[dataset].tables)
    about: Any = {
        "dataset": dataset,
        "run_id": f"{dataset}-process-g0-{seq:012x}",
        "run_seq": seq,
        "kind": "process",
        "generation": 0,
    }
    by, why = text("alice (cli)"), text("because")
    asked = RunRequested(dataset=dataset, request_id=f"r{seq}", kind="process", requested_by=by, reason=why)
    cut = SnapshotCommitted(
        **about, committed_at_ms=at - 5000,
        tables=[TableCut(table=t, from_snapshot=seq, to_snapshot=seq + 1, rows=900 + seq, files=2) for t in tables],
        asked=asked if seq % 4 == 0 else None,
    )  # fmt: skip
    loaded = [LoadedTable(table=t, rows=870 + seq, files=2, bytes=42_000 + seq, seconds=1.4) for t in tables]
    models = [
        BuiltModel(name=text(n), status="success", rows=40 * seq, seconds=0.8)
        for n in ("fct_orders", "dim_customers", "customer_lifetime_value")
    ]
    pairs = [
        ReconciledPair(
            pair=text("user_events"),
            status=status,
            cutoff_ms=at - 60_000,
            rows=12_345,
            pending=3,
            suspect=seq % 3,
            confirmed=4 if status == "DIVERGED" else 0,
            resolved=2,
            seconds=2.2,
            detail=text("as it was"),
        )
    ]  # type: ignore[arg-type]
    return [
        cut,
        lake(dataset, seq, text, at - 5000),
        RawLoaded(**about, tables=loaded, max_ts_ms=at, committed_at_ms=at - 5000, seconds=3.1),
        MartsBuilt(
            **about,
            from_seq=seq - 1,
            to_seq=seq,
            as_of_ms=at,
            models=models,
            tests=42,
            committed_at_ms=at - 5000,
            seconds=6.5,
        ),
        LayersReconciled(**about, status=status, pairs=pairs, committed_at_ms=at - 5000, seconds=4.0),  # type: ignore[arg-type]
    ]


def lake(dataset: str, seq: int, text: Text = same, committed_ms: int = NOW_MS) -> LakeCurated:
    """What the lake did in a run."""
    rules = {"quarantined": {"quantity_positive": 3, **({"total_amount": seq % 4} if seq % 4 else {})}}
    held = {"held": {"parent.user_id": 7}} if seq % 5 == 0 else {}
    tables = [
        CuratedTable(table=t, read=900 + seq, accepted=870 + seq, repeated=20, held=7 if seq % 5 == 0 else 0,
                     quarantined=3 + seq % 4 if n else 0, flagged=seq % 3,
                     rules={**(rules if n else {}), **held},
                     schema_changes=[text("column colour was added")] if seq == 3 else [])
        for n, t in enumerate(registry().datasets[dataset].tables)
    ]  # fmt: skip
    spark = {
        "seconds": 7.2,
        "shuffle_bytes": 12_345_678,
        "peak_memory_bytes": 834_000_000,
        "tasks": 48,
        "note": text("fine"),
    }
    return LakeCurated(
        dataset=dataset, run_id=f"{dataset}-process-g0-{seq:012x}", run_seq=seq, kind="process", generation=0,
        decision=seq,
        tables=tables, committed_at_ms=committed_ms, seconds=8.2, spark=spark,
    )  # fmt: skip


def failure(run: SnapshotCommitted, text: Text) -> RunFailed:
    """The transformer refused the run."""
    about = {
        "dataset": run.dataset,
        "run_id": run.run_id,
        "run_seq": run.run_seq,
        "kind": run.kind,
        "generation": run.generation,
    }
    message = text("3 rows of fct_orders have no customer; OPS.FAILED_TESTS shows them")
    return RunFailed(**about, failed_stage="loader", error="DataTestFailed", message=message)  # type: ignore[arg-type]


def halt(run: SnapshotCommitted, at_ms: int, text: Text) -> list[Entry]:
    """The loader sets the run's event aside."""
    about: Any = {
        "stage": "loader",
        "dataset": run.dataset,
        "at_ms": at_ms,
        "event_id": f"{run.run_id}/spark-submitter",
        "run_id": run.run_id,
        "place": "tidemark.lake.curated/1/13",
    }
    return [
        Entry(**about, action="parked"),
        Entry(**about, action="halted", reason=text("3 rows of fct_orders have no customer")),
    ]


def alert(incident: str, text: Text) -> AlertRaised:
    """An incident's beginning."""
    title, detail = (
        text("events is halted at the loader"),
        text("mend the cause, then `tidemark resume --dataset events`"),
    )
    return AlertRaised(
        dataset="events", incident=incident, severity="critical", title=title, detail=detail, raised_by="loader"
    )
