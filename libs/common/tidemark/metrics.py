"""What a stage's loop shows as metrics; which there are stands in signals.py.

Counters begin at zero for what is known beforehand, so that a first event is an increase too. Gauges tell of the newest
run, also after a restart, for the runner reads the stage's own newest events first. A run told a second time (a
repeated event's receipt) counts once.
"""

from collections.abc import Iterable, Mapping
from typing import get_args

from opentelemetry.trace import Span

from tidemark import signals
from tidemark.events import (
    AlertRaised,
    Event,
    LakeCurated,
    LayersReconciled,
    MartsBuilt,
    RawLoaded,
    ReconciledPair,
    ReconciliationStatus,
    RunEvent,
    Severity,
    SnapshotCommitted,
)
from tidemark.parking import Parking
from tidemark.stage import Stage
from tidemark.tables import registry

OUTCOMES = ("done", "retry", "invalid", "superseded", "parked", "undecodable", "lost")
CURATED_ROWS = ("read", "released", "accepted", "repeated", "held", "quarantined", "dropped", "flagged")
TABLE_ROWS = {
    SnapshotCommitted.stage: ("committed",),
    LakeCurated.stage: CURATED_ROWS,
    RawLoaded.stage: ("loaded",),
}
DIFFERENCES = ("pending", "suspect", "confirmed", "resolved")
MILLISECONDS = 1000


class Meter:
    """One stage's metrics."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage.name
        self._newest: dict[str, int] = {}
        for topic in {event.topic for event in stage.handlers}:
            for outcome in OUTCOMES:
                signals.EVENTS.labels(self._stage, topic, outcome)
        for name, dataset in registry().datasets.items():
            signals.PARKED.labels(self._stage, name)
            signals.HALTED.labels(self._stage, name)
            for severity in get_args(Severity):
                signals.ALERTS.labels(self._stage, name, severity)
            for table in dataset.tables:
                for what in TABLE_ROWS.get(self._stage, ()):
                    signals.ROWS.labels(self._stage, name, table, what)
        signals.BUSY.labels(self._stage).set(0)

    def show_parking(self, parking: Parking) -> None:
        """Show what is set aside."""
        for dataset, state in parking.datasets.items():
            signals.PARKED.labels(self._stage, dataset).set(len(state.parked))
            signals.HALTED.labels(self._stage, dataset).set(int(state.halted))

    def remember(self, events: Iterable[Event]) -> None:
        """Show the stage's newest events of before this process, and count nothing."""
        for event in events:
            if self._is_news(event):
                self._show(event)

    def committed(self, events: Iterable[Event]) -> None:
        """Count and show what outgoing events tell."""
        for event in events:
            if isinstance(event, AlertRaised) and not event.resolved:
                signals.ALERTS.labels(self._stage, event.dataset, event.severity).inc()
            if self._is_news(event):
                _count(self._stage, event)
                self._show(event)

    def ended(self, dataset: str, topic: str, outcome: str, seconds: float, span: Span) -> None:
        """Count an event's end."""
        context = span.get_span_context()
        exemplar = {"trace_id": format(context.trace_id, "032x")} if context.is_valid else None
        signals.EVENTS.labels(self._stage, topic, outcome).inc()
        signals.STAGE_SECONDS.labels(self._stage, dataset, topic, outcome).observe(seconds, exemplar)

    def _is_news(self, event: Event) -> bool:
        """Whether the event is the stage's own of a run that it has not told before; comparisons may be many a run."""
        if not isinstance(event, RunEvent) or event.stage != self._stage:
            return False
        before = self._newest.get(event.dataset, -1)
        return event.run_seq > before or (event.run_seq == before and isinstance(event, LayersReconciled))

    def _show(self, event: Event) -> None:
        """Set the gauges; a timer's comparison, which names the newest run again, does not move that run's end."""
        if isinstance(event, SnapshotCommitted | LakeCurated | RawLoaded | MartsBuilt | LayersReconciled):
            if event.run_seq > self._newest.get(event.dataset, -1):
                self._newest[event.dataset] = event.run_seq
                signals.RUN_SEQ.labels(self._stage, event.dataset).set(event.run_seq)
                signals.RUN_DONE.labels(self._stage, event.dataset).set(event.committed_at_ms / MILLISECONDS)
            _show_state(self._stage, event)


