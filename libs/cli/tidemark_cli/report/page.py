"""The page itself: the report's data in the shape that its template (page/) wants."""

from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from msgspec import Struct

from tidemark_cli.report.charts import day_number, drawn, totals
from tidemark_cli.report.figures import PACKAGE, Reading, Row
from tidemark_cli.report.widgets import Chart, Cohorts, PeriodTiles, Section, Table, Tiles, Widget, sections
from tidemark_cli.report.wording import month, text, written
from tidemark_pages import environment, rendered

SCRIPTS = ("vendor/uPlot.iife.min.js", "page.js")
STYLES = ("base.css", "vendor/uPlot.min.css", "page.css")


class Cell(Struct, frozen=True):
    """What stands in a cell; `share` of its bar, 0 to 1, where it has one."""

    text: str
    kind: str
    share: float | None = None


class View(Struct, frozen=True, kw_only=True):
    """A widget with what it shows: rows of cells, a chart's id, or the reason why it is empty."""

    widget: Widget
    type: str
    id: str
    is_of_period: bool
    problem: str | None
    rows: list[list[Cell]]


def page(reading: Reading) -> str:
    """The whole report."""
    views, data = _made(reading)
    return rendered(
        PACKAGE, "page.html.j2", styles=STYLES, scripts=SCRIPTS, data=data, run=reading.run, sections=views
    )  # fmt: skip


def fragment(reading: Reading) -> dict[str, Any]:
    """The figures for a page of somebody else's, who brings STYLES and SCRIPTS: `html` and `data`, and the run."""
    views, data = _made(reading)
    html = environment(PACKAGE).get_template("figures.html.j2").render(run=reading.run, sections=views)
    run = {"run_id": reading.run.run_id, "run_seq": reading.run.run_seq, "as_of": _moment(reading.run.as_of)}
    return {"run": run, "sections": [[section.key, section.title] for section, _ in views], "html": html, "data": data}


def _made(reading: Reading) -> tuple[list[tuple[Section, list[View]]], dict[str, Any]]:
    """The sections with their views, and what the script draws."""
    data: dict[str, Any] = {"asOf": day_number(reading.run.as_of.date()), "charts": [], "totals": None}
    views = [(section, [_view(section, place, reading, data) for place in range(len(section.widgets))])
             for section in sections()]  # fmt: skip
    environment(PACKAGE).filters.update(moment=_moment, shown=text)
    return views, data


def _view(section: Section, place: int, reading: Reading, data: dict[str, Any]) -> View:
    widget, view_id = section.widgets[place], f"{section.key}-{place}"
    figure = reading.figures[widget.figure]
    if isinstance(widget, Chart) and figure.rows:
        data["charts"].append(drawn(view_id, widget, figure.rows))
    if isinstance(widget, PeriodTiles) and figure.rows:
        data["totals"] = totals(figure.rows)
    problem = text(figure.problem) if figure.problem else None
    return View(
        widget=widget,
        type=type(widget).__name__,
        id=view_id,
        is_of_period=isinstance(widget, Chart | PeriodTiles),
        problem=problem,
        rows=_cells(widget, figure.rows),
    )


def _cells(widget: Widget, rows: list[Row]) -> list[list[Cell]]:
    if isinstance(widget, Cohorts):
        return _cohorts(rows)
    if not isinstance(widget, Table | Tiles):
        return [[] for _ in rows[:1]]
    greatest = {c.name: max((r[c.name] or 0 for r in rows), default=0) for c in widget.columns if c.bar}
    return [
        [Cell(written(row[c.name], c.kind), c.kind, _share(row[c.name], greatest.get(c.name))) for c in widget.columns]
        for row in rows
    ]


def _cohorts(rows: list[Row]) -> list[list[Cell]]:
    """A row a cohort: its month, its size, then what percentage was there in each month since."""
    lines = []
    for first, found in groupby(rows, key=lambda row: row["cohort_month"]):
        months = list(found)
        head = [Cell(month(first), "text"), Cell(written(months[0]["customers"], "count"), "count")]
        percents = [row["retention_percent"] for row in months]
        lines.append(head + [Cell(written(value, "number"), "number", _share(value, 100)) for value in percents])
    longest = max(map(len, lines), default=0)
    return [line + [Cell("", "text")] * (longest - len(line)) for line in lines]


def _share(value: Any, greatest: Any) -> float | None:
    if greatest is None or value is None:
        return None
    return round(float(Decimal(max(value, 0)) / Decimal(greatest)), 4) if greatest > 0 else 0.0


def _moment(value: datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S} UTC"
