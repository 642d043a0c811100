"""The report of one run: JSON for programs, HTML for people, both beside the lake under reports/<run_id>/.

It is written before the ledger, so that a recorded run always has one; a repeat writes over it. The page is one file
without a script (page/); what it shows of a value is decided in marks.py, what it guesses in cause.py.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import json, to_builtins

from reconciler.asked import Outcome
from reconciler.canonical import family_of, value_of
from reconciler.cause import Cause, causes
from reconciler.entries import Entry
from reconciler.marks import pieces
from reconciler.ports import Ports
from reconciler.queries import look_queries
from reconciler.repair import rebuild, repair_sql
from tidemark.events import LayersReconciled
from tidemark.tables import Pair
from tidemark_pages import rendered

MOST_SHOWN = 300
STATES = ("confirmed", "suspect", "pending", "resolved")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Judged = tuple[Entry, Cause]


def report_name(run_id: str, form: str) -> str:
    """Where a run's report stands beside the lake; `form` is json or html."""
    return f"reports/{run_id}/reconciliation.{form}"


def write_report(reconciled: LayersReconciled, outcomes: list[Outcome], ports: Ports) -> None:
    """Write both forms."""
    content = report(reconciled, outcomes, ports.registry.pairs, ports.now_ms())
    ports.reports.write(report_name(reconciled.run_id, "json"), json.format(json.encode(content), indent=1))
    ports.reports.write(report_name(reconciled.run_id, "html"), page(content).encode())


def page(content: Mapping[str, Any]) -> str:
    """The report as one HTML file."""
    styles = ("base.css", "reconciliation.css")
    return rendered("reconciler", "reconciliation.html.j2", styles=styles, report=content, states=STATES, pieces=pieces)


def report(
    reconciled: LayersReconciled, outcomes: list[Outcome], pairs: Mapping[str, Pair], now_ms: int
) -> dict[str, Any]:
    """The report as plain data; of each pair at most MOST_SHOWN entries, the gravest first."""
    return {
        "run_id": reconciled.run_id,
        "run_seq": reconciled.run_seq,
        "dataset": reconciled.dataset,
        "generation": reconciled.generation,
        "status": reconciled.status,
        "at": _time(now_ms),
        "seconds": reconciled.seconds,
        "pairs": [_pair(outcome, pairs.get(outcome.reconciled.pair)) for outcome in outcomes],
    }


def _pair(outcome: Outcome, pair: Pair | None) -> dict[str, Any]:
    told = {
        **to_builtins(outcome.reconciled),
        "cutoff": _time(outcome.reconciled.cutoff_ms),
        "speed_progress": _time(outcome.speed_ms),
        "batch_progress": _time(outcome.standing.batch_ms),
        "alerts": [f"{alert.title} ({alert.incident})" for alert in outcome.alerts],
    }
    return told if pair is None else told | _differences(outcome, pair)


def _differences(outcome: Outcome, pair: Pair) -> dict[str, Any]:
    entries = sorted(outcome.entries, key=lambda e: (STATES.index(e.state), e.difference.key))
    judged = list(zip(entries, causes(pair, entries), strict=True))
    shown = judged[:MOST_SHOWN]
    return {
        "batch": pair.batch,
        "speed": pair.speed,
        "processed_ms": outcome.speed_ms,
        "lateness_seconds": pair.lateness_seconds,
        "summaries": {
            "class": _counted(judged, lambda one: [one[0].difference.kind]),
            "likely cause": _counted(judged, lambda one: [one[1].name]),
            "column": _counted(judged, lambda one: one[0].difference.columns),
            "day of the event": _counted(judged, lambda one: [_day(one[0].difference.event_ms)]),
        },
        "entries": [_entry(entry, cause, pair) for entry, cause in shown],
        "entries_not_shown": len(judged) - len(shown),
        "repair_sql": repair_sql(pair, [entry for entry, _ in shown], outcome.speed_ms or 0),
        "rebuild": rebuild(pair, entries),
    }


def _counted(judged: Sequence[Judged], names: Callable[[Judged], Iterable[str]]) -> dict[str, dict[str, int]]:
    """How many entries there are by name and state, names in order."""
    found: dict[str, dict[str, int]] = {}
    for one in judged:
        for name in names(one):
            counts = found.setdefault(name, dict.fromkeys(STATES, 0))
            counts[one[0].state] += 1
    return dict(sorted(found.items()))


def _entry(entry: Entry, cause: Cause, pair: Pair) -> dict[str, Any]:
    found = entry.difference
    row = found.batch or found.speed
    return {
        "entry_id": entry.entry_id,
        "state": entry.state,
        "difference": found.kind,
        "cause": cause.name,
        "reason": cause.reason,
        "key": {name: _shown(pair.columns[name], row[name]) for name in pair.key},
        "event_time": _time(found.event_ms),
        "copies": found.copies,
        "first_seen": _time(entry.first_seen_ms),
        "first_run_id": entry.first_run_id,
        "seconds_to_resolve": entry.seconds_to_resolve,
        "columns": list(found.columns),
        "rows": {
            side: {name: _shown(kind, texts[name]) for name, kind in pair.columns.items()} if texts else None
            for side, texts in (("speed", found.speed), ("batch", found.batch))
        },
        "queries": look_queries(pair, found),
    }


def _shown(kind: str, text: str) -> str | None:
    """A value for people: moments as UTC with all their places, NULL as None."""
    value = value_of(kind, text)
    if value is None or family_of(kind)[0] != "timestamp":
        return value
    return f"{_EPOCH + timedelta(microseconds=int(value)):%Y-%m-%d %H:%M:%S.%f}"


def _day(epoch_ms: int | None) -> str:
    return "unknown" if epoch_ms is None else f"{_EPOCH + timedelta(milliseconds=epoch_ms):%Y-%m-%d}"


def _time(epoch_ms: int | None) -> str | None:
    return None if epoch_ms is None else f"{_EPOCH + timedelta(milliseconds=epoch_ms):%Y-%m-%d %H:%M:%S}"
