"""What the console notices by itself, as pure functions: conditions that hold now, and the alerts that follow.

    conditions(state, ...) -> what is wrong; due(state, conditions) -> alert.raised for what began and what is over

What has been said is what the alert topic holds (state.alerts), so a console that is rebuilt says nothing twice. What
a stage raises itself (a halt, a dead letter, DIVERGED, STALLED) is said here only if the stage has not. An incident is
named `console/<kind>/<about>/<since>`: `since` is taken from the topics, so that the same trouble has the same name.
"""

from collections.abc import Iterator

from msgspec import Struct, json

from console.settings import ConsoleSettings
from console.state import KeptAlert, KeptLetter, KeptRun, State
from console.views.overview import PAUSED, freshness, is_stale
from console.views.quality import rows_in
from console.views.runs import LAST, at_work, failed_stage, is_over
from tidemark.events import AlertRaised, LakeCurated, LayersReconciled, Severity
from tidemark.tables import Registry

NAME = "console"
DAY_MS = 86_400_000
LETTER = "dead-letter"  # a kind that is over when somebody has mended or dropped it, whatever else is said


class Condition(Struct, frozen=True, kw_only=True):
    """Something that is wrong now."""

    kind: str
    about: str
    since: str
    dataset: str
    severity: Severity
    title: str
    detail: str
    run_id: str | None = None

    @property
    def prefix(self) -> str:
        """The name of all incidents of this trouble."""
        return f"{NAME}/{self.kind}/{self.about}/"


def conditions(state: State, settings: ConsoleSettings, known: Registry, now_ms: int) -> list[Condition]:
    """Everything that is wrong now and that no stage has said."""
    found: list[Condition] = []
    for dataset, it in known.datasets.items():
        mine = sorted((r for r in state.runs.values() if r.dataset == dataset), key=lambda r: (r.generation, r.run_seq))
        found += _stuck(state, mine, settings.stuck_seconds, now_ms)
        found += _stale(mine, dataset, it.agreed_age_seconds, now_ms)
        found += _halted(state, dataset)
        found += _disagreeing(state, mine)
        found += _quality(state, mine, settings.quality_limit)
        found += _cost(mine, dataset, settings.cost_limit_seconds, now_ms)
    return [*found, *_letters(state), *_growing(state, next(iter(known.datasets)), settings.lag_seconds)]


def unsure(state: State, settings: ConsoleSettings) -> frozenset[str]:
    """The kinds of which it is not known yet whether they are over."""
    samples = state.lag.samples
    covered = bool(samples) and samples[-1][0] - samples[0][0] >= settings.lag_seconds * 1000
    return frozenset() if covered else frozenset({"lag"})


def due(state: State, found: list[Condition], unknown: frozenset[str] = frozenset()) -> list[AlertRaised]:
    """The alerts for what began, and the notices for what is over, unless its kind is `unknown`. Nothing for what has
    been said."""
    ours = [a for a in state.alerts.values() if a.raised_by == NAME and a.offset >= 0]
    still = {alert.incident for alert in ours if alert.resolved_ms is None}
    ever = {alert.incident for alert in ours}
    alerts = []
    for condition in found:
        said = ever if condition.kind == LETTER else still
        if not any(incident.startswith(condition.prefix) for incident in said):
            alerts.append(_raised(condition))
    prefixes = tuple(condition.prefix for condition in found)
    kept_open = (*prefixes, *(f"{NAME}/{kind}/" for kind in (LETTER, *unknown)))
    over = [alert for alert in ours if alert.incident in still and not alert.incident.startswith(kept_open)]
    return [*alerts, *map(_over, [*over, *_dealt_with(state)])]


def _dealt_with(state: State) -> Iterator[KeptAlert]:
    """Open alerts about dead letters that somebody has mended or dropped, a stage's too: it never hears of that."""
    ours = tuple(f"{NAME}/{LETTER}/{place}/" for place in state.settlements)
    letters = state.dead_letters.values()
    waiting = {name for letter in letters if letter.place not in state.settlements for name in _said_of(letter)}
    theirs = {name for letter in letters for name in _said_of(letter)} - waiting  # mended, and refused once more
    for alert in state.alerts.values():
        is_of_one = alert.incident.startswith(ours) or alert.incident in theirs
        if is_of_one and alert.offset >= 0 and alert.resolved_ms is None:
            yield alert


