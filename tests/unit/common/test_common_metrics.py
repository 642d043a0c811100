"""What a stage shows as metrics, from the events that it sends."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY

from tidemark import tracing
from tidemark.errors import CheckFailed, Retryable
from tidemark.events import (
    CuratedTable,
    Event,
    LakeCurated,
    LayersReconciled,
    LoadedTable,
    MartsBuilt,
    RawLoaded,
    ReconciledPair,
)
from tidemark.health import Health
from tidemark.memory_bus import MemoryBus
from tidemark.metrics import Meter
from tidemark.stage import Stage

RUN = {"dataset": "ecommerce", "kind": "process", "generation": 0, "committed_at_ms": 5000}


def curated(seq: int) -> LakeCurated:
    """A run's rows of one table."""
    table = CuratedTable(table="orders", read=5, accepted=3, held=2, max_ts_ms=4000)
    spark = {"run_ms": 1500, "shuffle_bytes": 10, "peak_bytes": 99}
    return LakeCurated(run_id=f"r{seq}", run_seq=seq, decision=seq, tables=[table], seconds=2.5, spark=spark, **RUN)  # type: ignore[arg-type]


def loaded(event: LakeCurated) -> Sequence[Event]:
    """The loader's receipt for it."""
    table = LoadedTable(table="orders", rows=3, files=1, bytes=700, seconds=0.5)
    made = RawLoaded(
        run_id=event.run_id,
        run_seq=event.run_seq,
        tables=[table],
        max_ts_ms=4000,
        seconds=0.5,
        **RUN,  # type: ignore[arg-type]
    )
    return [made]


def compared(status: str, seq: int = 1) -> LayersReconciled:
    """A comparison of one pair."""
    pair = ReconciledPair(
        pair="sessions",
        status=status,
        cutoff_ms=9000,
        rows=7,
        pending=1,
        suspect=0,
        confirmed=2,
        resolved=0,
        seconds=1,  # type: ignore[arg-type]
    )
    return LayersReconciled(run_id=f"r{seq}", run_seq=seq, status=pair.status, pairs=[pair], seconds=1, **RUN)  # type: ignore[arg-type]


def value(name: str, **labels: str) -> float | None:
    """What is exposed."""
    return REGISTRY.get_sample_value(name, labels)


def stage(name: str) -> Stage:
    """A stage of that name which loads."""
    return Stage(name, {LakeCurated: loaded})


def test_a_receipt_is_counted_once_however_often_it_is_told() -> None:
    """Rows, files and bytes of a run grow by its receipt; a repeat of the same run changes nothing."""
    bus = MemoryBus(stage("loader"))
    labels = {"stage": "loader", "dataset": "ecommerce", "table": "orders"}
    before = [value(f"tidemark_{name}_total", **labels) or 0.0 for name in ("files", "bytes")]
    for _ in range(2):
        bus.publish(curated(1))
    bus.run()
    assert value("tidemark_rows_total", what="loaded", **labels) is not None
    after = [value(f"tidemark_{name}_total", **labels) for name in ("files", "bytes")]
    assert [before[0] + 1, before[1] + 700] == after
    of_run = {"stage": "loader", "dataset": "ecommerce"}
    assert value("tidemark_run_seq", **of_run) == 1
    assert value("tidemark_run_done_timestamp_seconds", **of_run) == 5
    assert value("tidemark_newest_row_timestamp_seconds", **of_run) == 4


def test_what_becomes_of_rows_in_the_lake_and_in_spark() -> None:
    """Accepted, held and the like by table; Spark's seconds, bytes and peak by dataset."""
    meter = Meter(replace(stage("loader"), name="spark-submitter"))
    labels = {"stage": "spark-submitter", "dataset": "ecommerce", "table": "orders"}
    before = {what: value("tidemark_rows_total", what=what, **labels) for what in ("accepted", "held", "quarantined")}
    assert None not in before.values()
    meter.committed([curated(1)])
    after = {what: value("tidemark_rows_total", what=what, **labels) for what in before}
    assert {n: after[n] - before[n] for n in after} == {"accepted": 3, "held": 2, "quarantined": 0}  # type: ignore[operator]
    assert value("tidemark_spark_peak_bytes", dataset="ecommerce") == 99
    assert (value("tidemark_spark_seconds_total", dataset="ecommerce", what="run") or 0) >= 1.5


