"""All events, in the order in which they flow. Plain frozen records; topic beside each.

Every topic is keyed by dataset and partitioned by the dataset's place in the registry, so that a dataset's events
keep their order. docs/events.md is generated from this file. To add an event: a Struct here with its `topic`,
then `make docs`. It is long because all events are read in one place.
"""

import hashlib
from typing import Any, ClassVar, Literal

from msgspec import Struct, field

Kind = Literal["process", "rebuild", "rollback", "maintain", "replay", "drop"]
RequestKind = Literal["process", "rebuild", "rollback", "maintain", "replay", "drop", "resume"]
Severity = Literal["info", "warning", "critical"]
ReconciliationStatus = Literal["CONVERGED", "CONVERGING", "DIVERGED", "STALLED"]


class Event(Struct, frozen=True, kw_only=True):
    """What every event says. `event_id` is a function of what happened, so that a repeat has the same id."""

    topic: ClassVar[str]
    stage: ClassVar[str]

    dataset: str

    @property
    def event_id(self) -> str:
        raise NotImplementedError


class Selection(Struct, frozen=True, kw_only=True):
    """Rows in quarantine: those of one table, of these keys (columns joined by '|'; none named: any), by this rule."""

    table: str
    keys: list[str] = field(default_factory=list)
    rule: str | None = None


class RunRequested(Event, frozen=True, kw_only=True):
    """Somebody (a person, a schedule) asks for a run, a rebuild, a rollback, maintenance, or to resume.

    `to_run_id`: the run to which a rollback goes back; `selection`: the rows in quarantine that a replay judges again
    or a drop lets go; `reason`: in the words of who asks, for the audit.
    """

    topic: ClassVar[str] = "tidemark.run.requested"
    stage: ClassVar[str] = "request"

    request_id: str
    kind: RequestKind
    requested_by: str
    to_run_id: str | None = None
    selection: Selection | None = None
    reason: str = ""

    @property
    def event_id(self) -> str:
        return self.request_id


class RunEvent(Event, frozen=True, kw_only=True):
    """An event of one run: which run, its place in the dataset's sequence, and the generation it belongs to."""

    run_id: str
    run_seq: int
    kind: Kind
    generation: int

    @property
    def event_id(self) -> str:
        return f"{self.run_id}/{self.stage}"


class TableCut(Struct, frozen=True, kw_only=True):
    """One table's part of a cut: snapshots (from_snapshot, to_snapshot]; None as `from` means from the beginning.

    `to_snapshot` None: the source table has no snapshot yet. `rows` and `files` are what the snapshots' summaries
    say was appended; `to_schema` is the id of the columns' schema at `to_snapshot`, if that is known; `schema_changes`
    are sentences for people and the audit.
    """

    table: str
    from_snapshot: int | None
    to_snapshot: int | None
    rows: int = 0
    files: int = 0
    to_schema: int | None = None
    schema_changes: list[str] = field(default_factory=list)


class SnapshotCommitted(RunEvent, frozen=True, kw_only=True):
    """ingest-watcher: a cut was made; the run begins. `committed_at_ms`: the newest commit of the cut, epoch ms;
    `asked`: the request for this run, if there was one; `to_seq`: the run to which a rollback goes back.
    """

    topic: ClassVar[str] = "tidemark.snapshot.committed"
    stage: ClassVar[str] = "ingest-watcher"

    tables: list[TableCut]
    committed_at_ms: int
    asked: RunRequested | None = None
    to_seq: int | None = None

    @property
    def request_id(self) -> str | None:
        return self.asked.request_id if self.asked else None


class CuratedTable(Struct, frozen=True, kw_only=True):
    """What the lake did with one table. read + released = accepted + repeated + held + quarantined + dropped.

    Released rows leave the held ones or, in a replay or a drop, quarantine.
    `changes_snapshot` is the append snapshot of `<t>_changes` that holds this run's rows (None: no row accepted).
    `max_ts_ms` is the newest `__ts_ms`/`_source_ts` (epoch ms) among the rows accepted, None without any.
    `schema_changes` are sentences for the audit: the source's of this cut, and the lake's.
    `rules`: of those held, quarantined and flagged, the rows by rule; one row may carry several flags.
    """

    table: str
    read: int = 0
    released: int = 0
    accepted: int = 0
    repeated: int = 0
    held: int = 0
    quarantined: int = 0
    dropped: int = 0
    flagged: int = 0
    changes_snapshot: int | None = None
    current_snapshot: int | None = None
    max_ts_ms: int | None = None
    schema_changes: list[str] = field(default_factory=list)
    rules: dict[str, dict[str, int]] = field(default_factory=dict)


class LakeCurated(RunEvent, frozen=True, kw_only=True):
    """spark-submitter: the run's tables are published together by decision number `decision`.

    `to_seq`: the run to which a rollback went back; its tables tell no rows. `asked` as in SnapshotCommitted.
    """

    topic: ClassVar[str] = "tidemark.lake.curated"
    stage: ClassVar[str] = "spark-submitter"

    decision: int
    tables: list[CuratedTable]
    committed_at_ms: int
    seconds: float
    spark: dict[str, Any] = field(default_factory=dict)
    to_seq: int | None = None
    asked: RunRequested | None = None


class LoadedTable(Struct, frozen=True, kw_only=True):
    """One table's receipt from RAW."""

    table: str
    rows: int
    files: int
    bytes: int
    seconds: float


class RawLoaded(RunEvent, frozen=True, kw_only=True):
    """loader: every table of the run stands in RAW. `max_ts_ms` as in LakeCurated, over all tables."""

    topic: ClassVar[str] = "tidemark.raw.loaded"
    stage: ClassVar[str] = "loader"

    tables: list[LoadedTable]
    max_ts_ms: int | None
    committed_at_ms: int
    seconds: float