def _raised(condition: Condition) -> AlertRaised:
    return AlertRaised(
        dataset=condition.dataset,
        incident=condition.prefix + condition.since,
        severity=condition.severity,
        title=condition.title,
        detail=condition.detail,
        raised_by=NAME,
        run_id=condition.run_id,
    )


def _over(alert: KeptAlert) -> AlertRaised:
    return AlertRaised(
        dataset=alert.dataset,
        incident=alert.incident,
        severity="info",
        title=f"{alert.title}: over",
        detail="",
        raised_by=NAME,
        run_id=alert.run_id,
        resolved=True,
    )


def _stuck(state: State, mine: list[KeptRun], limit: float, now_ms: int) -> Iterator[Condition]:
    """Runs whose stage has not ended for too long, unless they failed, are parked, or were overtaken."""
    for place, run in enumerate(mine):
        stage = at_work(run)
        overtaken = any(stage in later.done or later.generation > run.generation for later in mine[place + 1 :])
        last_ms = max((done.at_ms for done in run.done.values()), default=now_ms)
        halt = state.halts.get(f"{stage}/{run.dataset}")
        if is_over(run) or failed_stage(run) or overtaken or (halt is not None and halt.halted):
            continue
        if now_ms - last_ms > limit * 1000:
            yield Condition(
                kind="stuck",
                about=f"{run.run_id}/{stage}",
                since=str(last_ms),
                dataset=run.dataset,
                severity="warning",
                title=f"{run.dataset}: run {run.run_seq} is stuck at {stage}",
                detail=f"nothing for {(now_ms - last_ms) / 60_000:.0f} min; see whether {stage} runs, and its log",
                run_id=run.run_id,
            )


def _stale(mine: list[KeptRun], dataset: str, agreed_seconds: int, now_ms: int) -> Iterator[Condition]:
    fresh = freshness(mine, agreed_seconds, now_ms)
    if is_stale(fresh):
        yield Condition(
            kind="stale",
            about=dataset,
            since=str(fresh.committed_at_ms),
            dataset=dataset,
            severity="warning",
            title=f"{dataset}: the marts are older than agreed",
            detail=f"the newest commit in them is older than {agreed_seconds / 60:.0f} min; "
            f"see whether the source still commits; `tidemark publish --dataset {dataset}` cuts at once",
        )


def _halted(state: State, dataset: str) -> Iterator[Condition]:
    spoken = [a for a in state.alerts.values() if a.dataset == dataset and a.offset >= 0 and a.resolved_ms is None]
    for halt in state.halts.values():
        told = any(alert.incident.startswith(f"{halt.stage}/halted/") for alert in spoken)
        if halt.dataset == dataset and halt.halted and not told:
            yield _halt(dataset, halt.stage, str(halt.since_ms), halt.reason)
    watched = state.datasets.get(dataset)
    stopped = watched.halted if watched else None
    told = any(alert.severity == "critical" and alert.raised_by != NAME for alert in spoken)
    if watched and stopped and not stopped.startswith(PAUSED) and not told:
        yield _halt(dataset, "ingest-watcher", str(watched.at_ms), stopped)


def _halt(dataset: str, stage: str, since: str, reason: str) -> Condition:
    return Condition(
        kind="halted",
        about=f"{stage}/{dataset}",
        since=since,
        dataset=dataset,
        severity="critical",
        title=f"{dataset} is halted at {stage}",
        detail=f"{reason}; mend the cause, then `tidemark resume --dataset {dataset}`",
    )


