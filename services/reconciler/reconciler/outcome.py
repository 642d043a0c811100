"""One pair compared, from progress to the entries it leaves: what stage.py puts together per run."""

from collections.abc import Callable, Sequence
from itertools import count

from msgspec import Struct, structs

from reconciler import alerts, progress
from reconciler.entries import Difference, Entry, Sighting, advance, counts, status_of
from reconciler.layers import compare_layers, sentence
from reconciler.passes import Compared, compare_pair
from reconciler.ports import Figures, PairStanding, Ports, Published, Uncomparable
from tidemark.errors import Retryable, TidemarkError
from tidemark.events import AlertRaised, MartsBuilt, ReconciledPair
from tidemark.tables import Pair, Table
from tidemark.telemetry import span

Stops = type[TidemarkError] | tuple[type[TidemarkError], ...]


class Outcome(Struct, frozen=True, kw_only=True):
    """What one comparison says (the event's part), leaves (the ledger's part) and raises.

    `entries` are all that it touched: open ones in their new state, and those it resolved. `speed_ms`: P, the newest
    processing time that was compared.
    """

    reconciled: ReconciledPair
    standing: PairStanding
    speed_ms: int | None = None
    entries: Sequence[Entry] = ()
    alerts: Sequence[AlertRaised] = ()
    uncomparable: bool = False


def compare_all(
    event: MartsBuilt, published: Published | None, ports: Ports, raised: dict[str, str], patient: bool
) -> list[Outcome]:
    """Every pair of the event's dataset, or its layers if it has none. `raised`: stalls that a tick has told of;
    `patient`: an engine that is away is waited for (Retryable) instead of stopping the pair."""
    stops: Stops = Uncomparable if patient else (Uncomparable, Retryable)
    standing = ports.ledger.standing(event.dataset)
    pairs = {name: pair for name, pair in ports.registry.pairs.items() if pair.dataset == event.dataset}
    outcomes = []
    for name, pair in pairs.items():
        with span(f"reconcile {name}", pair=name):
            outcome = _pair(event, name, pair, published, ports, standing.get(name), stops)
        outcomes.append(_with_alerts(event, outcome, ports, {"stalled": raised[name]} if name in raised else {}))
    for name, table in {} if pairs else ports.registry.tables_of(event.dataset).items():
        with span(f"reconcile layers.{name}", pair=f"layers.{name}"):
            outcome = _layers(name, table, event, published, ports, standing.get(f"layers.{name}"), stops)
        outcomes.append(_with_alerts(event, outcome, ports, {}))
    return outcomes


def _pair(
    event: MartsBuilt,
    name: str,
    pair: Pair,
    published: Published | None,
    ports: Ports,
    before: PairStanding | None,
    stops: Stops,
) -> Outcome:
    began, known = ports.clock(), list(ports.ledger.open_entries(name))
    batch_ms = published.progress_ms if published and published.to_seq >= event.to_seq else None
    speed_ms: int | None = None
    problem, stalled = "", None
    touched: list[Entry] | None = None
    compared = Compared(0, [])
    listed = f"reports/{event.run_id}/{name}-{ports.now_ms()}"  # a comparison that begins again never mixes its lists
    standing = before or progress.step(pair, None, None, None, ports.now_ms())
    try:
        speed_ms = ports.speed.progress()
        standing = progress.step(pair, before, speed_ms, batch_ms, ports.now_ms())
        stalled = progress.stall(pair, standing, speed_ms, batch_ms, ports.now_ms())
        if speed_ms is not None and batch_ms is not None:
            window = progress.window(pair, speed_ms, batch_ms)
            keys = dict.fromkeys(entry.difference.key for entry in known)
            compared = compare_pair(pair, ports.speed, ports.marts, window, keys, _keep(listed, ports))
            totals = pair.totals_of is not None
            at = Sighting(event.dataset, name, event.run_id, window.cutoff_ms, ports.now_ms(), totals)
            touched = advance(known, compared.differences, at)
    except stops as error:
        problem = str(error)
    states = counts(known if touched is None else touched)
    reconciled = ReconciledPair(
        pair=name,
        status=status_of(states, bool(problem or stalled), bool(compared.left_over)),
        cutoff_ms=standing.cutoff_ms,
        rows=compared.rows,
        seconds=round(ports.clock() - began, 3),
        detail="; ".join(filter(None, (problem, stalled, _said(compared, ports.reports.address(listed))))),
        pending=states["pending"],
        suspect=states["suspect"],
        confirmed=states["confirmed"],
        resolved=states["resolved"],
    )
    return Outcome(
        reconciled=reconciled,
        standing=standing,
        speed_ms=speed_ms,
        entries=touched or (),
        uncomparable=bool(problem),
    )


def _keep(folder: str, ports: Ports) -> Callable[[Sequence[Difference]], None]:
    """Parts of a full list become numbered files of a folder."""
    number = count(1)
    return lambda part: ports.reports.write_differences(f"{folder}/{next(number):05d}.parquet", part)


def _said(compared: Compared, listed: str) -> str:
    if not compared.counts:
        return ""
    classes = ", ".join(f"{number} {kind}" for kind, number in sorted(compared.counts.items()))
    more = f", {compared.left_over} of them not in the ledger" if compared.left_over else ""
    return f"differing keys: {classes}{more}; all in {listed}"


def _layers(
    name: str,
    table: Table,
    event: MartsBuilt,
    published: Published | None,
    ports: Ports,
    before: PairStanding | None,
    stops: Stops,
) -> Outcome:
    began, problem = ports.clock(), ""
    figures: Figures = {}
    unlike: list[str] = []
    try:
        if published is None or published.to_seq < event.to_seq:
            raise Uncomparable(f"the marts of run {event.to_seq} are not in the publish ledger")
        figures, unlike = compare_layers(event.dataset, name, table, published, ports.lake, ports.marts)
    except stops as error:
        problem = str(error)
    reconciled = ReconciledPair(
        pair=f"layers.{name}",
        status="STALLED" if problem else "DIVERGED" if unlike else "CONVERGED",
        cutoff_ms=None,
        rows=int(figures.get("rows", 0)),
        pending=0,
        suspect=0,
        confirmed=0,
        resolved=0,
        seconds=round(ports.clock() - began, 3),
        detail=problem or "; ".join(unlike) or sentence(figures),
    )
    standing = PairStanding(
        cutoff_ms=None,
        speed_ms=None,
        batch_ms=published.progress_ms if published else None,
        moved_ms=ports.now_ms(),
        incidents=dict(before.incidents) if before else {},
    )
    return Outcome(reconciled=reconciled, standing=standing, uncomparable=bool(problem))


def _with_alerts(event: MartsBuilt, outcome: Outcome, ports: Ports, raised: dict[str, str]) -> Outcome:
    pair = outcome.reconciled
    judged = alerts.Judged(
        dataset=event.dataset,
        pair=pair.pair,
        run_id=event.run_id,
        status=pair.status,
        cutoff_ms=pair.cutoff_ms,
        detail=f"{pair.confirmed} confirmed, {pair.suspect} seen once, {pair.rows} rows; {pair.detail}".rstrip("; "),
        uncomparable=outcome.uncomparable,
    )
    incidents, told = alerts.transitions(raised | outcome.standing.incidents, judged)
    standing = structs.replace(outcome.standing, incidents=incidents)
    return structs.replace(outcome, standing=standing, alerts=told)
