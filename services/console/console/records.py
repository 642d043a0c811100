"""What the console shows: one typed record a page, as views.py makes them and the JSON API gives them.

Times are epoch milliseconds (`_ms`), durations seconds. Texts are as they came and may hold anything: whoever shows
them escapes them.
"""

from typing import Literal

from msgspec import Struct, field

from tidemark.events import BuiltModel, CuratedTable, LoadedTable, ReconciledPair, Severity, TableCut

Standing = Literal["ok", "working", "stale", "halted", "paused", "diverged", "stalled", "empty"]


class Record(Struct, frozen=True, kw_only=True):
    """Base of all."""


class Trouble(Record, frozen=True, kw_only=True):
    """What is wrong and what to do about it. `links`: the run or the incident that it is about."""

    what: str
    do: str
    severity: Severity
    since_ms: int | None = None
    run_id: str | None = None
    incident: str | None = None


class RunLine(Record, frozen=True, kw_only=True):
    """A run in a list. `status`: the reconciliation's word, `failed at <stage>`, or `at <stage>`; `seconds`: from the
    source's newest commit to the end; `began_ms`: when it was cut, `ended_ms`: when its last stage was done."""

    run_id: str
    dataset: str
    run_seq: int
    kind: str
    generation: int
    status: str
    began_ms: int | None
    ended_ms: int | None
    seconds: float | None
    committed_at_ms: int | None
    rows: int
    held: int
    quarantined: int
    requested_by: str
    trace_id: str | None


class Freshness(Record, frozen=True, kw_only=True):
    """How old the newest commit is that stands in the marts. None: nothing stands there yet."""

    committed_at_ms: int | None
    age_seconds: float | None
    agreed_seconds: int


class DatasetLine(Record, frozen=True, kw_only=True):
    """One dataset. `wrong` is sorted, the gravest first; `parked`: events that wait at halted stages."""

    dataset: str
    standing: Standing
    freshness: Freshness
    last_run: RunLine | None
    last_done: RunLine | None
    generation: int
    halted_at: list[str]
    paused: str | None
    parked: int
    pending: list[str]
    wrong: list[Trouble]


class Overview(Record, frozen=True, kw_only=True):
    """The first page. `behind`: records that the console has still to read (None: not known yet)."""

    at_ms: int
    behind: int | None
    datasets: list[DatasetLine]
    open_alerts: int
    dead_letters: int
    damaged: int


class Runs(Record, frozen=True, kw_only=True):
    """A page of runs, the newest first; `total`: how many there are under the same filter."""

    runs: list[RunLine]
    total: int
    offset: int


class StageLine(Record, frozen=True, kw_only=True):
    """One stage of a run's waterfall. `state`: waiting, working, done, failed, halted.

    `start_ms` is the end less the seconds that the stage says it took; `waited_seconds`: between the end of the stage
    before it and its start.
    """

    stage: str
    state: Literal["waiting", "working", "done", "failed", "halted"]
    start_ms: int | None = None
    end_ms: int | None = None
    seconds: float | None = None
    waited_seconds: float | None = None
    rows: int = 0
    error: str = ""
    message: str = ""


class Change(Record, frozen=True, kw_only=True):
    """A figure of this run beside the same dataset's run before it, of the same kind."""

    name: str
    before: float | None
    now: float | None


class RunPage(Record, frozen=True, kw_only=True):
    """One run, whole. Tables, models and pairs are those of its events; `spark` as the submitter tells it.

    `report`: where the reconciliation report stands beside the lake. `trace_url`: its trace, where a page shows it.
    """

    run: RunLine
    stages: list[StageLine]
    cut: list[TableCut] = field(default_factory=list)
    tables: list[CuratedTable] = field(default_factory=list)
    loaded: list[LoadedTable] = field(default_factory=list)
    models: list[BuiltModel] = field(default_factory=list)
    tests: int = 0
    marts_from_seq: int | None = None
    marts_to_seq: int | None = None
    pairs: list[ReconciledPair] = field(default_factory=list)
    schema_changes: list[str] = field(default_factory=list)
    spark: dict[str, float | str] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    before: RunLine | None = None
    reason: str = ""
    alerts: list["AlertLine"] = field(default_factory=list)
    dead_letters: list["LetterLine"] = field(default_factory=list)
    report: str = ""
    trace_url: str = ""


