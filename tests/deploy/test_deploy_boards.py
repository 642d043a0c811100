"""What the chart gives to those who watch: boards, rules, span metrics, and the ways between them."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from network_policies import End, passes
from rendered_chart import CHART, KIND, ON_KIND, WORKERS, Object, labels, of_kind, on_kind, production, rendered

BOARDS = {path.stem: path.read_text() for path in (CHART / "boards").glob("*.json")}
RULES = yaml.safe_load((CHART / "rules" / "tidemark.yml").read_text())
WITH_GRAFANA = rendered((KIND,), (*ON_KIND, "local.grafana.enabled=true"))


def _config(objects: tuple[Object, ...], name: str, file: str) -> Any:
    return yaml.safe_load(of_kind(objects, "ConfigMap")[name]["data"][file])


def test_boards_are_configmaps_that_grafanas_sidecar_finds() -> None:
    """Each board whole, under the label that the values name; none where nobody asked."""
    found = of_kind(production("boards.enabled=true", "boards.label=my_boards"), "ConfigMap")
    boards = {name.removeprefix("board-"): o for name, o in found.items() if name.startswith("board-")}
    assert {name: json.loads(text) for name, text in BOARDS.items()} == {
        name: json.loads(o["data"][f"tidemark-{name}.json"]) for name, o in boards.items()
    }
    assert {o["metadata"]["labels"]["my_boards"] for o in boards.values()} == {"1"}
    assert [name for name in of_kind(production(), "ConfigMap") if name.startswith("board-")] == []
    assert len([name for name in of_kind(on_kind(), "ConfigMap") if name.startswith("board-")]) == len(BOARDS)


def test_rules_reach_the_operator_as_they_are() -> None:
    """A PrometheusRule with the labels by which it is selected, templates in annotations untouched."""
    found = of_kind(production("rules.enabled=true", "rules.labels.release=monitoring"), "PrometheusRule")["rules"]
    assert (found["spec"], found["metadata"]["labels"]["release"]) == (RULES, "monitoring")
    assert of_kind(production(), "PrometheusRule") == {}


def test_the_charts_own_prometheus_has_rules_exemplars_and_spans() -> None:
    """It asks every service and the collector, keeps exemplars, and evaluates the rules."""
    config = _config(on_kind(), "prometheus", "prometheus.yml")
    assert _config(on_kind(), "prometheus", "rules.yml") == RULES
    assert config["rule_files"] == ["/etc/tidemark/rules.yml"]
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in config["scrape_configs"]}
    assert {f"tm-{worker}:8080" for worker in WORKERS} <= set(targets["tidemark"])
    assert targets["spans"] == ["tm-collector:8889"]
    container = of_kind(on_kind(), "StatefulSet")["prometheus"]["spec"]["template"]["spec"]["containers"][0]
    assert "--enable-feature=exemplar-storage" in container["args"]


def test_the_collector_makes_metrics_of_spans() -> None:
    """Spans go on to the trace page and into both connectors; what comes of them is shown at one port."""
    config = _config(on_kind(), "collector", "collector.yaml")
    pipelines = config["service"]["pipelines"]
    assert set(pipelines["traces"]["exporters"]) == {"zipkin", *config["connectors"]}
    assert set(pipelines["metrics"]["receivers"]) == {"spanmetrics", "servicegraph"} == set(config["connectors"])
    assert pipelines["metrics"]["exporters"] == ["prometheus"]
    used = {name for line in pipelines.values() for name in (*line["receivers"], *line["exporters"])}
    assert used == {*config["receivers"], *config["exporters"], *config["connectors"]}
    container = of_kind(on_kind(), "StatefulSet")["collector"]["spec"]["template"]["spec"]["containers"][0]
    port = int(config["exporters"]["prometheus"]["endpoint"].rsplit(":", 1)[1])
    assert port in {p["containerPort"] for p in container["ports"]}


def test_grafana_is_there_where_it_is_asked_for() -> None:
    """With every board, the Prometheus of the release, and the way from an exemplar to its trace."""
    assert "grafana" not in of_kind(on_kind(), "StatefulSet")
    assert {f"{name}.json" for name in BOARDS} <= set(of_kind(WITH_GRAFANA, "ConfigMap")["grafana"]["data"])
    (source,) = _config(WITH_GRAFANA, "grafana", "sources.yaml")["datasources"]
    assert source["url"] == "http://tm-prometheus:9090"
    (link,) = source["jsonData"]["exemplarTraceIdDestinations"]
    assert link["name"] == "trace_id"
    assert link["url"].endswith("/zipkin/traces/$${__value.raw}")


@pytest.mark.parametrize(
    ("source", "target", "port"),
    [("prometheus", "collector", 8889), ("grafana", "prometheus", 9090), ("prometheus", "loader", 8080)],
)
def test_who_watches_reaches_what_it_reads(source: str, target: str, port: int) -> None:
    """And nobody else does."""
    policies = list(of_kind(WITH_GRAFANA, "NetworkPolicy").values())
    everybody = [*WORKERS, "spark", "prometheus", "grafana", "zipkin", "clickhouse"]
    reach = {one for one in everybody if passes(policies, End(labels(one)), End(labels(target)), port)}
    assert reach == {source}


def test_a_board_fits_a_configmap() -> None:
    """Kubernetes takes a megabyte; all boards together are Grafana's."""
    assert sum(len(text) for text in BOARDS.values()) < 900_000
    assert Path(CHART / "boards").is_dir()
