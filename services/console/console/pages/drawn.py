"""What the charts show, as charts.js and the tables below the charts want it: x, a label for each, and the series.

A chart: {"kind": bars|stack|line, "x_title", "time": whether x is epoch seconds, "x", "labels", "series": [{"name",
"values", "texts"}]}. Values may be None where there is none.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from console.pages.render import chart_data
from console.pages.wording import NOTHING, count, seconds
from console.records import Hour, PairPage, QualityRule
from tidemark.events import CHAIN

STAGES = [event.stage for event in CHAIN]
Value = float | None
Writer = Callable[[Value], str]
DAY_MS = 86_400_000


def chart(
    kind: str, x_title: str, places: Sequence[tuple[float, str]], series: Iterable[tuple[str, list[Value]]],
    write: Writer = count, *, time: bool = True,
) -> dict[str, Any]:  # fmt: skip
    """A chart over places (x, label)."""
    shown = [{"name": name, "values": values, "texts": [_text(v, write) for v in values]} for name, values in series]
    made: dict[str, Any] = chart_data(
        kind=kind, x_title=x_title, time=time, unit="seconds" if write is seconds else "count",
        x=[x for x, _ in places], labels=[label for _, label in places], series=shown,
    )  # fmt: skip
    return made


def _text(value: Value, write: Writer) -> str:
    return NOTHING if value is None else write(value)


def rows_by_hour(hours: Sequence[Hour]) -> dict[str, Any]:
    """Rows that the lake accepted, a bar for each hour and dataset."""
    return _stacked(
        hours, "hour", [hour.dataset for hour in hours], lambda hour: (hour.dataset, float(hour.rows)), count
    )


def work(hours: Sequence[Hour], by: str) -> dict[str, Any]:
    """Seconds of work by stage; `by` hour or day."""
    return _stacked(hours, by, STAGES[1:], lambda hour: (hour.stage, hour.seconds), seconds)


def _stacked(
    hours: Sequence[Hour], by: str, names: Iterable[str], of: Callable[[Hour], tuple[str, float]], write: Writer
) -> dict[str, Any]:
    step = 3_600_000 if by == "hour" else DAY_MS
    sums: dict[str, dict[int, float]] = {name: {} for name in dict.fromkeys(names)}
    for hour in hours:
        name, value = of(hour)
        if name in sums:
            start = hour.start_ms // step * step
            sums[name][start] = sums[name].get(start, 0.0) + value
    found = [start for values in sums.values() for start in values]
    starts = list(range(min(found), max(found) + 1, step)) if found else []
    form = "%m-%d %H:00" if by == "hour" else "%Y-%m-%d"
    places = [(start / 1000, f"{datetime.fromtimestamp(start / 1000, UTC):{form}}") for start in starts]
    series: list[tuple[str, list[Value]]] = [
        (name, [values.get(start, 0.0) for start in starts]) for name, values in sums.items() if values
    ]
    return chart("stack", by, places, series, write)


def quality(rules: Sequence[QualityRule]) -> dict[str, Any]:
    """Rows by run that were held, quarantined or flagged, over all tables of a dataset."""
    sums: dict[str, dict[int, float]] = {}
    for rule in rules:
        if rule.kind != "repeated" and not rule.rule:
            for point in rule.points:
                kept = sums.setdefault(rule.kind, {})
                kept[point.run_seq] = kept.get(point.run_seq, 0.0) + point.broken
    runs = sorted({run for values in sums.values() for run in values})
    series: list[tuple[str, list[Value]]] = [(kind, [v.get(run, 0.0) for run in runs]) for kind, v in sums.items()]
    return chart("bars" if len(runs) < 3 else "line", "run", [(run, f"#{run}") for run in runs], series, time=False)


def convergence(pairs: Sequence[PairPage]) -> dict[str, Any]:
    """How long it took, by day, until the layers agreed again."""
    days = sorted({day.day for pair in pairs for day in pair.days})
    places = [(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp(), day) for day in days]
    took = [(pair.pair, {day.day: day.seconds for day in pair.days}) for pair in pairs]
    return chart("bars", "day", places, [(name, [its.get(day) for day in days]) for name, its in took], seconds)


def differences(pairs: Sequence[PairPage]) -> dict[str, Any]:
    """Open differences after each comparison, the newest 60."""
    moments = sorted({one.at_ms for pair in pairs for one in pair.comparisons})[-60:]
    places = [(at / 1000, f"{datetime.fromtimestamp(at / 1000, UTC):%m-%d %H:%M:%S}") for at in moments]
    series = []
    for pair in pairs:
        by = {
            one.at_ms: float(one.result.pending + one.result.suspect + one.result.confirmed) for one in pair.comparisons
        }
        series.append((pair.pair, [by.get(at) for at in moments]))
    return chart("line", "comparison", places, series)