class Settlement(Record, frozen=True, kw_only=True):
    """What became of a dead letter. `mended`: it went back with another body."""

    at_ms: int
    outcome: str
    by: str
    mended: bool
    reason: str


class LetterLine(Record, frozen=True, kw_only=True):
    """A dead letter in a list. `place` is its name: topic/partition/offset among the dead letters. `again`: how many
    dead letters lay at the same place before, or hold the same event; `settled` None: it waits for somebody."""

    place: str
    at_ms: int
    dataset: str
    stage: str
    error: str
    reason: str
    event_id: str
    run_id: str | None
    from_place: str
    bytes: int
    again: int
    settled: Settlement | None = None


class LetterPage(Record, frozen=True, kw_only=True):
    """A dead letter, whole. `body` is its text, or in base64 where it is none (`is_text`); `history`: what else is
    known of the same event, oldest first."""

    letter: LetterLine
    headers: list[tuple[str, str]]
    body: str
    is_text: bool
    history: list[LetterLine]
    trace_id: str | None


class AlertLine(Record, frozen=True, kw_only=True):
    """One incident. `told_ms` None: nobody has been told (no notifier, a sink that is away, or severity info)."""

    incident: str
    dataset: str
    severity: Severity
    title: str
    detail: str
    raised_by: str
    run_id: str | None
    opened_ms: int
    newest_ms: int
    resolved_ms: int | None
    told_ms: int | None
    told_over_ms: int | None
    sinks: list[str]


class Alerts(Record, frozen=True, kw_only=True):
    """Open ones, the gravest and newest first, then the resolved ones, newest first."""

    open: list[AlertLine]
    resolved: list[AlertLine]


class Comparison(Record, frozen=True, kw_only=True):
    """One comparison of a pair. `convergence_seconds`: since the pair was last CONVERGED, 0 while it is."""

    run_id: str
    run_seq: int
    at_ms: int
    result: ReconciledPair
    report: str


class PairPage(Record, frozen=True, kw_only=True):
    """A pair and its comparisons, newest first. `open`: pending + suspect + confirmed; `since_ms`: since when it has
    not been CONVERGED (None: it is)."""

    pair: str
    dataset: str
    status: str
    open: int
    since_ms: int | None
    days: list["ConvergenceDay"]
    comparisons: list[Comparison]


class ConvergenceDay(Record, frozen=True, kw_only=True):
    """A pair's day (UTC, YYYY-MM-DD). `seconds`: how long each time without CONVERGED took that ended on this day, the
    longest; `resolved`: differences that were found gone."""

    day: str
    comparisons: int
    converged: int
    diverged: int
    stalled: int
    resolved: int
    seconds: float | None


class QualityPoint(Record, frozen=True, kw_only=True):
    """A rule at a run: rows that broke it, of so many."""

    run_id: str
    run_seq: int
    at_ms: int
    broken: int
    of: int


class QualityRule(Record, frozen=True, kw_only=True):
    """A rule over time, oldest first. `kind`: held, quarantined, flagged or repeated; without a `rule` its total."""

    dataset: str
    table: str
    rule: str
    kind: str
    points: list[QualityPoint]


class Hour(Record, frozen=True, kw_only=True):
    """What a stage did in an hour (UTC, `start_ms` its beginning)."""

    start_ms: int
    dataset: str
    stage: str
    runs: int
    rows: int
    seconds: float
    failed: int


class LagLine(Record, frozen=True, kw_only=True):
    """Records of a topic that wait for a stage: now, and the samples [at_ms, records] of the last hour."""

    stage: str
    topic: str
    records: int
    samples: list[tuple[int, int]]


class Changed(Record, frozen=True, kw_only=True):
    """Something has changed: what pages hear by server-sent events (event `changed`). `view` names the views to read
    again: overview, runs, run, dead-letters, alerts, reconciliation, quality, lag, or all; `key`: the run, incident or
    place."""

    view: str
    dataset: str
    key: str
    at_ms: int
