"""The chart as helm renders it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "tidemark"
KIND = CHART / "values-kind.yaml"
WORKERS = ("ingest-watcher", "spark-submitter", "loader", "transformer", "reconciler", "console")
PRODUCTION = (
    "kafka.bootstrap=b1.example:9094\\,b2.example:9094",
    "kafka.securityProtocol=SASL_SSL",
    "kafka.saslMechanism=SCRAM-SHA-512",
    "kafka.secret=the-kafka",
    "kafka.caSecret=the-ca",
    "snowflake.account=org-account",
    "snowflake.user=TIDEMARK",
    "clickhouse.host=speed.example",
    "clickhouse.secret=the-clickhouse",
)
ON_KIND = ("snowflake.account=org-account", "snowflake.user=TIDEMARK")
EXPOSED = (
    "console.exposed=true",
    "console.secret=the-console",
    "console.url=https://t.example.org",
    "console.oidcIssuer=https://id.example.org",
    "console.oidcClient=tidemark",
    "console.actors=@example.org",
)
Object = dict[str, Any]


def helm(*words: str) -> subprocess.CompletedProcess[str]:
    """Run helm, `make setup`'s own before any other."""
    places = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    program = shutil.which("helm", path=places)
    assert program is not None, "helm is missing: `make setup` brings it"
    return subprocess.run([program, *words], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def template(values: Sequence[Path] = (), settings: Sequence[str] = PRODUCTION) -> subprocess.CompletedProcess[str]:
    """`helm template` of a release `tm` in the namespace `shop`."""
    files = [word for path in values for word in ("--values", str(path))]
    sets = [word for setting in settings for word in ("--set", setting)]
    return helm("template", "tm", str(CHART), "--namespace", "shop", *files, *sets)


@cache
def rendered(values: tuple[Path, ...] = (), settings: tuple[str, ...] = PRODUCTION) -> tuple[Object, ...]:
    """All objects, hooks and tests too."""
    said = template(values, settings)
    assert said.returncode == 0, said.stderr
    return tuple(found for found in yaml.load_all(said.stdout, yaml.CSafeLoader) if found)


def production(*more: str) -> tuple[Object, ...]:
    """What production gets; `more`: settings beside those that are needed."""
    return rendered((), (*PRODUCTION, *more))


def on_kind() -> tuple[Object, ...]:
    """What a cluster of one's own machine gets."""
    return rendered((KIND,), ON_KIND)


def of_kind(objects: Sequence[Object], kind: str) -> dict[str, Object]:
    """The objects of a kind, by name less the release's."""
    return {o["metadata"]["name"].removeprefix("tm-"): o for o in objects if o["kind"] == kind}


def pods(objects: Sequence[Object]) -> Iterator[tuple[str, Object]]:
    """Every pod's name and template, of whatever object."""
    for found in objects:
        name = found["metadata"]["name"].removeprefix("tm-")
        if found["kind"] == "Pod":
            yield name, found
        elif "template" in found.get("spec", {}):
            yield name, found["spec"]["template"]


def application(objects: Sequence[Object]) -> Object:
    """The SparkApplication that the submitter reads."""
    found: Object = yaml.safe_load(
        of_kind(objects, "ConfigMap")["spark-submitter-file"]["data"]["spark-application.yaml"]
    )
    return found


def labels(component: str) -> dict[str, str]:
    """A pod's labels, as policies look at them."""
    return {
        "app.kubernetes.io/name": "tidemark",
        "app.kubernetes.io/instance": "tm",
        "app.kubernetes.io/component": component,
    }


def environment(objects: tuple[Object, ...], worker: str) -> dict[str, Any]:
    """A worker's settings, as its ConfigMap gives them."""
    return dict(of_kind(objects, "ConfigMap")[worker]["data"])


def policies_of(objects: tuple[Object, ...]) -> list[Object]:
    """The NetworkPolicies."""
    return list(of_kind(objects, "NetworkPolicy").values())
