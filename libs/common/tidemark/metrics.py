"""Every metric of the services, in one place. Process CPU and memory come with the Prometheus client itself.

To add one: a definition here with what it counts and its unit, and one line where it happens.
"""

from collections.abc import Iterable

from prometheus_client import Counter, Gauge, Histogram

from tidemark.events import Event, LakeCurated, LayersReconciled, MartsBuilt, RawLoaded, SnapshotCommitted
from tidemark.parking import Parking

SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)

STAGE_SECONDS = Histogram(
    "tidemark_stage_seconds", "Seconds of one call of a handler", ["stage", "topic", "outcome"], buckets=SECONDS
)
EVENTS = Counter("tidemark_events", "Events by how they ended", ["stage", "topic", "outcome"])
ROWS = Counter("tidemark_rows", "Rows that a stage says it has done", ["stage", "dataset", "table", "what"])
LAG = Gauge("tidemark_consumer_lag", "Records that wait in a partition", ["stage", "topic", "partition"])
PARKED = Gauge("tidemark_parked_events", "Events set aside at a stage", ["stage", "dataset"])
HALTED = Gauge("tidemark_halted", "1 while a dataset is halted at a stage", ["stage", "dataset"])
BUSY = Gauge("tidemark_busy_since_seconds", "Epoch seconds since when a handler runs; 0 while none does", ["stage"])


def count_rows(stage: str, events: Iterable[Event]) -> None:
    """Count the rows that outgoing events carry in their receipts."""
    for event in events:
        for table, what, rows in _rows(event):
            ROWS.labels(stage, event.dataset, table, what).inc(rows)


def show_parking(parking: Parking) -> None:
    """Show what is set aside."""
    for dataset, state in parking.datasets.items():
        PARKED.labels(parking.stage, dataset).set(len(state.parked))
        HALTED.labels(parking.stage, dataset).set(int(state.halted))


def _rows(event: Event) -> Iterable[tuple[str, str, int]]:
    match event:
        case SnapshotCommitted():
            return [(t.table, "committed", t.rows) for t in event.tables]
        case LakeCurated():
            kinds = ("read", "accepted", "repeated", "held", "released", "quarantined", "flagged")
            return [(t.table, kind, getattr(t, kind)) for t in event.tables for kind in kinds]
        case RawLoaded():
            return [(t.table, "loaded", t.rows) for t in event.tables]
        case MartsBuilt():
            return [(m.name, "published", m.rows) for m in event.models if m.rows > 0]
        case LayersReconciled():
            return [(p.pair, "compared", p.rows) for p in event.pairs]
    return []