def _disagreeing(state: State, mine: list[KeptRun]) -> Iterator[Condition]:
    """The pairs of the newest comparison that are DIVERGED or STALLED."""
    run = next((run for run in reversed(mine) if LAST in run.done), None)
    if run is None or run.status not in ("DIVERGED", "STALLED"):
        return
    event = json.decode(state.receipts[f"{run.run_id}/{LAST}"], type=LayersReconciled)
    for pair in event.pairs:
        kind = pair.status.lower()
        spoken = (a for a in state.alerts.values() if a.incident.startswith(f"reconciler/{pair.pair}/"))
        if pair.status in ("DIVERGED", "STALLED") and not any(a.offset >= 0 and a.resolved_ms is None for a in spoken):
            yield Condition(
                kind=kind,
                about=pair.pair,
                since=run.run_id,
                dataset=run.dataset,
                severity="critical",
                title=f"{pair.pair} is {pair.status}",
                detail=pair.detail or "read the reconciliation report",
                run_id=run.run_id,
            )


def _quality(state: State, mine: list[KeptRun], limit: float) -> Iterator[Condition]:
    """The tables of the newest curated run of which too large a share was held, quarantined or flagged."""
    run = next((run for run in reversed(mine) if LakeCurated.stage in run.done), None)
    if run is None:
        return
    event = json.decode(state.receipts[f"{run.run_id}/{LakeCurated.stage}"], type=LakeCurated)
    for table in event.tables:
        rows, broken = rows_in(table), table.held + table.quarantined + table.flagged
        if rows and broken / rows > limit:
            yield Condition(
                kind="quality",
                about=table.table,
                since=run.run_id,
                dataset=run.dataset,
                severity="warning",
                title=f"{table.table}: {broken} of {rows} rows broke a rule",
                detail=f"held {table.held}, quarantined {table.quarantined}, flagged {table.flagged}; "
                f"the limit is {limit:.0%}; `tidemark held` and `tidemark quarantine` say why",
                run_id=run.run_id,
            )


def _cost(mine: list[KeptRun], dataset: str, limit: float, now_ms: int) -> Iterator[Condition]:
    """What the stages worked today (UTC) for the dataset."""
    day = now_ms // DAY_MS
    worked = sum(done.seconds for run in mine for done in run.done.values() if done.first_ms // DAY_MS == day)
    if worked > limit:
        yield Condition(
            kind="cost",
            about=dataset,
            since=str(day),
            dataset=dataset,
            severity="warning",
            title=f"{dataset}: the stages have worked longer than the day's limit",
            detail=f"more than {limit / 60:.0f} min since midnight UTC; `tidemark advise` says what would be cheaper",
        )


def _letters(state: State) -> Iterator[Condition]:
    """Dead letters of which no stage has said anything."""
    for letter in state.dead_letters.values():
        halted = f"{letter.stage}/halted/{letter.event_id}"
        said = any(name in state.alerts for name in (halted, *_said_of(letter)))
        if not said and letter.place not in state.settlements:
            yield Condition(
                kind=LETTER,
                about=letter.place,
                since=str(letter.at_ms),
                dataset=letter.dataset,
                severity="warning",
                title=f"{letter.stage or 'somebody'} refused {letter.from_place or letter.event_id}",
                detail=f"{letter.error}: {letter.reason}",
                run_id=letter.run_id,
            )


def _said_of(letter: KeptLetter) -> tuple[str, ...]:
    """The incidents as which a stage says that it refused a record; that it halted there ends with its resumption."""
    return f"{letter.stage}/refused/{letter.event_id}", f"{letter.stage}/undecodable/{letter.from_place}"


def _growing(state: State, dataset: str, window: float) -> Iterator[Condition]:
    """Stages for which more waits than a window ago, and something did all the time."""
    samples = list(state.lag.samples)
    if not samples or samples[-1][0] - samples[0][0] < window * 1000:
        return
    inside = [(at_ms, then) for at_ms, then in samples if at_ms >= samples[-1][0] - window * 1000]
    for stage, topic in sorted(inside[-1][1]):
        counts = [then.get((stage, topic), 0) for _, then in inside]
        if min(counts) > 0 and counts[-1] > counts[0]:
            yield Condition(
                kind="lag",
                about=f"{stage}/{topic}",
                since=str(inside[0][0]),
                dataset=dataset,
                severity="warning",
                title=f"{stage} falls behind on {topic}",
                detail=f"{counts[-1]} records wait, {counts[0]} did {window / 60:.0f} min ago",
            )
