"""The runs as the topics tell them: every event of a run, folded into one record a run. Reads only; owns nothing."""

from collections.abc import Iterable

from msgspec import Struct, field
from opentelemetry import trace

from tidemark import tracing
from tidemark.codec import decode
from tidemark.errors import DecodeError
from tidemark.events import (
    AlertRaised,
    LakeCurated,
    LayersReconciled,
    MartsBuilt,
    RawLoaded,
    RunEvent,
    RunFailed,
    SnapshotCommitted,
)
from tidemark.records import Record


class Run(Struct, kw_only=True):
    """One run and the newest event of each of its stages; `at_ms`: when that event reached Kafka, epoch ms."""

    run_id: str
    dataset: str
    run_seq: int
    kind: str
    generation: int
    events: dict[str, RunEvent] = field(default_factory=dict)
    at_ms: dict[str, int] = field(default_factory=dict)
    first_ms: dict[str, int] = field(default_factory=dict)
    alerts: list[AlertRaised] = field(default_factory=list)
    trace_id: str | None = None

    @property
    def cut(self) -> SnapshotCommitted | None:
        found = self.events.get(SnapshotCommitted.stage)
        return found if isinstance(found, SnapshotCommitted) else None

    @property
    def curated(self) -> LakeCurated | None:
        found = self.events.get(LakeCurated.stage)
        return found if isinstance(found, LakeCurated) else None

    @property
    def loaded(self) -> RawLoaded | None:
        found = self.events.get(RawLoaded.stage)
        return found if isinstance(found, RawLoaded) else None

    @property
    def built(self) -> MartsBuilt | None:
        found = self.events.get(MartsBuilt.stage)
        return found if isinstance(found, MartsBuilt) else None

    @property
    def reconciled(self) -> LayersReconciled | None:
        found = self.events.get(LayersReconciled.stage)
        return found if isinstance(found, LayersReconciled) else None

    @property
    def failure(self) -> RunFailed | None:
        """The failure that stands: none once the failed stage has done its work after all."""
        found = self.events.get(RunFailed.stage)
        if not isinstance(found, RunFailed):
            return None
        done = self.at_ms.get(found.failed_stage, 0)
        return found if self.at_ms[RunFailed.stage] > done else None

    @property
    def status(self) -> str:
        """The reconciliation's word, `failed at <stage>`, or the stage that is at work."""
        if self.failure:
            return f"failed at {self.failure.failed_stage}"
        if self.reconciled:
            return self.reconciled.status
        at_work = {
            None: LakeCurated.stage,
            LakeCurated.stage: RawLoaded.stage,
            RawLoaded.stage: MartsBuilt.stage,
            MartsBuilt.stage: LayersReconciled.stage,
        }
        last = next((s for s in (MartsBuilt.stage, RawLoaded.stage, LakeCurated.stage) if s in self.events), None)
        return f"at {at_work[last]}"

    @property
    def seconds(self) -> float | None:
        """From the source's newest commit to layers.reconciled, the first time it was told."""
        if self.cut is None or LayersReconciled.stage not in self.first_ms:
            return None
        return (self.first_ms[LayersReconciled.stage] - self.cut.committed_at_ms) / 1000


def runs_of(records: Iterable[Record]) -> dict[str, Run]:
    """Runs by id, in the order in which they began. Records of any topic, in any order between topics."""
    runs: dict[str, Run] = {}
    for record in sorted(records, key=lambda r: r.timestamp_ms):
        try:
            event = decode(record)
        except DecodeError:
            continue  # it stands among the dead letters with its reason
        if isinstance(event, RunEvent):
            _add(runs, event, record)
        elif isinstance(event, AlertRaised) and event.run_id in runs:
            runs[event.run_id].alerts.append(event)
    return runs


def _add(runs: dict[str, Run], event: RunEvent, record: Record) -> None:
    run = runs.setdefault(
        event.run_id,
        Run(
            run_id=event.run_id,
            dataset=event.dataset,
            run_seq=event.run_seq,
            kind=event.kind,
            generation=event.generation,
        ),
    )
    run.events[event.stage] = event
    run.at_ms[event.stage] = record.timestamp_ms
    run.first_ms.setdefault(event.stage, record.timestamp_ms)
    span = trace.get_current_span(tracing.from_headers(record.headers)).get_span_context()
    if span.is_valid and run.trace_id is None:
        run.trace_id = format(span.trace_id, "032x")