class BuiltModel(Struct, frozen=True, kw_only=True):
    """One dbt node of the run: a model with the rows it changed when published, or a test with rows = failures."""

    name: str
    status: str
    rows: int
    seconds: float


class MartsBuilt(RunEvent, frozen=True, kw_only=True):
    """transformer: the marts of (from_seq, to_seq] passed their tests and are published, true as of `as_of`."""

    topic: ClassVar[str] = "tidemark.marts.built"
    stage: ClassVar[str] = "transformer"

    from_seq: int
    to_seq: int
    as_of_ms: int
    models: list[BuiltModel]
    tests: int
    committed_at_ms: int
    seconds: float


class ReconciledPair(Struct, frozen=True, kw_only=True):
    """One comparison. `cutoff_ms`: W, rows after it are not judged. Counts are of entries in the ledger."""

    pair: str
    status: ReconciliationStatus
    cutoff_ms: int | None
    rows: int
    pending: int
    suspect: int
    confirmed: int
    resolved: int
    seconds: float
    detail: str = ""


class LayersReconciled(RunEvent, frozen=True, kw_only=True):
    """reconciler: the layers were held against each other; the worst pair gives the status."""

    topic: ClassVar[str] = "tidemark.layers.reconciled"
    stage: ClassVar[str] = "reconciler"

    status: ReconciliationStatus
    pairs: list[ReconciledPair]
    committed_at_ms: int
    seconds: float


class RunFailed(RunEvent, frozen=True, kw_only=True):
    """Any stage: the run cannot go on; its dataset is halted at `failed_stage` until resume, rebuild or rollback."""

    topic: ClassVar[str] = "tidemark.run.failed"
    stage: ClassVar[str] = "failed"

    failed_stage: str
    error: str
    message: str

    @property
    def event_id(self) -> str:
        digest = hashlib.sha256(self.message.encode()).hexdigest()[:12]
        return f"{self.run_id}/failed/{self.failed_stage}/{digest}"


class AlertRaised(Event, frozen=True, kw_only=True):
    """Any stage: somebody should look. `incident` is the same for every repeat of one trouble."""

    topic: ClassVar[str] = "tidemark.alert.raised"
    stage: ClassVar[str] = "alert"

    incident: str
    severity: Severity
    title: str
    detail: str
    raised_by: str
    run_id: str | None = None
    resolved: bool = False

    @property
    def event_id(self) -> str:
        return f"{self.incident}/{'resolved' if self.resolved else 'raised'}"


class AlertSent(Event, frozen=True, kw_only=True):
    """notifier: every sink took the message of an incident's beginning or end, `alert_id` is that alert's id."""

    topic: ClassVar[str] = "tidemark.alert.sent"
    stage: ClassVar[str] = "notifier"

    alert_id: str
    incident: str
    resolved: bool
    sinks: list[str]

    @property
    def event_id(self) -> str:
        return f"{self.alert_id}/sent"


class DeadLetterSettled(Event, frozen=True, kw_only=True):
    """Somebody has dealt with a dead letter: it went back where it lay, or is let go.

    `place`: where it lies among the dead letters; `mended`: it went back with another body; `by` and `reason`: for the
    audit.
    """

    topic: ClassVar[str] = "tidemark.dead-letter.settled"
    stage: ClassVar[str] = "desk"

    place: str
    outcome: Literal["replayed", "dropped"]
    by: str
    mended: bool = False
    reason: str = ""

    @property
    def event_id(self) -> str:
        return f"{self.place}/{self.outcome}"


class WatcherState(Event, frozen=True, kw_only=True):
    """ingest-watcher's memory of one dataset: the newest record of this compacted topic counts. Without any, it is
    recovered from the other topics (docs/adr/0011).

    `halted` says why no new cut is made (None: cuts go on); `last` is the cut under way or done last;
    `pending` waits for the run under way; `accepted` and `failures` hold the ids of the newest requests and of the
    newest RunFailed events, so that a repeated one changes nothing. `failed_run_id` is `last`'s run id when that run
    has failed and nobody has resumed it since: without its decision, a rebuild need not wait for it.
    """

    topic: ClassVar[str] = "tidemark.watcher.state"
    stage: ClassVar[str] = "watcher-state"

    generation: int = 0
    halted: str | None = None
    last: SnapshotCommitted | None = None
    pending: list[RunRequested] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    failed_run_id: str | None = None
    failures: list[str] = field(default_factory=list)

    @property
    def event_id(self) -> str:
        return f"{self.dataset}/watcher"


CHAIN: tuple[type[RunEvent], ...] = (SnapshotCommitted, LakeCurated, RawLoaded, MartsBuilt, LayersReconciled)
EVENTS: tuple[type[Event], ...] = (
    RunRequested,
    *CHAIN,
    RunFailed,
    AlertRaised,
    AlertSent,
    DeadLetterSettled,
    WatcherState,
)
COMPACTED: tuple[type[Event], ...] = (WatcherState,)
DEAD_LETTERS = "tidemark.dead-letters"
PARKED = "tidemark.parked"


def run_id_of(dataset: str, kind: Kind, generation: int, cut: list[TableCut]) -> str:
    """The same cut found twice is the same run: `<dataset>-<kind>-g<generation>-<12 hex of the cut's snapshots>`."""
    ends = "|".join(f"{t.table}:{t.from_snapshot}:{t.to_snapshot}" for t in sorted(cut, key=lambda t: t.table))
    return f"{dataset}-{kind}-g{generation}-{hashlib.sha256(ends.encode()).hexdigest()[:12]}"
