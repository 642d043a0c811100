"""Each rule over time: what the lake held, quarantined and flagged, and what dbt's tests found."""

from msgspec import json

from console.records import QualityPoint, QualityRule
from console.state import KeptRun, State
from console.views.runs import newest_first
from tidemark.events import CuratedTable, LakeCurated

KINDS = ("quarantined", "held", "flagged", "repeated")
MOST = 100  # runs of a dataset that are looked at: each is read and decoded anew


def quality(state: State, dataset: str | None = None, most: int = MOST) -> list[QualityRule]:
    """The rules' points in the newest `most` runs of each dataset, in order of table and kind."""
    points: dict[tuple[str, str, str, str], list[QualityPoint]] = {}
    for name in sorted({run.dataset for run in state.runs.values()}):
        if dataset in (None, name):
            for run in reversed(_curated(state, name)[:most]):
                _add(state, run, points)
    return [
        QualityRule(dataset=name, table=table, rule=rule, kind=kind, points=its)
        for (name, table, kind, rule), its in points.items()
    ]


def _curated(state: State, dataset: str) -> list[KeptRun]:
    return newest_first(run for run in state.runs.values() if run.dataset == dataset and LakeCurated.stage in run.done)


def _add(state: State, run: KeptRun, points: dict[tuple[str, str, str, str], list[QualityPoint]]) -> None:
    curated = json.decode(state.receipts[f"{run.run_id}/{LakeCurated.stage}"], type=LakeCurated)
    at_ms = run.done[LakeCurated.stage].first_ms
    for table in curated.tables:
        for kind in KINDS:
            broken = getattr(table, kind)
            point = QualityPoint(run_id=run.run_id, run_seq=run.run_seq, at_ms=at_ms, broken=broken, of=rows_in(table))
            points.setdefault((run.dataset, table.table, kind, ""), []).append(point)


def rows_in(table: CuratedTable) -> int:
    """The rows that a run had to judge of a table."""
    return table.read + table.released
