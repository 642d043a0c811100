"""Whatever ends in the cluster while a run is under way, its rows are those that nothing would have changed."""

from collections.abc import Iterator

import pytest
from chain_truth import assert_every_row_is_accounted_for, assert_numbers_are_true
from kube_chain import KubeChain, end_pod
from kube_cluster import OPERATOR, OPERATOR_NAMESPACE, kubectl, objects
from places import SERVICES

from tidemark.events import LakeCurated, MartsBuilt, RawLoaded
from tidemark_cli.kind.plan import RELEASE

pytestmark = [pytest.mark.kube, pytest.mark.timeout(1800)]


@pytest.fixture(autouse=True)
def loaded(chain: KubeChain) -> Iterator[None]:
    """The initial load is there, whichever of the tests is run; afterwards everything is true and accounted for."""
    if not chain.runs():
        chain.upstream("initial", "--scale", "0.1")
    yield
    chain.reconciled()
    assert_numbers_are_true(chain)
    assert_every_row_is_accounted_for(chain)


def test_the_driver_is_killed(chain: KubeChain) -> None:
    """Its pod goes while it works; another attempt does the run."""
    chain.upstream("delta", "--rows", "400", wait=False)
    first = chain.application_at("RUNNING")["metadata"]["name"]
    end_pod(f"{first}-driver")
    chain.reconciled()
    assert first not in _applications()


def test_each_services_pod_is_deleted(chain: KubeChain) -> None:
    """Each one while its own stage is at work; it comes back under its name and goes on."""
    before = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in objects("pods")}
    begun_by = {"loader": LakeCurated.topic, "transformer": RawLoaded.topic, "reconciler": MartsBuilt.topic}
    # counted before anything moves: a stage may be done before its predecessor's pod is gone
    events = {topic: len(chain.records(topic)) for topic in begun_by.values()}
    chain.upstream("delta", "--rows", "400", wait=False)
    chain.application_at("RUNNING")
    for service in ("ingest-watcher", "spark-submitter"):
        end_pod(f"{RELEASE}-{service}-0")
    for service, topic in begun_by.items():
        chain.wait_for(lambda t=topic: len(chain.records(t)) > events[t], f"an event in {topic}", 300)
        end_pod(f"{RELEASE}-{service}-0")
    chain.reconciled()
    after = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in objects("pods")}
    names = [f"{RELEASE}-{service}-0" for service in SERVICES]
    assert [name for name in names if before[name] == after[name]] == []


def test_an_upgrade_under_way(chain: KubeChain) -> None:
    """Every service's pod is replaced in the middle of a run."""
    chain.upstream("delta", "--rows", "400", wait=False)
    chain.application_at("RUNNING")
    chain.release.install(*(f"workers.{service}.cpu=60m" for service in SERVICES))
    chain.reconciled()


def test_the_operator_is_away(chain: KubeChain) -> None:
    """It goes while a driver works, and is not there when the next application is made, for so long that the submitter
    gives one up and says why."""
    chain.upstream("delta", "--rows", "400", wait=False)
    chain.application_at("RUNNING")
    _scale_operator(0)
    try:
        told = "no Spark Operator took it up"
        chain.wait_for(lambda: told in kubectl("logs", f"{RELEASE}-spark-submitter-0"), told, 600)
    finally:
        _scale_operator(1)
    chain.reconciled()


def test_the_driver_runs_out_of_memory(chain: KubeChain) -> None:
    """After three tries in a row the run fails and says so, with an alert; with more memory it goes on."""
    chain.release.install("spark.overhead=16m")
    chain.upstream("delta", "--rows", "400", wait=False)
    failed = chain.wait_for(lambda: [r for r in chain.runs().values() if r.failure], "a run has failed", 900)
    told = [(run.failure.message, [a.detail for a in run.alerts if a.severity == "critical"]) for run in failed]
    assert [(message, alerts) for message, alerts in told if "ran out of memory" not in message or not alerts] == []
    chain.release.install()
    for run in failed:
        chain.tidemark("resume", "--dataset", run.dataset)
    chain.wait_for(lambda: not any(run.failure for run in chain.runs().values()), "the runs go on", 600)
    chain.reconciled()


def _applications() -> list[str]:
    return [found["metadata"]["name"] for found in objects("sparkapplications")]


def _scale_operator(replicas: int) -> None:
    words = ("-n", OPERATOR_NAMESPACE, f"deployment/{OPERATOR}")
    kubectl("scale", *words, f"--replicas={replicas}")
    kubectl("rollout", "status", *words, "--timeout", "300s")
