"""The three ways to run the Spark job, each with a job that does what a test says: the port's contract suite on them.

`plays`: "done" and "stopped" are answers, "raises" is the job's own fault, "away" means that nobody is there to run it.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from kubernetes_api import Cluster, container, kubernetes_api, pod, stands
from msgspec import json

from spark_submitter.kubernetes import KubernetesJob
from spark_submitter.memory import MemoryJob, MemoryLake
from spark_submitter.ports import Job
from spark_submitter.resident import ResidentJob
from tidemark.errors import CheckFailed, Retryable, TypedStop
from tidemark_lab import spark_driver
from tidemark_lake.manifest import Manifest, Result, Stop, result_name
from tidemark_lake.objects import Folder

RAISED = "no such column"
STOPPED = Stop(reason="the table is gone", remedy="ask for a rebuild")
TEMPLATE: dict[str, Any] = {
    "apiVersion": "sparkoperator.k8s.io/v1beta2",
    "kind": "SparkApplication",
    "metadata": {"namespace": "tidemark", "labels": {"app.kubernetes.io/part-of": "tidemark"}},
    "spec": {
        "type": "Python",
        "mode": "cluster",
        "sparkVersion": "4.1.4",
        "image": "spark:1",
        "mainApplicationFile": "local:///opt/curate_job/__main__.py",
        "timeToLiveSeconds": 600,
        "driver": {"serviceAccount": "spark", "env": [{"name": "AWS_REGION", "value": "us-east-1"}]},
        "executor": {"env": [{"name": "AWS_REGION", "value": "us-east-1"}]},
    },
}


def manifest(run_id: str = "ecommerce-process-g0-1", attempt: str = "a1", state: str = "s3://lake/state") -> Manifest:
    """An attempt's order without a table."""
    return Manifest(
        run_id=run_id, run_seq=1, attempt=attempt, dataset="ecommerce", kind="process", generation=0, order="arrival",
        curated="curated_ecommerce", branch=f"attempt_1_{attempt}", result=f"{state}/{result_name(run_id, attempt)}",
        tables=[],
    )  # fmt: skip


class Bench:
    """A job to run, and what it does."""

    job: Job

    def __init__(self) -> None:
        self.does = "done"

    def plays(self, what: str) -> None:
        self.does = what


class MemoryBench(Bench):
    def __init__(self) -> None:
        super().__init__()
        self.job = self._job = MemoryJob(MemoryLake(), change=lambda m, result: answer(m) if self._stops else result)
        self._stops = False

    def plays(self, what: str) -> None:
        self._job.away, self._job.raising = what == "away", RAISED if what == "raises" else ""
        self._stops = what == "stopped"


class ResidentBench(Bench):
    """The lab's driver, but for Spark."""

    def __init__(self, folder: Folder) -> None:
        super().__init__()
        self._folder = folder
        self._server: ThreadingHTTPServer | None = None
        self._open(0)
        self.job = ResidentJob(f"http://127.0.0.1:{self._port}", folder)

    def plays(self, what: str) -> None:
        super().plays(what)
        self.close()
        if what != "away":
            self._open(self._port)

    def run(self, uri: str) -> str:
        """What the lab's driver asks of Spark."""
        if self.does == "raises":
            raise ValueError(RAISED)
        return answered(self._folder, uri, self.does)

    def _open(self, port: int) -> None:
        runs: Any = self
        self._server = ThreadingHTTPServer(("127.0.0.1", port), spark_driver.handler(runs))
        self._server.daemon_threads = True
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class KubernetesBench(Bench):
    """A cluster with an operator that takes applications up at once. Time passes only by the job's own pauses;
    `later` happens at the first of them, `haste` makes them longer.
    """

    def __init__(self, cluster: Cluster, folder: Folder, template: dict[str, Any], retry_seconds: float) -> None:
        super().__init__()
        self.cluster, self.folder, self.seconds, self.haste = cluster, folder, 0.0, 1
        self.later: Callable[[], None] = lambda: None
        cluster.operator = self.operator
        self.job = KubernetesJob(template, folder, self._pause, lambda: self.seconds, retry_seconds)

    def plays(self, what: str) -> None:
        super().plays(what)
        self.cluster.answers = [503] * 100 if what == "away" else []

    def operator(self, application: dict[str, Any]) -> None:
        name = application["metadata"]["name"]
        if self.does == "raises":
            stands(application, "FAILED", "driver container failed with ExitCode: 1, Reason: Error")
            ended = container({"terminated": {"exitCode": 1, "reason": "Error"}})
            self.cluster.pods[f"{name}-driver"] = pod(f"{name}-driver", ended)
            self.cluster.logs[f"{name}-driver"] = f"Traceback\nValueError: {RAISED}\n"
            return
        (uri,) = application["spec"]["arguments"]
        answered(self.folder, uri, self.does)
        stands(application, "COMPLETED")

    def _pause(self, seconds: float) -> None:
        self.seconds += seconds * self.haste
        later, self.later = self.later, lambda: None
        later()


def answered(folder: Folder, uri: str, what: str) -> str:
    """The job's part: the manifest is read where the URI says, the result written where the manifest says."""
    body = folder.read(uri.removeprefix(f"{folder.uri}/"))
    assert body is not None
    order = json.decode(body, type=Manifest)
    result = answer(order) if what == "stopped" else Result(run_id=order.run_id, attempt=order.attempt, status="done")
    folder.write(order.result.removeprefix(f"{folder.uri}/"), json.encode(result))
    return order.result


def answer(order: Manifest) -> Result:
    """Upstream did what must not be guessed about."""
    return Result(run_id=order.run_id, attempt=order.attempt, status="stopped", stopped=STOPPED)


@contextmanager
def on_kubernetes(
    folder: Folder, files: Path, template: dict[str, Any] = TEMPLATE, retry_seconds: float = 0
) -> Iterator[KubernetesBench]:
    """The bench and its API server."""
    with kubernetes_api(files) as (cluster, kubeconfig), pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(kubeconfig))
        yield KubernetesBench(cluster, folder, template, retry_seconds)


def told(bench: KubernetesBench, attempt: str = "a1") -> BaseException:
    """How one try ends."""
    with pytest.raises((Retryable, CheckFailed, TypedStop)) as caught:
        bench.job.run(manifest(attempt=attempt, state=bench.folder.uri))
    return caught.value
