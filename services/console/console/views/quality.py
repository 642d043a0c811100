"""Each rule over time: what the lake held, quarantined, flagged and found repeated, and by which rule."""

from msgspec import json

from console.records import QualityPoint, QualityRule
from console.state import KeptRun, State
from console.views.runs import newest_first
from tidemark.events import CuratedTable, LakeCurated

KINDS = ("quarantined", "held", "flagged", "repeated")
MOST = 100  # runs of a dataset that are looked at: each is read and decoded anew


def quality(state: State, dataset: str | None = None, most: int = MOST) -> list[QualityRule]:
    """The points of every kind, and of every rule that was broken, in the newest `most` runs of each dataset."""
    found: list[QualityRule] = []
    for name in sorted({run.dataset for run in state.runs.values()}):
        if dataset in (None, name):
            found += _of_runs(state, list(reversed(_curated(state, name)[:most])))
    return found


def _curated(state: State, dataset: str) -> list[KeptRun]:
    return newest_first(run for run in state.runs.values() if run.dataset == dataset and LakeCurated.stage in run.done)


def _of_runs(state: State, runs: list[KeptRun]) -> list[QualityRule]:
    by_table: dict[str, list[tuple[KeptRun, CuratedTable]]] = {}
    for run in runs:
        for table in json.decode(state.receipts[f"{run.run_id}/{LakeCurated.stage}"], type=LakeCurated).tables:
            by_table.setdefault(table.table, []).append((run, table))
    return [
        _over_time(mine, kind, rule)
        for mine in by_table.values()
        for kind in KINDS
        for rule in ("", *sorted({rule for _, table in mine for rule in table.rules.get(kind, {})}))
    ]


def _over_time(mine: list[tuple[KeptRun, CuratedTable]], kind: str, rule: str) -> QualityRule:
    points = [
        QualityPoint(
            run_id=run.run_id,
            run_seq=run.run_seq,
            at_ms=run.done[LakeCurated.stage].first_ms,
            broken=table.rules.get(kind, {}).get(rule, 0) if rule else getattr(table, kind),
            of=rows_in(table),
        )
        for run, table in mine
    ]
    run, table = mine[0]
    return QualityRule(dataset=run.dataset, table=table.table, rule=rule, kind=kind, points=points)


def rows_in(table: CuratedTable) -> int:
    """The rows that a run had to judge of a table."""
    return table.read + table.released
