"""The chain in a cluster, as the deep check's tests see it: the lab's stores outside, Kafka and services in pods."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from chain_on_the_lab import Chain
from kube_cluster import FORWARDED, Object, Place, Release, kubectl, objects

from tidemark.errors import Retryable
from tidemark.settings import KafkaSettings, LakeSettings, load
from tidemark.tables import registry
from tidemark_cli.kind.credentials import NAMESPACE
from tidemark_cli.kind.plan import RELEASE
from tidemark_cli.lab import wait_until_reconciled
from tidemark_lab import lab
from tidemark_lab.initialise import InitialiseSettings, create_bucket

LONGEST_SECONDS = 1800.0  # on a machine that others use too
STORES = ("store", "warehouse", "clickhouse", "traces")
RELAYED = ("TIDEMARK_S3_ENDPOINT", "TIDEMARK_OTLP_ENDPOINT", "TIDEMARK_SNOWFLAKE_PORT", "TIDEMARK_CLICKHOUSE_PORT")


class KubeChain(Chain):
    """A lab's stores in `home`, the services in pods. Only requests cut runs."""

    def __init__(self, home: Path, release: Release) -> None:
        self.release = release
        super().__init__(home)

    def connect(self) -> None:
        """The lab's addresses, but the cluster's broker by its forwarded port."""
        os.environ.update(lab.environment(self.home) | {"TIDEMARK_KAFKA_BOOTSTRAP": FORWARDED})
        self.kafka, self.lake, self._catalog = load(KafkaSettings), load(LakeSettings), None

    def upstream(self, *arguments: str, wait: bool = True) -> None:
        """The source takes a step, and a run of each dataset is asked for."""
        super().upstream(*arguments, wait=False)
        for dataset in registry().datasets:
            self.tidemark("publish", "--dataset", dataset)
        if wait:
            self.reconciled()

    def reconciled(self) -> None:
        """Wait until all that the source holds stands in a run that has ended. The forwarded port may break off."""
        deadline = time.monotonic() + LONGEST_SECONDS
        while True:
            try:
                return wait_until_reconciled()
            except (Retryable, typer.Exit):
                assert time.monotonic() < deadline, f"not reconciled after {LONGEST_SECONDS:.0f} s"

    def application_at(self, state: str, seconds: float = 300) -> Object:
        """The newest SparkApplication once it is in this state."""

        def found() -> Object | None:
            every = sorted(objects("sparkapplications"), key=lambda a: str(a["metadata"]["creationTimestamp"]))
            return every[-1] if every and state_of(every[-1]) == state else None

        return dict(self.wait_for(found, f"a SparkApplication is {state or 'new'}", seconds))


def state_of(application: Object) -> str:
    """The operator's word."""
    return str(application.get("status", {}).get("applicationState", {}).get("state", ""))


def end_pod(name: str) -> None:
    """SIGTERM, and SIGKILL a second later; gone when it returns."""
    kubectl("delete", "pod", name, "--grace-period=1", "--wait=true")


@contextmanager
def chain_of(place: Place, home: Path) -> Iterator[KubeChain]:
    """The lab's stores, a relay to them, and the release with its broker forwarded; the images must be there."""
    before = dict(os.environ)
    known = lab.up(home, only=STORES)
    os.environ.update(known)
    create_bucket(load(InitialiseSettings))
    ports = [known[name].rsplit(":", 1)[-1].split("/")[0] for name in RELAYED]
    relay = [sys.executable, str(Path(__file__).with_name("relay.py")), place.address, *ports]
    relaying = subprocess.Popen(relay)
    try:
        release = Release(place, known, home)
        release.install()
        with _forwarded():
            yield KubeChain(home, release)
    finally:
        relaying.terminate()
        lab.down(home)
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _forwarded() -> Iterator[None]:
    """The broker's port on this machine; a forwarding that breaks off is begun anew."""
    words = ("port-forward", "--address", "127.0.0.1", "-n", NAMESPACE, f"service/{RELEASE}-kafka", "19092")
    ended = threading.Event()
    running: list[subprocess.Popen[bytes]] = []

    def forward() -> None:
        while not ended.is_set():
            running[:] = [subprocess.Popen(["kubectl", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)]
            running[0].wait()
            time.sleep(0.5)

    thread = threading.Thread(target=forward, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        for process in running:
            process.terminate()
        thread.join()


def run_in_pod(pod: Object) -> str:
    """Run a pod to its end; its log. AssertionError: it does not end."""
    name = pod["metadata"]["name"]
    kubectl("apply", "--server-side", "-f", "-", given=json.dumps(pod))
    try:
        ended = "--for=jsonpath={.status.containerStatuses[0].state.terminated.exitCode}"
        kubectl("wait", f"pod/{name}", ended, "--timeout", "180s")
        return kubectl("logs", name)
    finally:
        kubectl("delete", "pod", name, "--wait=true")
