"""How the layers agree, per pair and over days, from the newest comparisons."""

from datetime import UTC, datetime

from msgspec import json

from console.records import Comparison, ConvergenceDay, PairPage
from console.state import State
from console.views.runs import LAST, newest_first
from tidemark.events import LayersReconciled

MOST = 500  # comparisons of a dataset that are looked at: each is read and decoded anew


def reconciliation(state: State, dataset: str | None = None, most: int = MOST) -> list[PairPage]:
    """Every pair that was compared in the newest `most` comparisons of its dataset."""
    found: dict[tuple[str, str], list[Comparison]] = {}
    for name in sorted({run.dataset for run in state.runs.values()}):
        if dataset not in (None, name):
            continue
        for comparison in _comparisons(state, name, most):
            found.setdefault((name, comparison.result.pair), []).append(comparison)
    return [_page(name, pair, comparisons) for (name, pair), comparisons in found.items()]


def reported(run_id: str) -> str:
    """Where a run's report stands beside the lake."""
    return f"reports/{run_id}/reconciliation.html"


def _comparisons(state: State, dataset: str, most: int) -> list[Comparison]:
    mine = newest_first(run for run in state.runs.values() if run.dataset == dataset and LAST in run.done)
    comparisons = []
    for run in mine[:most]:
        event = json.decode(state.receipts[f"{run.run_id}/{LAST}"], type=LayersReconciled)
        at_ms, report = run.done[LAST].first_ms, reported(run.run_id)
        comparisons += [
            Comparison(run_id=run.run_id, run_seq=run.run_seq, at_ms=at_ms, result=result, report=report)
            for result in event.pairs
        ]
    return sorted(comparisons, key=lambda comparison: comparison.at_ms, reverse=True)


def _page(dataset: str, pair: str, comparisons: list[Comparison]) -> PairPage:
    newest = comparisons[0].result
    since = None
    for comparison in comparisons:
        if comparison.result.status == "CONVERGED":
            break
        since = comparison.at_ms
    return PairPage(
        pair=pair,
        dataset=dataset,
        status=newest.status,
        open=newest.pending + newest.suspect + newest.confirmed,
        since_ms=since,
        days=_days(comparisons),
        comparisons=comparisons,
    )


def _days(comparisons: list[Comparison]) -> list[ConvergenceDay]:
    """Oldest first."""
    took: dict[str, float] = {}
    left_ms = None
    by_day: dict[str, list[Comparison]] = {}
    for comparison in reversed(comparisons):
        day = datetime.fromtimestamp(comparison.at_ms / 1000, UTC).date().isoformat()
        by_day.setdefault(day, []).append(comparison)
        if comparison.result.status != "CONVERGED":
            left_ms = left_ms or comparison.at_ms
        elif left_ms is not None:
            took[day] = max(took.get(day, 0.0), (comparison.at_ms - left_ms) / 1000)
            left_ms = None
    return [_day(day, its, took.get(day)) for day, its in by_day.items()]


def _day(day: str, comparisons: list[Comparison], seconds: float | None) -> ConvergenceDay:
    statuses = [comparison.result.status for comparison in comparisons]
    return ConvergenceDay(
        day=day,
        comparisons=len(comparisons),
        converged=statuses.count("CONVERGED"),
        diverged=statuses.count("DIVERGED"),
        stalled=statuses.count("STALLED"),
        resolved=sum(comparison.result.resolved for comparison in comparisons),
        seconds=seconds,
    )