def test_a_pair_has_one_status() -> None:
    """The newest comparison's status is 1, the others are 0; a second comparison of one run counts as well."""
    meter = Meter(replace(stage("loader"), name="reconciler"))
    labels = {"dataset": "ecommerce", "pair": "sessions"}
    before = value("tidemark_pair_seconds_total", **labels) or 0
    meter.committed([compared("DIVERGED"), compared("CONVERGED")])
    shown = {s: value("tidemark_pair_status", status=s, **labels) for s in ("CONVERGED", "DIVERGED", "STALLED")}
    assert shown == {"CONVERGED": 1, "DIVERGED": 0, "STALLED": 0}
    assert value("tidemark_pair_differences", state="confirmed", **labels) == 2
    assert value("tidemark_pair_seconds_total", **labels) == before + 2


def test_a_restart_shows_what_was_told_before_and_counts_none_of_it() -> None:
    """Gauges come back from the stage's own topic, counters do not grow by it."""
    meter = Meter(replace(stage("loader"), name="transformer"))
    built = MartsBuilt(
        run_id="r7", run_seq=7, from_seq=6, to_seq=7, as_of_ms=3000, models=[], tests=4, seconds=1, **RUN
    )  # type: ignore[arg-type]
    before = value("tidemark_data_tests_total", dataset="ecommerce") or 0.0
    meter.remember([built])
    meter.committed([built])
    assert value("tidemark_run_seq", stage="transformer", dataset="ecommerce") == 7
    assert (value("tidemark_data_tests_total", dataset="ecommerce") or 0.0) == before


def test_ends_are_counted_from_zero() -> None:
    """What has not happened yet is 0, so that the first time is an increase: retries and dead letters by outcome."""
    tries: list[int] = []

    def handler(event: LakeCurated) -> Sequence[Event]:
        tries.append(event.run_seq)
        if len(tries) == 1:
            raise Retryable("away")
        raise CheckFailed("wrong")

    bus = MemoryBus(Stage("ends", {LakeCurated: handler}))
    count = {"stage": "ends", "topic": LakeCurated.topic}
    assert [value("tidemark_events_total", outcome=o, **count) for o in ("retry", "invalid", "parked")] == [0, 0, 0]
    assert value("tidemark_halted", stage="ends", dataset="events") == 0
    bus.publish(curated(1))
    bus.run()
    assert [value("tidemark_events_total", outcome=o, **count) for o in ("retry", "invalid")] == [1, 1]
    assert value("tidemark_halted", stage="ends", dataset="ecommerce") == 1
    assert value("tidemark_parked_events", stage="ends", dataset="ecommerce") == 1
    assert value("tidemark_alerts_total", stage="ends", dataset="ecommerce", severity="critical") == 1


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Every span that would have left the process."""
    exporter = InMemorySpanExporter()
    tracing.set_up("test", None, SimpleSpanProcessor(exporter))
    yield exporter
    tracing.shut_down()


def test_a_slow_events_bar_leads_to_its_trace(spans: InMemorySpanExporter) -> None:
    """Who accepts OpenMetrics finds the trace's id beside the bucket; others get the plain text."""
    bus = MemoryBus(Stage("slow", {LakeCurated: lambda event: []}))
    bus.publish(curated(1))
    bus.run()
    (span,) = [s for s in spans.get_finished_spans() if s.name == f"process {LakeCurated.topic}"]
    trace_id = format(span.context.trace_id, "032x")
    health = Health()
    _, kind, rich = health.answer("/metrics", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    _, _, plain = health.answer("/metrics")
    assert kind.startswith("application/openmetrics-text")
    lines = [line for line in rich.decode().splitlines() if 'stage="slow"' in line and "# {" in line]
    assert [line for line in lines if f'trace_id="{trace_id}"' in line]
    assert trace_id not in plain.decode()
