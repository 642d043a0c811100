"""A cluster for the deep check: its commands, and tidemark on it, installed as `tidemark kind up` does it.

What differs: images come from Debian's packages (images/debian.py), and what no such image can be made for is left out
(ClickHouse, the collector, Zipkin, Prometheus); the speed layer and the traces' place are the lab's. The rest says
tests/kube/README.md.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidemark_cli.kind import credentials, plan
from tidemark_cli.kind.credentials import NAMESPACE, ClickHouse, Credentials, Lake, Snowflake

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "tidemark"
OPERATOR_NAMESPACE = "spark-operator"
OPERATOR = f"{OPERATOR_NAMESPACE}-controller"
PARTS = (*plan.PARTS, "kafka")
LEFT_OUT = ("clickhouse", "collector", "zipkin", "prometheus")
FORWARDED = "127.0.0.1:19092"
WAIT = "600s"
Object = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where the check runs: KUBE_CHECK_* (tests/kube/README.md). `operator`: the folder of the Spark Operator's chart
    and its program; None: both from its repository."""

    address: str
    load: tuple[str, ...]
    images: Path | None
    operator: tuple[Path, Path] | None

    @staticmethod
    def of_environment() -> "Place":
        """AssertionError says what is missing."""
        needed = ("KUBECONFIG", "KUBE_CHECK_ADDRESS", "KUBE_CHECK_LOAD")
        missing = [name for name in needed if not os.environ.get(name)]
        assert not missing, f"{', '.join(missing)} not set: tests/kube/README.md says what the check needs"
        names = ("KUBE_CHECK_OPERATOR_CHART", "KUBE_CHECK_OPERATOR_PROGRAM")
        chart, program = (os.environ.get(name) for name in names)
        images = os.environ.get("KUBE_CHECK_IMAGES")
        return Place(
            address=os.environ["KUBE_CHECK_ADDRESS"],
            load=tuple(shlex.split(os.environ["KUBE_CHECK_LOAD"])),
            images=Path(images) if images else None,
            operator=(Path(chart), Path(program)) if chart and program else None,
        )

    @property
    def parts(self) -> tuple[str, ...]:
        """The images that it needs."""
        return (*PARTS, "spark-operator") if self.operator else PARTS


def run(*words: str, given: str | None = None) -> str:
    """A command's answer; AssertionError with all it said if it failed. `make setup`'s programs go before others."""
    places = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    program = shutil.which(words[0], path=places)
    assert program is not None, f"{words[0]} is missing"
    said = subprocess.run([program, *words[1:]], input=given or "", capture_output=True, text=True, check=False)
    assert said.returncode == 0, f"{shlex.join(words)}: {said.stdout}{said.stderr}"
    return said.stdout


def kubectl(*words: str, given: str | None = None) -> str:
    """Run kubectl in the release's namespace, unless the words name another."""
    return run("kubectl", *(() if "-n" in words or "-A" in words else ("-n", NAMESPACE)), *words, given=given)


def objects(kind: str, *words: str) -> list[Object]:
    """The objects of a kind as the API has them."""
    return list(json.loads(kubectl("get", kind, *words, "-o", "json"))["items"])


def build_images(place: Place, folder: Path) -> None:
    """The archives of all parts in `folder`."""
    operator = ("--operator", str(place.operator[1])) if place.operator else ()
    run(sys.executable, str(ROOT / "images" / "debian.py"), str(folder), *place.parts, *operator)


def load_images(place: Place, folder: Path) -> None:
    """Bring the archives into the cluster."""
    for part in place.parts:
        run(*place.load, str(folder / f"{part}.tar"))


def install_operator(place: Place) -> None:
    """The namespaces, both restricted, and the Spark Operator."""
    kubectl("apply", "--server-side", "-f", "-", given=plan.namespaces())
    repository = (plan.OPERATOR, "--repo", plan.OPERATOR_REPOSITORY, "--version", plan.OPERATOR_VERSION)
    chart: tuple[str, ...] = (str(place.operator[0]),) if place.operator else repository
    run(
        "helm", *operator_words("upgrade", "--install", plan.OPERATOR, *chart, place=place), "--wait", "--timeout", WAIT
    )


