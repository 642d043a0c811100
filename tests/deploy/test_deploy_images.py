"""What is in the images: a part's packages from the lock, checked by their hashes, and the jars of the lock."""

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from rendered_chart import ROOT, WORKERS, on_kind, pods

from tidemark_cli.kind.plan import PARTS, SERVICES

sys.path.insert(0, str(ROOT / "images"))
import debian
import environment

DOCKERFILES = sorted((ROOT / "images").glob("*.Dockerfile"))
PART = "ingest-watcher"  # the smallest


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a service's image holds, made as in the Dockerfile, with this machine's interpreter."""
    target = tmp_path_factory.mktemp("image") / "tidemark"
    environment.build(PART, target, os.path.realpath(sys.executable))
    return target


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_hadolint(path: Path) -> None:
    """No rule of hadolint is broken, and none is switched off."""
    said = subprocess.run([Path(sys.executable).parent / "hadolint", path], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, "")
    assert "hadolint ignore" not in path.read_text()


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_images_do_not_run_as_root(path: Path) -> None:
    """The last USER is a number, which Kubernetes can see is not root's."""
    assert re.findall(r"^USER (\S+)", path.read_text(), re.MULTILINE)[-1] in ("10001:10001", "185:185")


def test_jars_are_those_of_the_lock() -> None:
    """Each jar of the lab's lock, with its sum, and no other."""
    text = re.sub(r" \\\n\s+", " ", (ROOT / "images" / "spark.Dockerfile").read_text())
    added = re.findall(
        r"^ADD .*--checksum=sha256:(\S+) https://repo1\.maven\.org/maven2/(\S+\.jar)", text, re.MULTILINE
    )
    assert [f"{path} {digest}" for digest, path in added] == environment.JARS_LOCK.read_text().split("\n")[:-1]


def test_sparks_version_is_the_jobs() -> None:
    """Image, chart and the job's own dependency name one Spark."""
    wanted = re.findall(r"pyspark==([\d.]+)", (ROOT / "services/spark-submitter/job/pyproject.toml").read_text())
    base = re.findall(r"spark:([\d.]+)-", (ROOT / "images" / "spark.Dockerfile").read_text())
    chart = re.findall(r"^  version: ([\d.]+)", (ROOT / "helm/tidemark/values.yaml").read_text(), re.MULTILINE)
    assert wanted == base == chart


def test_every_image_that_the_chart_names_is_built() -> None:
    """Services, the command line and Spark; the parts are packages of the workspace."""
    named = {c["image"] for _, pod in pods(on_kind()) for c in pod["spec"]["containers"]}
    ours = {image.split("/tidemark-")[1].split(":")[0] for image in named if "/tidemark-" in image}
    assert ours | {"spark"} == set(PARTS) == {*WORKERS, "cli", "spark"}
    assert {f"tidemark-{part}" for part in (*SERVICES, environment.SPARK_PART)} <= set(environment.packages())


@pytest.mark.parametrize("part", [*SERVICES, environment.SPARK_PART])
def test_an_image_holds_its_own_packages_alone(part: str) -> None:
    """No other service, no lab; the command line where it is asked. What a part needs comes with it."""
    names = {folder.name for folder in environment.needed(part)}
    assert not names & {*WORKERS, "lab"} - {part}
    assert ("cli" in names) == (part in ("cli", "console"))
    assert part == environment.SPARK_PART or "common" in names


