"""How long a SparkApplication is waited for, by the real client, and what ends it."""

import pytest
from job_benches import KubernetesBench, answered, manifest, told
from kubernetes_api import OOM, Thing, container, pod, stands

from spark_submitter.kubernetes import STARTED_SECONDS, TAKEN_UP_SECONDS
from spark_submitter.ports import LONGEST_RUN_SECONDS
from tidemark.errors import Retryable

pytestmark = pytest.mark.lab


def test_no_operator(bench: KubernetesBench) -> None:
    """An application that nobody takes up is given up after two minutes, deleted, and the reason says where to look."""
    bench.cluster.operator = lambda application: None
    assert "no Spark Operator took it up" in str(told(bench))
    assert TAKEN_UP_SECONDS < bench.seconds < TAKEN_UP_SECONDS + 5
    assert bench.cluster.deleted == bench.cluster.made


def test_a_driver_that_finds_no_node(bench: KubernetesBench) -> None:
    """It is waited for as long as a new node takes, then the scheduler's reason is told."""
    message = "0/3 nodes are available: 3 Insufficient memory."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}

    def operator(application: Thing) -> None:
        name = application["metadata"]["name"]
        stands(application, "SUBMITTED")
        bench.cluster.pods[f"{name}-driver"] = pod(f"{name}-driver", {"phase": "Pending", "conditions": [condition]})

    bench.cluster.operator, bench.haste = operator, 20
    assert f"its driver has not started: Unschedulable: {message}" in str(told(bench))
    assert STARTED_SECONDS < bench.seconds < STARTED_SECONDS + 50


def test_a_job_that_does_not_end(bench: KubernetesBench) -> None:
    """After two hours it is deleted and tried again."""
    bench.haste = 50
    bench.cluster.operator = lambda application: stands(application, "RUNNING")
    assert "it has not ended after" in str(told(bench))
    assert (bench.seconds > LONGEST_RUN_SECONDS, bench.cluster.applications) == (True, {})


def test_it_is_waited_for(bench: KubernetesBench) -> None:
    """The answer is read once the application has ended, not before."""
    bench.cluster.operator = lambda application: stands(application, "RUNNING")

    def ends() -> None:
        (application,) = bench.cluster.applications.values()
        answered(bench.folder, application["spec"]["arguments"][0], "done")
        stands(application, "COMPLETED")

    bench.later = ends
    assert bench.job.run(manifest(state=bench.folder.uri)).status == "done"
    assert bench.seconds == 2


@pytest.mark.parametrize("state", ["RUNNING", "SUBMITTED"])
def test_the_operator_goes_while_the_driver_works(state: str, bench: KubernetesBench) -> None:
    """Nobody says that the application has ended: its driver's end counts, with an answer or without one."""
    bench.cluster.operator = lambda application: stands(application, state)

    def ends(status: Thing) -> None:
        (name,) = bench.cluster.applications
        bench.cluster.pods[f"{name}-driver"] = pod(f"{name}-driver", status)

    def answers() -> None:
        (application,) = bench.cluster.applications.values()
        answered(bench.folder, application["spec"]["arguments"][0], "done")
        ends(container({"terminated": {"exitCode": 0, "reason": "Completed"}}, "Succeeded"))

    bench.later = answers
    assert (bench.job.run(manifest(state=bench.folder.uri)).status, bench.seconds) == ("done", 2)
    bench.later = lambda: ends(container({"terminated": {"exitCode": 0, "reason": "Completed"}}, "Succeeded"))
    assert (type(said := told(bench, "a3")), "left no result" in str(said)) == (Retryable, True)
    bench.later = lambda: ends(container(OOM))
    assert "the driver of run-" in (said := str(told(bench, "a2")))
    assert "ran out of memory" in said