def _show_state(stage: str, event: Event) -> None:
    match event:
        case LakeCurated():
            _show_newest_row(stage, event.dataset, [table.max_ts_ms for table in event.tables])
            signals.SPARK_PEAK.labels(event.dataset).set(_number(event.spark, "peak_bytes"))
        case RawLoaded():
            _show_newest_row(stage, event.dataset, [event.max_ts_ms])
        case MartsBuilt():
            _show_newest_row(stage, event.dataset, [event.as_of_ms])
        case LayersReconciled():
            for pair in event.pairs:
                _show_pair(event.dataset, pair)
            _show_newest_row(stage, event.dataset, [pair.cutoff_ms for pair in event.pairs])


def _show_newest_row(stage: str, dataset: str, found_ms: Iterable[int | None]) -> None:
    known = [moment for moment in found_ms if moment]
    if known:
        signals.NEWEST_ROW.labels(stage, dataset).set(max(known) / MILLISECONDS)


def _show_pair(dataset: str, pair: ReconciledPair) -> None:
    for status in get_args(ReconciliationStatus):
        signals.PAIR_STATUS.labels(dataset, pair.pair, status).set(int(pair.status == status))
    for state in DIFFERENCES:
        signals.PAIR_DIFFERENCES.labels(dataset, pair.pair, state).set(getattr(pair, state))
    if pair.cutoff_ms is not None:
        signals.PAIR_CUTOFF.labels(dataset, pair.pair).set(pair.cutoff_ms / MILLISECONDS)


def _count(stage: str, event: Event) -> None:
    """Add what one run's event tells."""
    if isinstance(event, LakeCurated | RawLoaded | MartsBuilt | LayersReconciled):
        signals.WORK_SECONDS.labels(stage, event.dataset, event.kind).inc(event.seconds)
    match event:
        case SnapshotCommitted():
            for cut in event.tables:
                signals.ROWS.labels(stage, event.dataset, cut.table, "committed").inc(cut.rows)
                signals.FILES.labels(stage, event.dataset, cut.table).inc(cut.files)
        case LakeCurated():
            for curated in event.tables:
                for what in CURATED_ROWS:
                    signals.ROWS.labels(stage, event.dataset, curated.table, what).inc(getattr(curated, what))
            _count_spark(event)
        case RawLoaded():
            for loaded in event.tables:
                signals.ROWS.labels(stage, event.dataset, loaded.table, "loaded").inc(loaded.rows)
                signals.FILES.labels(stage, event.dataset, loaded.table).inc(loaded.files)
                signals.BYTES.labels(stage, event.dataset, loaded.table).inc(loaded.bytes)
        case MartsBuilt():
            for model in event.models:
                signals.ROWS.labels(stage, event.dataset, model.name, "published").inc(max(0, model.rows))
                signals.MODEL_SECONDS.labels(event.dataset, model.name).inc(model.seconds)
            signals.TESTS.labels(event.dataset).inc(event.tests)
        case LayersReconciled():
            for pair in event.pairs:
                signals.ROWS.labels(stage, event.dataset, pair.pair, "compared").inc(pair.rows)
                signals.PAIR_SECONDS.labels(event.dataset, pair.pair).inc(pair.seconds)


def _count_spark(event: LakeCurated) -> None:
    for what in ("run", "gc"):
        signals.SPARK_SECONDS.labels(event.dataset, what).inc(_number(event.spark, f"{what}_ms") / MILLISECONDS)
    for what in ("shuffle", "spill"):
        signals.SPARK_BYTES.labels(event.dataset, what).inc(_number(event.spark, f"{what}_bytes"))


def _number(spark: Mapping[str, object], name: str) -> float:
    """One of Spark's figures; 0 where the job did not tell it."""
    found = spark.get(name)
    return float(found) if isinstance(found, int | float) else 0.0