def test_a_lock_that_lacks_a_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is installed whose hash nobody has written down."""
    short = tmp_path / "requirements.lock"
    blocks = re.split(r"^(?=\S)", environment.LOCK.read_text(), flags=re.MULTILINE)
    short.write_text("".join(block for block in blocks if not block.startswith("certifi==")))
    monkeypatch.setattr(environment, "LOCK", short)
    with pytest.raises(SystemExit, match="lacks certifi"):
        environment.locked("httpx")


@pytest.mark.lab
def test_the_images_lock_is_part_of_the_workspaces(image: Path) -> None:
    """The same versions and hashes, and only what this part needs."""
    blocks = re.split(r"^(?=\S)", (image / "requirements.lock").read_text(), flags=re.MULTILINE)
    whole = set(re.split(r"^(?=\S)", environment.LOCK.read_text(), flags=re.MULTILINE))
    names = {block.split("==")[0] for block in blocks}
    assert set(blocks) <= whole
    assert {"confluent-kafka", "pyiceberg"} <= names
    assert not names & {"dbt-core", "snowflake-connector-python", "pyspark", "pytest", "moto"}


@pytest.mark.lab
def test_the_image_starts_its_service(image: Path) -> None:
    """Without settings it names those that are missing, and ends with 2."""
    bare = {"PATH": "/usr/bin:/bin"}
    said = subprocess.run([image / "start"], capture_output=True, text=True, check=False, env=bare)
    assert said.returncode == 2, said.stderr
    assert "TIDEMARK_KAFKA_BOOTSTRAP is missing" in said.stderr


@pytest.mark.lab
def test_a_start_compiles_no_module(image: Path) -> None:
    """What a service imports lies compiled in its image, where nothing can be written."""
    asked = (
        "import ingest_watcher.__main__, pathlib, sys; "
        "cached = [getattr(m, '__cached__', None) for m in list(sys.modules.values())]; "
        "inside = [pathlib.Path(c) for c in cached if c and c.startswith(sys.prefix)]; "
        "print(len(inside), [str(c) for c in inside if not c.exists()])"
    )
    environment_ = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    said = subprocess.check_output([image / "venv/bin/python", "-c", asked], text=True, env=environment_)
    number, missing = said.split(maxsplit=1)
    assert (int(number) > 500, missing) == (True, "[]\n")


@pytest.mark.lab
def test_the_sbom_names_what_is_installed(image: Path) -> None:
    """Valid CycloneDX 1.6, each package of the lock with its version and address."""
    text = (image / "sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    found = {(c["name"].lower().replace("_", "-"), c["version"]) for c in json.loads(text)["components"]}
    lock = re.findall(r"^(\S+)==(\S+)", (image / "requirements.lock").read_text(), re.MULTILINE)
    assert {(name.lower().replace(".", "-"), version) for name, version in lock} <= {
        (name.replace(".", "-"), version) for name, version in found
    }
    assert ("tidemark-ingest-watcher", "0.1.0") in found


def test_an_archive_is_an_image(tmp_path: Path) -> None:
    """A docker-archive: the manifest names configuration and layers, and the configuration the layers' sums."""
    layers = []
    for name in ("debian", "loader"):
        (tmp_path / name / "opt").mkdir(parents=True)
        (tmp_path / name / "opt" / name).write_text(name)
        layers.append(debian.pack(tmp_path / name))
    config, out = {"User": "10001:10001", "Entrypoint": ["/opt/start"]}, tmp_path / "out.tar"
    debian.archive(layers, config, "docker.io/local/tidemark-loader:1", out)
    with tarfile.open(out) as tar:
        files = {name: tar.extractfile(name).read() for name in tar.getnames()}  # type: ignore[union-attr]
    (manifest,) = json.loads(files["manifest.json"])
    about = json.loads(files[manifest["Config"]])
    assert manifest["RepoTags"] == ["docker.io/local/tidemark-loader:1"]
    assert manifest["Config"] == f"{hashlib.sha256(files[manifest['Config']]).hexdigest()}.json"
    assert about["config"] == config
    sums = [f"sha256:{hashlib.sha256(files[layer]).hexdigest()}" for layer in manifest["Layers"]]
    assert about["rootfs"]["diff_ids"] == sums
    assert [layer.read_bytes() for layer in layers] == [files[layer] for layer in manifest["Layers"]]


def test_debians_images_are_set_up_as_the_dockerfiles() -> None:
    """User, variables and entrypoint; the paths of Python and Java alone differ."""
    text = (ROOT / "images" / "service.Dockerfile").read_text()
    block = re.search(r"^ENV (.*?[^\\])$", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    said = dict(entry.split("=", 1) for entry in block[1].replace("\\\n", " ").split())
    assert said == {name: value for name, value in debian.SERVICE_ENV.items() if name != "PATH"}
