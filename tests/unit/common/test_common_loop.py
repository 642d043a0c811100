"""What the loop promises beyond the endings: aborted transactions, taken partitions, traces, ticks."""

from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tidemark import tracing
from tidemark.errors import CheckFailed
from tidemark.events import Event, LakeCurated, RawLoaded, RunRequested, SnapshotCommitted
from tidemark.memory_bus import MemoryBus
from tidemark.stage import Stage


def cut(run: str, dataset: str = "ecommerce") -> SnapshotCommitted:
    """The event that begins a run."""
    return SnapshotCommitted(
        dataset=dataset, run_id=run, run_seq=1, kind="process", generation=0, tables=[], committed_at_ms=0
    )


def curated(event: SnapshotCommitted) -> LakeCurated:
    """The event that follows."""
    return LakeCurated(
        dataset=event.dataset,
        run_id=event.run_id,
        run_seq=1,
        kind="process",
        generation=0,
        decision=1,
        tables=[],
        committed_at_ms=0,
        seconds=0,
    )


def loaded(event: LakeCurated) -> RawLoaded:
    """The event after that."""
    return RawLoaded(
        dataset=event.dataset,
        run_id=event.run_id,
        run_seq=1,
        kind="process",
        generation=0,
        tables=[],
        max_ts_ms=None,
        committed_at_ms=0,
        seconds=0,
    )


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Every span that would have left the process."""
    exporter = InMemorySpanExporter()
    tracing.set_up("test", None, SimpleSpanProcessor(exporter))
    yield exporter
    tracing.shut_down()


def traces(spans: InMemorySpanExporter) -> dict[str, set[int]]:
    """Trace ids by span name."""
    found: dict[str, set[int]] = {}
    for span in spans.get_finished_spans():
        found.setdefault(span.name, set()).add(span.context.trace_id)
    return found


def named(spans: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    """The spans of that name in the order in which they ended."""
    return [span for span in spans.get_finished_spans() if span.name == name]


def test_an_aborted_transaction_is_sent_again_without_the_handler() -> None:
    """The event is neither lost nor handled twice."""
    seen: list[str] = []

    def handle(event: SnapshotCommitted) -> Sequence[Event]:
        seen.append(event.run_id)
        return [curated(event)]

    bus = MemoryBus(Stage("a", {SnapshotCommitted: handle}))
    bus.transports["a"].abort_next = 2
    bus.publish(cut("r1"))
    bus.run()
    assert (seen, bus.events(LakeCurated)) == (["r1"], [curated(cut("r1"))])


def test_a_tick_that_was_aborted_is_sent_again() -> None:
    """What a tick found goes out even if its memory says that it is done."""
    waiting = [cut("r1")]
    bus = MemoryBus(Stage("a", {}, tick=lambda: [waiting.pop()] if waiting else []))
    bus.transports["a"].abort_next = 1
    bus.run()
    assert bus.events(SnapshotCommitted) == [cut("r1")]


def test_committed_is_told_only_what_stands() -> None:
    """The stage's memory follows the transactions, not the handler's answers."""
    told: list[Event] = []
    stage = Stage("a", {SnapshotCommitted: lambda event: [curated(event)]}, committed=told.extend)
    bus = MemoryBus(stage)
    bus.transports["a"].abort_next = 1
    bus.publish(cut("r1"))
    bus.run(tries=0)
    before = list(told)
    bus.run()
    assert (before, told) == ([], [curated(cut("r1"))])


def test_a_taken_partition_is_read_again() -> None:
    """What was in hand when a partition moved is not committed; it comes again from what is committed."""
    bus = MemoryBus(Stage("a", {SnapshotCommitted: lambda event: [curated(event)]}))
    bus.transports["a"].abort_next = 1
    bus.publish(cut("r1"))
    bus.run(tries=0)
    bus._loops["a"].moved([(SnapshotCommitted.topic, 0)])
    bus.run()
    assert bus.events(LakeCurated) == []
    bus.restart(Stage("a", {SnapshotCommitted: lambda event: [curated(event)]}))
    bus.run()
    assert bus.events(LakeCurated) == [curated(cut("r1"))]


def chain(fail: list[bool]) -> list[Stage]:
    """Three stages; the last refuses while `fail` holds something."""

    def load(event: LakeCurated) -> Sequence[Event]:
        if fail:
            raise CheckFailed("x")
        with tracing.span("copy into"):
            return [loaded(event)]

    waiting = [cut("r1"), cut("r2", "events")]

    def tick() -> Sequence[Event]:
        with tracing.span("look"):
            found, waiting[:] = list(waiting), []
            return found

    return [
        Stage("ingest-watcher", {}, tick=tick, parks=False),
        Stage("spark-submitter", {SnapshotCommitted: lambda event: [curated(event)]}),
        Stage("loader", {LakeCurated: load}),
    ]


def test_one_trace_a_run_from_the_tick_to_the_last_stage(spans: InMemorySpanExporter) -> None:
    """Two runs that one tick began are two traces, and every later span is in one of them."""
    bus = MemoryBus(*chain([]))
    bus.run()
    found = traces(spans)
    runs = found["send tidemark.snapshot.committed"]
    assert len(runs) == 2
    names = ("process tidemark.snapshot.committed", "process tidemark.lake.curated", "copy into")
    assert [found[name] for name in names] == [runs, runs, runs]


def test_each_consumer_is_a_child_of_its_producer(spans: InMemorySpanExporter) -> None:
    """The edges of the trace are the events."""
    MemoryBus(*chain([])).run()
    sent = {span.context.span_id for span in named(spans, "send tidemark.lake.curated")}
    assert {span.parent.span_id for span in named(spans, "process tidemark.lake.curated") if span.parent} == sent


def test_a_resumed_run_stays_in_its_trace(spans: InMemorySpanExporter) -> None:
    """The parked event keeps the context with which it came."""
    fail = [True]
    bus = MemoryBus(*chain(fail))
    bus.run()
    runs = traces(spans)["send tidemark.snapshot.committed"]
    spans.clear()
    fail.clear()
    for dataset in ("ecommerce", "events"):
        bus.publish(RunRequested(dataset=dataset, request_id=dataset, kind="resume", requested_by="ada"))
    bus.run()
    assert traces(spans)["copy into"] == runs


def test_a_run_begun_by_another_run_has_a_trace_of_its_own(spans: InMemorySpanExporter) -> None:
    """The next cut is made when the last one is curated; it links back, but it is no part of that run."""
    bus = MemoryBus(
        Stage("w", {LakeCurated: lambda event: [cut("r2")]}, parks=False),
        Stage("s", {SnapshotCommitted: lambda event: []}),
    )
    bus.publish(curated(cut("r1")))
    bus.run()
    (sent,) = named(spans, "send tidemark.snapshot.committed")
    (handled,) = named(spans, "process tidemark.lake.curated")
    (next_run,) = named(spans, "process tidemark.snapshot.committed")
    assert sent.context.trace_id != handled.context.trace_id
    assert [link.context.span_id for link in sent.links] == [handled.context.span_id]
    assert next_run.context.trace_id == sent.context.trace_id


def test_an_idle_tick_leaves_no_trace(spans: InMemorySpanExporter) -> None:
    """Neither its own span nor those of the calls that it made."""

    def tick() -> Sequence[Event]:
        with tracing.span("glue"):
            return []

    MemoryBus(Stage("a", {}, tick=tick)).run()
    assert traces(spans) == {}
