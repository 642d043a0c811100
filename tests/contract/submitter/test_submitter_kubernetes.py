"""Each way in which a SparkApplication can fail to bring a result, by the real client, and what becomes of the run.

`Retryable` is tried again without end, a job's own failure three times in a row (then CheckFailed), a typed stop never.
"""

from pathlib import Path
from typing import Any

import pytest
from job_benches import KubernetesBench, answered, manifest, on_kubernetes, told
from kubernetes_api import OOM, Thing, container, pod, stands

from spark_submitter.application import name_of
from tidemark.errors import CheckFailed, Retryable, TypedStop
from tidemark_lake.objects import Folder

pytestmark = pytest.mark.lab
ERROR: Thing = {"terminated": {"exitCode": 1, "reason": "Error"}}
RAISED = "driver container failed with ExitCode: 1, Reason: Error"
MEMORY = "ran out of memory; raise TIDEMARK_SPARK_MEMORY_MIB"


def fails(
    bench: KubernetesBench, status: Thing | None, message: str, log: str = "", executor: Thing | None = None
) -> None:
    """From now on applications fail, with pods in these states."""

    def operator(application: Thing) -> None:
        name = application["metadata"]["name"]
        stands(application, "FAILED", message)
        if status is not None:
            bench.cluster.pods[f"{name}-driver"] = pod(f"{name}-driver", status)
        if executor is not None:
            labels = {"sparkoperator.k8s.io/app-name": name, "spark-role": "executor"}
            bench.cluster.pods[f"{name}-exec-1"] = pod(f"{name}-exec-1", executor, labels)
        bench.cluster.logs[f"{name}-driver"] = log

    bench.cluster.operator = operator


def tries(bench: KubernetesBench) -> list[type[BaseException]]:
    """How four tries in a row end."""
    return [type(told(bench, f"a{number}")) for number in range(4)]


COUNTED = [Retryable, Retryable, CheckFailed, Retryable]
FOR_EVER = [Retryable] * 4


