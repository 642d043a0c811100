"""What the boards are made of: panels of one look, the variables of every board, and links from a slow bar to traces.

A query is PromQL over the names of libs/common/tidemark/signals.py. A series' label `stage` leads to that service's
slowest traces of the time in view on the trace page; a diamond (an exemplar) leads to its own trace, by the data
source's exemplar setting.
"""

from collections.abc import Sequence
from typing import TypeAlias, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models import dashboard as models

Query: TypeAlias = tuple[str, str]  # PromQL, and the legend
Panel: TypeAlias = timeseries.Panel | stat.Panel | bargauge.Panel | statetimeline.Panel
P = TypeVar("P", timeseries.Panel, stat.Panel, bargauge.Panel, statetimeline.Panel)

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${source}")
TRACES = "http://127.0.0.1:9411"
SLOWEST = (
    "${traces}/zipkin/?serviceName=${__field.labels.stage}&minDuration=1s&lookback=range"
    "&startTs=${__from}&endTs=${__to}&limit=20"
)
HALF, THIRD, QUARTER, WHOLE = 12, 8, 6, 24


def board(name: str, what: str, panels: Sequence[Panel]) -> dashboard.Dashboard:
    """A board `tidemark / name` with the variables that its queries and links use."""
    made = (
        dashboard.Dashboard(f"tidemark / {name}")
        .uid(f"tidemark-{name.split()[0]}")
        .description(what)
        .tags(["tidemark"])
        .time("now-3h", "now")
        .refresh("30s")
        .timezone("utc")
        .readonly()
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("source").label("Prometheus").type("prometheus"))
        .with_variable(_datasets())
        .with_variable(_trace_page())
        .link(_other_boards())
    )
    for panel in panels:
        made = made.with_panel(panel)
    return made


def lines(title: str, what: str, *queries: Query, unit: str = "short", span: int = HALF) -> timeseries.Panel:
    """Series over time, with exemplars where the metric has any."""
    panel = timeseries.Panel().line_width(2).fill_opacity(8).show_points(looks.VisibilityMode.AUTO).legend(_legend())
    return _finish(panel, title, what, queries, unit, span)


def bars(title: str, what: str, *queries: Query, unit: str = "short", span: int = HALF) -> timeseries.Panel:
    """Stacked bars over time: what was done in each step."""
    panel = (
        timeseries.Panel()
        .draw_style(looks.GraphDrawStyle.BARS)
        .fill_opacity(70)
        .stacking(common.StackingConfig().mode(looks.StackingMode.NORMAL))
        .legend(_legend())
    )
    return _finish(panel, title, what, queries, unit, span)


def now(
    title: str, what: str, *queries: Query, unit: str = "short", span: int = QUARTER, red_from: float | None = None
) -> stat.Panel:
    """The newest value of each series; red from `red_from` on."""
    panel = stat.Panel().reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    panel = panel.text_mode(looks.BigValueTextMode.VALUE_AND_NAME).graph_mode(looks.BigValueGraphMode.NONE)
    return _finish(panel.thresholds(_thresholds(red_from)), title, what, queries, unit, span)


def gauges(title: str, what: str, *queries: Query, unit: str = "short", span: int = HALF) -> bargauge.Panel:
    """The newest value of each series as a bar, the longest of them in view."""
    panel = bargauge.Panel().orientation(looks.VizOrientation.HORIZONTAL).thresholds(_thresholds(None))
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    return _finish(panel, title, what, queries, unit, span)


def states(title: str, what: str, *queries: Query, span: int = WHOLE) -> statetimeline.Panel:
    """What holds (1) and what does not (0), over time."""
    panel = statetimeline.Panel().merge_values(True).thresholds(_thresholds(1))
    return _finish(panel, title, what, queries, "short", span)


def _finish(panel: P, title: str, what: str, queries: Sequence[Query], unit: str, span: int) -> P:
    panel.title(title).description(what).unit(unit).span(span).height(8).datasource(SOURCE)
    for place, (expression, legend) in enumerate(queries):
        query = Dataquery().expr(expression).legend_format(legend).ref_id(chr(ord("A") + place)).range()
        panel.with_target(query.exemplar("_bucket" in expression).datasource(SOURCE))
    if any("stage" in legend for _, legend in queries):
        panel.data_links([dashboard.DashboardLink("slowest traces").url(SLOWEST).target_blank(True)])
    return panel


def _thresholds(red_from: float | None) -> dashboard.ThresholdsConfig:
    steps = [models.Threshold(value=None, color="green")]
    steps += [models.Threshold(value=red_from, color="red")] if red_from is not None else []
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def _legend() -> common.VizLegendOptions:
    shown = common.VizLegendOptions().show_legend(True).display_mode(looks.LegendDisplayMode.LIST)
    return shown.placement(looks.LegendPlacement.BOTTOM)


def _datasets() -> dashboard.QueryVariable:
    asked = dashboard.QueryVariable("dataset").label("Dataset").datasource(SOURCE)
    asked = asked.query({"query": "label_values(tidemark_halted, dataset)", "refId": "datasets"})
    asked = asked.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED).multi(True).include_all(True)
    return asked.all_value(".*").current(models.VariableOption(text="All", value="$__all", selected=True))


def _trace_page() -> dashboard.TextBoxVariable:
    asked = dashboard.TextBoxVariable("traces").label("Trace page").default_value(TRACES)
    return asked.current(models.VariableOption(text=TRACES, value=TRACES))


def _other_boards() -> dashboard.DashboardLink:
    link = dashboard.DashboardLink("tidemark").type(models.DashboardLinkType.DASHBOARDS).tags(["tidemark"])
    return link.as_dropdown(True).include_vars(True).keep_time(True)
