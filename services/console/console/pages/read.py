"""The pages of the console's own state: overview, runs, a run, alerts, quality."""

from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from console import views
from console.pages import drawn
from console.pages.site import DATASETS, Site, word
from console.pages.wording import figure, seconds, size
from console.records import QualityRule, RunPage

PAGE = 50
NEWEST = 8
DAY = 24


def overview(site: Site, request: Request) -> Response:
    """How each dataset is, what is wrong and what to do."""
    now = site.ports.now_ms()
    hours = views.hours(site.state, now, DAY)
    newest = {name: views.runs(site.state, name, None, 20).runs for name in DATASETS}
    cut, curated = [[hour for hour in hours if hour.stage == stage] for stage in drawn.STAGES[:2]]
    return site.shown(
        request,
        "overview.html.j2",
        live="overview,runs,lag",
        overview=views.overview(site.state, now),
        runs=views.runs(site.state, None, None, NEWEST).runs,
        seconds_of={name: [run.seconds or 0 for run in reversed(runs) if run.seconds] for name, runs in newest.items()},
        day={
            "runs": sum(hour.runs for hour in cut),
            "failed": sum(hour.failed for hour in hours),
            "rows": sum(hour.rows for hour in curated),
        },
        waiting=sum(line.records for line in views.lag(site.state)),
        hours=drawn.rows_by_hour(curated),
        work=drawn.work(hours, "hour"),
    )


def runs(site: Site, request: Request) -> Response:
    """The runs, the newest first."""
    chosen = {"dataset": word(request, "dataset", lambda name: name in DATASETS), "status": word(request, "status")}
    text = word(request, "offset", str.isdecimal, 9)
    offset = int(text or 0)
    found = views.runs(site.state, chosen["dataset"] or None, chosen["status"] or None, PAGE, offset)

    def at(other: int) -> str:
        return f"/runs?{urlencode({**chosen, 'offset': max(0, other)})}"

    return site.shown(
        request, "runs.html.j2", live="runs", found=found, chosen=chosen, datasets=DATASETS,
        newer=at(offset - PAGE), older=at(offset + PAGE),
    )  # fmt: skip


class Bar(NamedTuple):
    """A stage in the waterfall, in thousandths of the run's time: where it began, how long it took and had waited."""

    x: float
    width: float
    waited: float


def run(site: Site, request: Request) -> Response:
    """One run, whole."""
    found = views.run(site.state, request.path_params["run_id"], site.settings.trace_page)
    if found is None:
        return site.problem(request, 404, "No such run", "No event of this run is known; its id may be mistyped.")
    span, bars = waterfall(found, site.ports.now_ms())
    return site.shown(
        request, "run.html.j2", live=f"run&key={quote(found.run.run_id, safe='')}", page=found, span=span, bars=bars,
        loaded_by={table.table: table for table in found.loaded}, spark=_spark(found),
    )  # fmt: skip


def waterfall(page: RunPage, now_ms: int) -> tuple[dict[str, int] | None, list[Bar | None]]:
    """The time that the stages lie in, and each stage's bar; a stage at work reaches to now."""
    starts = [stage.start_ms for stage in page.stages if stage.start_ms]
    ends = [stage.end_ms or (now_ms if stage.state == "working" else None) for stage in page.stages]
    known = [end for end in ends if end]
    if not starts or not known:
        return None, [None] * len(page.stages)
    begin, end = min(starts), max(known)
    scale = 1000 / max(1, end - begin)
    bars: list[Bar | None] = []
    for stage, last in zip(page.stages, ends, strict=True):
        if not last or not (stage.start_ms or stage.end_ms):
            bars.append(None)
            continue
        x = ((stage.start_ms or last) - begin) * scale
        width = max(4.0, (last - begin) * scale - x)
        x = min(x, 1000 - width)
        bars.append(Bar(round(x, 1), round(width, 1), round(min(x, (stage.waited_seconds or 0) * 1000 * scale), 1)))
    return {"from_ms": begin, "to_ms": end}, bars


def _spark(page: RunPage) -> list[tuple[str, str]]:
    """Spark's figures as the submitter names them, sizes and times written as such."""
    written = []
    for name, value in page.spark.items():
        number = value if isinstance(value, int | float) else None
        words = name.replace("_", " ")
        if number is not None and name.endswith("bytes"):
            written.append((words.removesuffix(" bytes"), size(number)))
        elif number is not None and name.endswith("seconds"):
            written.append((words.removesuffix(" seconds"), seconds(float(number))))
        else:
            written.append((words, figure(value)))
    return written


def alerts(site: Site, request: Request) -> Response:
    """Incidents, open and over."""
    return site.shown(request, "alerts.html.j2", live="alerts", alerts=views.alerts(site.state))


def quality(site: Site, request: Request) -> Response:
    """Each rule over time."""
    found = views.quality(site.state)
    groups = [(name, [_rule(rule) for rule in its]) for name, its in groupby(found, key=lambda rule: rule.dataset)]
    charts = {name: drawn.quality([rule for rule in found if rule.dataset == name]) for name, _ in groups}
    return site.shown(request, "quality.html.j2", live="quality", groups=groups, charts=charts)


def _rule(rule: QualityRule) -> dict[str, Any]:
    hit = [point for point in rule.points if point.broken]
    return {
        "table": rule.table,
        "rule": rule.rule,
        "kind": rule.kind,
        "points": rule.points,
        "counts": [point.broken for point in rule.points],
        "broken": sum(point.broken for point in hit),
        "last": hit[-1] if hit else None,
    }
