"""The chart's NetworkPolicies let through the named ways and nothing else."""

import pytest
from network_policies import CLOUD, STRANGER, End, passes, pod_of
from rendered_chart import WORKERS, labels, on_kind, policies_of, production

DNS = End({"k8s-app": "kube-dns"}, {"kubernetes.io/metadata.name": "kube-system"})
WATCH = End({"app": "prometheus"}, {"team": "watch"})
SPARK = End(labels("spark"))


PRODUCTION = policies_of(production("networkPolicy.metricsFrom.team=watch"))
KIND = policies_of(on_kind())


@pytest.mark.parametrize("worker", [*WORKERS, "spark", "init"])
def test_every_pod_asks_for_names(worker: str) -> None:
    """DNS, and no other port of the system's namespace."""
    assert passes(PRODUCTION, pod_of(worker), DNS, 53, "UDP")
    assert not passes(PRODUCTION, pod_of("transformer"), DNS, 9153)


@pytest.mark.parametrize("component", [*WORKERS, "spark", "kafka", "clickhouse"])
def test_nobody_comes_in(component: str) -> None:
    """From another namespace, or from a pod of this one that is not the chart's."""
    for policies in (PRODUCTION, KIND):
        for port in (8080, 9092, 8123, 4040):
            assert not passes(policies, STRANGER, pod_of(component), port)
            assert not passes(policies, End({"app": "stranger"}), pod_of(component), port)


def test_the_clouds_are_reached_by_who_needs_them() -> None:
    """443 for the lake and the warehouse; Kafka and ClickHouse on the ports that the values name."""

    def who(port: int) -> set[str]:
        return {name for name in [*WORKERS, "spark", "init", "test"] if passes(PRODUCTION, pod_of(name), CLOUD, port)}

    assert who(443) == {*WORKERS, "spark", "init"}
    assert who(9094) == {*WORKERS, "init", "test"}
    assert who(8443) == {"reconciler"}
    assert who(80) == who(22) == set()


def test_alerts_leave_by_the_ports_that_the_values_name() -> None:
    """And by no other; there is no way out for a notifier that is not there."""
    policies = policies_of(production("alerts.secret=the-alerts", "alerts.ports={443,587}"))
    assert all(passes(policies, pod_of("notifier"), CLOUD, port) for port in (443, 587, 9094))
    assert not passes(policies, pod_of("notifier"), CLOUD, 8443)
    assert not any(passes(PRODUCTION, pod_of("notifier"), CLOUD, port) for port in (443, 587))


def test_the_nodes_own_credentials_are_out_of_reach() -> None:
    """The metadata service of a cloud's machine is no way to its role."""
    metadata = End(address="169.254.169.254")
    assert not any(
        passes(PRODUCTION, pod_of(name), metadata, port) for name in [*WORKERS, "spark"] for port in (80, 443)
    )


def test_spark_speaks_to_itself_and_to_kubernetes() -> None:
    """On ports of its choice; the API server is at 443 or, on kind, 6443."""
    assert passes(PRODUCTION, SPARK, SPARK, 7078)
    assert passes(PRODUCTION, SPARK, End(address="172.18.0.2"), 6443)
    assert passes(PRODUCTION, pod_of("spark-submitter"), End(address="172.18.0.2"), 6443)
    assert not passes(PRODUCTION, pod_of("loader"), End(address="172.18.0.2"), 6443)
    assert not passes(PRODUCTION, pod_of("loader"), SPARK, 7078)


def test_metrics_are_read_by_the_namespace_that_the_values_name() -> None:
    """And by no other; on kind by the chart's own Prometheus."""
    assert passes(PRODUCTION, WATCH, pod_of("loader"), 8080)
    assert not passes(PRODUCTION, WATCH, pod_of("loader"), 22)
    assert passes(KIND, pod_of("prometheus"), pod_of("loader"), 8080)
    assert not passes(KIND, pod_of("prometheus"), CLOUD, 443)


def test_on_kind_the_chain_reaches_the_charts_own_parts() -> None:
    """Kafka by all, ClickHouse by the reconciler, the collector by the services, Zipkin by the collector."""
    reach = {
        "kafka": (9092, {*WORKERS, "init", "test"}),
        "clickhouse": (8123, {"reconciler"}),
        "collector": (4318, set(WORKERS)),
        "zipkin": (9411, {"collector"}),
    }
    everybody = [*WORKERS, "spark", "init", "test", "prometheus", *reach]
    for part, (port, expected) in reach.items():
        assert {name for name in everybody if passes(KIND, pod_of(name), pod_of(part), port)} == expected, part


def test_an_emulators_port_is_open_where_the_values_name_one() -> None:
    """S3, Glue and Snowflake of a stand-in, by those who speak to them."""
    emulated = production(
        "lake.s3Endpoint=http://host.docker.internal:5000",
        "snowflake.host=host.docker.internal",
        "snowflake.port=8085",
        "snowflake.protocol=http",
    )
    policies, there = policies_of(emulated), End(address="192.168.65.254")
    assert passes(policies, SPARK, there, 5000)
    assert passes(policies, pod_of("loader"), there, 8085)
    assert not passes(policies, pod_of("ingest-watcher"), there, 8085)
