"""What `tidemark kind` does, as commands in order. Pure: nothing here runs anything.

Every step can be run again: what stands already is left or brought up to date.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from tidemark_cli.kind import credentials
from tidemark_cli.kind.credentials import NAMESPACE, Credentials

CLUSTER = RELEASE = "tidemark"
CONTEXT = f"kind-{CLUSTER}"
IMAGES = "docker.io/local/tidemark-"
TAG = "dev"
SERVICES = ("ingest-watcher", "spark-submitter", "loader", "transformer", "reconciler", "console", "cli")
PARTS = (*SERVICES, "spark")
OPERATOR = "spark-operator"
OPERATOR_REPOSITORY = "https://kubeflow.github.io/spark-operator"
OPERATOR_VERSION = "2.5.1"
FORWARDS = {  # service: (port here, port there, what)
    "pages": (8081, 8081, "console: http://127.0.0.1:8081"),
    "zipkin": (9411, 9411, "traces: http://127.0.0.1:9411"),
    "prometheus": (9090, 9090, "metrics: http://127.0.0.1:9090"),
    "clickhouse": (8123, 8123, "ClickHouse: http://127.0.0.1:8123"),
    "kafka": (19092, 19092, "Kafka: 127.0.0.1:19092"),
}
KUBECTL = ("kubectl", "--context", CONTEXT)
HELM = ("helm", "--kube-context", CONTEXT)


@dataclass(frozen=True)
class Step:
    """One command, and why. `given`: its standard input, of which only `about` is ever shown."""

    why: str
    command: tuple[str, ...]
    given: str | None = None
    about: str = ""


def up(root: Path, known: Credentials, *, exists: bool) -> list[Step]:
    """From nothing to a release that is ready. `root`: the checkout; `exists`: the cluster is there."""
    return [*([] if exists else [_create(root)]), *load(root), *_install(root, known), *_wait()]


def load(root: Path) -> list[Step]:
    """Build the images from the checkout and bring them into the cluster."""
    built = [Step(f"build {part}", _build(root, part)) for part in PARTS]
    into = ("kind", "load", "docker-image", "--name", CLUSTER)
    return [*built, Step("bring the images into the cluster", (*into, *(_image(part) for part in PARTS)))]


def down() -> list[Step]:
    """Remove the cluster and all in it."""
    return [Step("remove the cluster", ("kind", "delete", "cluster", "--name", CLUSTER))]


def restart() -> list[Step]:
    """Have the services take images that were loaded under the same name."""
    command = (*KUBECTL, "rollout", "restart", "statefulset", "-n", NAMESPACE, "-l", _labels())
    return [Step("restart the services with them", command), *_wait()]


def status() -> list[Step]:
    """What runs."""
    return [
        Step("the release", (*HELM, "status", RELEASE, "-n", NAMESPACE)),
        Step("its pods", (*KUBECTL, "get", "pods,sparkapplications", "-n", NAMESPACE)),
    ]


def forwards() -> list[tuple[str, tuple[str, ...]]]:
    """For each address: what it is, and the command that runs for as long as it is there."""
    command = (*KUBECTL, "port-forward", "--address", "127.0.0.1", "-n", NAMESPACE)
    return [
        (what, (*command, f"service/{RELEASE}-{name}", f"{here}:{there}"))
        for name, (here, there, what) in FORWARDS.items()
    ]


def _create(root: Path) -> Step:
    config = str(root / "kind" / "cluster.yaml")
    return Step("make the cluster", ("kind", "create", "cluster", "--config", config, "--wait", "180s"))


def _build(root: Path, part: str) -> tuple[str, ...]:
    name = "spark" if part == "spark" else "service"
    chosen = () if part == "spark" else ("--build-arg", f"SERVICE={part}")
    return (
        "docker",
        "build",
        "--file",
        str(root / "images" / f"{name}.Dockerfile"),
        *chosen,
        "--tag",
        _image(part),
        str(root),
    )


def _image(part: str) -> str:
    return f"{IMAGES}{part}:{TAG}"


def _install(root: Path, known: Credentials) -> list[Step]:
    chart = root / "helm" / "tidemark"
    apply = (*KUBECTL, "apply", "--server-side", "--force-conflicts", "--filename", "-")
    install = (*HELM, "upgrade", "--install", "--timeout", "15m")
    operator = (OPERATOR, OPERATOR, "--repo", OPERATOR_REPOSITORY, "--version", OPERATOR_VERSION)
    there = ("-n", OPERATOR, "--values", str(root / "kind" / "spark-operator.yaml"))
    here = ("-n", NAMESPACE, "--values", str(chart / "values-kind.yaml"), "--values", "-")
    return [
        Step("make the namespaces, restricted", apply, namespaces(), "two namespaces"),
        Step("install the Spark Operator", (*install, *operator, *there, "--wait")),
        Step("make the Secrets", apply, credentials.secrets(known), "three Secrets"),
        Step(
            "install tidemark",
            (*install, RELEASE, str(chart), *here),
            credentials.values(known),
            "values from kind/secrets.toml",
        ),
    ]


def _wait() -> list[Step]:
    command = (*KUBECTL, "rollout", "status", "statefulset", "-n", NAMESPACE, "-l", _labels(), "--timeout", "10m")
    return [Step("wait until every stage has its partitions", command)]


def _labels() -> str:
    return f"app.kubernetes.io/instance={RELEASE}"


def namespaces() -> str:
    """The release's and the operator's, as JSON; their pods are held to the restricted profile."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    items = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        for name in (NAMESPACE, OPERATOR)
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