@pytest.mark.parametrize(
    ("status", "message", "log", "executor", "reason", "endings"),
    [
        pytest.param(
            container(ERROR), RAISED, "Traceback\nValueError: no such column", None,
            r"(?s)the Spark job raised in run-.*ExitCode: 1.*ValueError: no such column", COUNTED, id="the job raises",
        ),
        pytest.param(
            container(OOM), "ExitCode: 137", "", None, f"the driver of run-.* {MEMORY}", COUNTED, id="driver OOM",
        ),
        pytest.param(
            container(ERROR), RAISED, "", container(OOM), f"an executor of run-.* {MEMORY}", COUNTED, id="executor OOM",
        ),
        pytest.param(
            container(ERROR), RAISED, "exited with exit code 137(SIGKILL, possible container OOM)", None,
            f"executor of run-.* {MEMORY}", COUNTED, id="executor OOM of which only the log tells",
        ),
        pytest.param(
            container(ERROR), RAISED, "SparkException: Checkpoint block rdd_7_0 not found!", None,
            "lost an executor with rows that it kept", FOR_EVER, id="an executor is lost",
        ),
        pytest.param(
            None, "driver pod not found", "", None, "the driver of run-.* is lost.*driver pod not found", FOR_EVER,
            id="the driver is lost",
        ),
        pytest.param(
            {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."},
            "driver container status missing", "", None, "cluster ended the driver of run-.*Evicted: The node was low",
            FOR_EVER, id="the driver is evicted",
        ),
        pytest.param(
            container(ERROR, conditions=[
                {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"},
            ]),
            RAISED, "", None, "cluster ended the driver of run-.*PreemptionByScheduler", FOR_EVER,
            id="the driver is preempted",
        ),
        pytest.param(
            container({"terminated": {"exitCode": 143, "reason": "Error"}}), "ExitCode: 143", "", None,
            r"was killed \(exit code 143\)", FOR_EVER, id="the driver is killed",
        ),
        pytest.param(
            None, "failed to run spark-submit: pods are forbidden: exceeded quota: compute", "", None,
            "exceeded quota: compute", FOR_EVER, id="no quota for the driver's pod",
        ),
    ],
)  # fmt: skip
def test_an_application_that_fails(
    status: Thing | None,
    message: str,
    log: str,
    executor: Thing | None,
    reason: str,
    endings: list[type[BaseException]],
    bench: KubernetesBench,
) -> None:
    """The job's own fault is counted, what the cluster did to it is not; either way a person is told which it was."""
    fails(bench, status, message, log, executor)
    assert tries(bench) == endings
    with pytest.raises(Retryable, match=reason):
        bench.job.run(manifest(attempt="told", state=bench.folder.uri))


def test_completed_without_a_result(bench: KubernetesBench) -> None:
    """It is tried again."""
    bench.cluster.operator = lambda application: stands(application, "COMPLETED")
    assert "has completed and left no result" in str(told(bench))


def test_an_image_that_cannot_be_pulled(bench: KubernetesBench) -> None:
    """The operator calls it SUBMITTED for ever; the attempt is given up at once, told of, and leaves nothing behind."""
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image spark:1"}}

    def operator(application: Thing) -> None:
        name = application["metadata"]["name"]
        stands(application, "SUBMITTED")
        bench.cluster.pods[f"{name}-driver"] = pod(f"{name}-driver", container(waiting, "Pending"))

    bench.cluster.operator = operator
    reason = "its image cannot be pulled: ImagePullBackOff: Back-off pulling image spark:1"
    assert (type(error := told(bench)), reason in str(error), bench.seconds) == (Retryable, True, 0)
    assert (bench.cluster.applications, tries(bench)) == ({}, FOR_EVER)


def test_a_name_that_somebody_else_has(bench: KubernetesBench) -> None:
    """It stops the run, and their application stays."""
    order = manifest(state=bench.folder.uri)
    name = name_of(order.run_id, order.attempt)
    bench.cluster.applications[name] = {"metadata": {"name": name, "labels": {"tidemark/run": "another"}}}
    error = told(bench)
    assert (type(error), f"tidemark/{name} is not the submitter's" in str(error)) == (TypedStop, True)
    assert name in bench.cluster.applications


def test_a_name_that_is_this_attempt_s_already(folder: Folder, tmp_path: Path) -> None:
    """The answer to its creation was lost: it is not made twice, and how it ended is looked at."""
    with on_kubernetes(folder, tmp_path, retry_seconds=60) as bench:
        bench.cluster.loses_answer = True
        assert bench.job.run(manifest(state=folder.uri)).status == "done"
        assert len(bench.cluster.made) == 1


@pytest.mark.parametrize(
    ("status", "message", "ending"),
    [
        pytest.param(403, "exceeded quota: count/sparkapplications", Retryable, id="quota"),
        pytest.param(403, "User tidemark cannot create resource sparkapplications", Retryable, id="no rights"),
        pytest.param(404, "the server could not find the requested resource", Retryable, id="no such kind"),
        pytest.param(422, "spec.executor.cores: Invalid value: 0", TypedStop, id="invalid"),
    ],
)
def test_an_application_that_is_refused(
    status: int, message: str, ending: type[Exception], bench: KubernetesBench
) -> None:
    """Rights and quota come back without the run's doing; what is invalid as it stands needs a person."""
    bench.cluster.refusals = [(status, message)]
    error = told(bench)
    assert (type(error) is ending or isinstance(error, ending), message in str(error)) == (True, True)


@pytest.mark.parametrize("asked", range(3))
def test_no_rights_for_another_call(asked: int, bench: KubernetesBench) -> None:
    """Listing, creating and looking are Retryable alike."""
    bench.cluster.answers = [200] * asked + [403]
    assert "Kubernetes says no: not now" in str(told(bench))


def test_an_application_that_is_deleted_under_way(bench: KubernetesBench) -> None:
    """The run is tried again; but an answer that was given counts, whoever cleaned up after it."""
    bench.cluster.operator = lambda application: stands(application, "RUNNING")
    bench.later = bench.cluster.applications.clear
    assert "was deleted under way" in str(told(bench))

    def answers_and_goes() -> None:
        (application,) = bench.cluster.applications.values()
        answered(bench.folder, application["spec"]["arguments"][0], "done")
        bench.cluster.applications.clear()

    bench.later = answers_and_goes
    assert bench.job.run(manifest(attempt="a2", state=bench.folder.uri)).status == "done"


def test_an_outage_of_the_api_server(folder: Folder, tmp_path: Path) -> None:
    """A short one is slept over while the job runs on; a longer one is Retryable."""
    with on_kubernetes(folder, tmp_path, retry_seconds=60) as bench:
        bench.cluster.answers = [503, 429, 200, 500, 503, 200]
        assert bench.job.run(manifest(state=folder.uri)).status == "done"
        assert (len(bench.cluster.made), bench.cluster.answers) == (1, [])
    with on_kubernetes(folder, tmp_path) as bench:
        bench.cluster.answers = [503]
        assert "kubernetes still fails after 1 attempts: not now" in str(told(bench))
    assert "kubernetes still fails" in str(told(bench))  # its server is gone altogether


def test_older_attempts_make_room(bench: KubernetesBench) -> None:
    """A submitter that died left one: it is deleted before the next begins. Other runs' stay, and so do strangers'."""
    bench.job.run(manifest("r1", "a1", bench.folder.uri))
    bench.job.run(manifest("r2", "a1", bench.folder.uri))
    bench.cluster.applications["theirs"] = {"metadata": {"name": "theirs", "labels": {}}}
    present: list[list[str]] = []
    operator = bench.cluster.operator

    def looking(application: dict[str, Any]) -> None:
        present.append(sorted(bench.cluster.applications))
        operator(application)

    bench.cluster.operator = looking
    bench.job.run(manifest("r1", "a2", bench.folder.uri))
    assert bench.cluster.deleted == [name_of("r1", "a1")]
    assert present == [sorted([name_of("r1", "a2"), name_of("r2", "a1"), "theirs"])]


def test_no_secret_is_told(bench: KubernetesBench) -> None:
    """The end of the driver's log is, without what looks like a secret."""
    log = 'fs.s3a.secret.key=hunter2 AKIAIOSFODNN7EXAMPLE {"password": "hunter2"}\nhttps://me:hunter2@host: no route\n'
    fails(bench, container(ERROR), "aws_session_token: hunter2", log)
    message = str(told(bench))
    assert ("no route" in message, "hunter2" in message, "AKIA" in message) == (True, False, False)