def operator_words(*words: str, place: Place) -> tuple[str, ...]:
    """helm's words with the operator's values."""
    image = "image.registry=docker.io,image.repository=local/tidemark-spark-operator,image.tag=1"
    own = ("--set", image) if place.operator else ()
    return (*words, "-n", OPERATOR_NAMESPACE, "--values", str(ROOT / "kind" / "spark-operator.yaml"), *own)


def known(place: Place, lab: Mapping[str, str]) -> Credentials:
    """kind/secrets.toml for the lab's stand-ins, as pods reach them."""
    at = f"http://{place.address}:"
    store = at + lab["TIDEMARK_S3_ENDPOINT"].rsplit(":", 1)[1]
    return Credentials(
        lake=Lake(
            warehouse=lab["TIDEMARK_LAKE_WAREHOUSE"],
            state=lab["TIDEMARK_LAKE_STATE"],
            region=lab["TIDEMARK_AWS_REGION"],
            access_key_id="lab",
            secret_access_key="lab",
            glue_endpoint=store,
            s3_endpoint=store,
        ),
        snowflake=Snowflake(
            account=lab["TIDEMARK_SNOWFLAKE_ACCOUNT"],
            user=lab["TIDEMARK_SNOWFLAKE_USER"],
            password=lab["TIDEMARK_SNOWFLAKE_PASSWORD"],
            host=place.address,
            port=int(lab["TIDEMARK_SNOWFLAKE_PORT"]),
            protocol="http",
        ),
        clickhouse=ClickHouse(password="any"),
    )


def overlay(place: Place, lab: Mapping[str, str]) -> str:
    """The values beside values-kind.yaml and those of the credentials, as JSON. Only `publish` cuts a run."""
    traces = lab["TIDEMARK_OTLP_ENDPOINT"].removeprefix("http://127.0.0.1")
    off = {name: {"enabled": False} for name in LEFT_OUT}
    found = {
        "images": {"tag": "1"},
        "local": {"storage": "", "kafka": {"image": f"{plan.IMAGES}kafka:1"}} | off,
        "clickhouse": {"host": place.address, "port": int(lab["TIDEMARK_CLICKHOUSE_PORT"]), "secure": False},
        "traces": {"endpoint": f"http://{place.address}{traces}"},
        "workers": {"ingest-watcher": {"env": {"TIDEMARK_SETTLE_SECONDS": "600", "TIDEMARK_MAX_WAIT_SECONDS": "900"}}},
    }
    return json.dumps(found)


class Release:
    """tidemark on the cluster, with the lab's stores. `files`: a folder for its values."""

    def __init__(self, place: Place, lab: Mapping[str, str], files: Path) -> None:
        self.place, self._secrets = place, credentials.secrets(known(place, lab))
        self._values = [CHART / "values-kind.yaml", files / "credentials.json", files / "overlay.json"]
        self._values[1].write_text(credentials.values(known(place, lab)))
        self._values[2].write_text(overlay(place, lab))

    def words(self, *words: str, settings: tuple[str, ...] = ()) -> tuple[str, ...]:
        """helm's words with the release's values and `settings`."""
        files = [word for path in self._values for word in ("--values", str(path))]
        return ("helm", *words, "-n", NAMESPACE, *files, *(w for setting in settings for w in ("--set", setting)))

    def install(self, *settings: str) -> None:
        """Install or upgrade, and wait until every stage has its partitions."""
        self.begin(*settings)
        self.wait()

    def begin(self, *settings: str) -> None:
        """Install or upgrade; the hooks have ended when it returns."""
        kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=self._secrets)
        words = ("upgrade", "--install", plan.RELEASE, str(CHART), "--timeout", WAIT)
        run(*self.words(*words, settings=settings))

    def wait(self) -> None:
        """Until every stage has its partitions."""
        label = f"app.kubernetes.io/instance={plan.RELEASE}"
        kubectl("rollout", "status", "statefulset", "-l", label, "--timeout", WAIT)


def remove() -> None:
    """Both namespaces, first the one whose objects the operator lets go."""
    for namespace in (NAMESPACE, OPERATOR_NAMESPACE):
        run("kubectl", "delete", "namespace", namespace, "--ignore-not-found", "--timeout", WAIT)
