"""The report of one run: JSON for programs, HTML for people, both beside the lake under reports/<run_id>/.

It is written before the ledger, so that a recorded run always has one; a repeat writes over it.
"""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader
from msgspec import json, to_builtins

from reconciler.canonical import value_of
from reconciler.entries import Entry
from reconciler.outcome import Outcome
from reconciler.ports import Ports
from reconciler.repair import repair_sql
from tidemark.events import LayersReconciled
from tidemark.tables import Pair

MOST_SHOWN = 1000
_ORDER = ("confirmed", "suspect", "pending", "resolved")


def write_report(reconciled: LayersReconciled, outcomes: list[Outcome], ports: Ports) -> None:
    """Write both forms."""
    content = report(reconciled, outcomes, ports.registry.pairs, ports.now_ms())
    folder = f"reports/{reconciled.run_id}"
    ports.reports.write(f"{folder}/reconciliation.json", json.format(json.encode(content), indent=1))
    html = _environment().get_template("report.html").render(report=content)
    ports.reports.write(f"{folder}/reconciliation.html", html.encode())


def report(
    reconciled: LayersReconciled, outcomes: list[Outcome], pairs: dict[str, Pair], now_ms: int
) -> dict[str, Any]:
    """The report as plain data; of each pair at most MOST_SHOWN entries, the gravest first."""
    return {
        "run_id": reconciled.run_id,
        "run_seq": reconciled.run_seq,
        "dataset": reconciled.dataset,
        "status": reconciled.status,
        "at": _time(now_ms),
        "seconds": reconciled.seconds,
        "pairs": [_pair(outcome, pairs.get(outcome.reconciled.pair)) for outcome in outcomes],
    }


def _pair(outcome: Outcome, pair: Pair | None) -> dict[str, Any]:
    entries = sorted(outcome.entries, key=lambda e: (_ORDER.index(e.state), e.difference.key))
    standing = outcome.standing
    return {
        **to_builtins(outcome.reconciled),
        "cutoff": _time(outcome.reconciled.cutoff_ms),
        "speed_progress": _time(standing.speed_ms),
        "batch_progress": _time(standing.batch_ms),
        "alerts": [f"{alert.title} ({alert.incident})" for alert in outcome.alerts],
        "entries": [_entry(entry, pair) for entry in entries[:MOST_SHOWN]] if pair else [],
        "entries_not_shown": max(len(entries) - MOST_SHOWN, 0),
        "repair_sql": repair_sql(pair, entries[:MOST_SHOWN]) if pair else "",
    }


def _entry(entry: Entry, pair: Pair) -> dict[str, Any]:
    found = entry.difference
    row = found.batch or found.speed
    shown = found.columns if found.kind in ("different", "doubled") else ()
    return {
        "state": entry.state,
        "difference": found.kind,
        "key": {name: value_of(pair.columns[name], row[name]) for name in pair.key},
        "event_time": _time(found.event_ms),
        "copies": found.copies,
        "first_seen": _time(entry.first_seen_ms),
        "first_run_id": entry.first_run_id,
        "seconds_to_resolve": entry.seconds_to_resolve,
        "columns": {
            name: {
                side: value_of(pair.columns[name], texts[name]) if texts else None
                for side, texts in (("speed", found.speed), ("batch", found.batch))
            }
            for name in shown
        },
    }


def _time(epoch_ms: int | None) -> str | None:
    return None if epoch_ms is None else datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="milliseconds")


@cache
def _environment() -> Environment:
    return Environment(loader=PackageLoader("reconciler"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
