"""The images without a registry: the same content on Debian's packages, for a test cluster on one Linux machine.

    python images/debian.py loader OUT.tar         a service, or cli
    python images/debian.py spark OUT.tar          the Spark job, on pip's pyspark and Debian's Java
    python images/debian.py kafka OUT.tar          the broker of the lab's jars, for the chart's local.kafka

It needs root, debootstrap and uv. OUT.tar is a docker-archive (`ctr -n k8s.io images import`, `docker load`,
`kind load image-archive`) of docker.io/local/tidemark-PART:1. What tidemark brings is made by environment.py as in the
Dockerfiles; the base differs: Debian's Python instead of the official image's, and for Spark and Kafka short scripts
instead of those that only their own distributions have.
"""

import argparse
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from functools import partial
from pathlib import Path

import environment

INTERPRETER = "/usr/bin/python3.11"
BASE = ("python3", "ca-certificates")
JAVA = "openjdk-17-jre-headless"
SPARK_BASE = (*BASE, JAVA, "tini", "procps")
KAFKA_SCRIPTS = {"kafka-storage.sh": "kafka.tools.StorageTool", "kafka-server-start.sh": "kafka.Kafka"}
ENTRYPOINT = Path(__file__).parent / "debian-spark-entrypoint.sh"
SERVICE_ENV = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "PYTHONUNBUFFERED": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "MALLOC_ARENA_MAX": "2",
    "HOME": "/tmp",  # noqa: S108 - the one folder that the image may write to
    "LOGNAME": "tidemark",  # the user has a number and no name
    "TIDEMARK_DBT_PROJECT": "/opt/tidemark/dbt",
}
SPARK_ENV = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "SPARK_HOME": "/opt/spark",
    "JAVA_HOME": "/usr/lib/jvm/java-17-openjdk-amd64",
    "PYSPARK_PYTHON": "/opt/tidemark/venv/bin/python",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def bootstrap(root: Path, packages: tuple[str, ...]) -> None:
    """A minimal Debian 12 in `root`."""
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", "bookworm", str(root)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    for waste in ("var/cache/apt/archives", "var/lib/apt/lists"):
        shutil.rmtree(root / waste)


def service(part: str, root: Path) -> dict[str, object]:
    """Fill `root` for a service; the image's configuration."""
    bootstrap(root, BASE)
    environment.build(part, root / "opt/tidemark", INTERPRETER)
    return _config(SERVICE_ENV, "10001:10001", "/tmp", "/opt/tidemark/start")  # noqa: S108


def spark(root: Path) -> dict[str, object]:
    """Fill `root` for the Spark job: Spark from the locked wheel, the jars from the lab's checked cache."""
    from tidemark_lab import jars

    bootstrap(root, SPARK_BASE)
    environment.build(environment.SPARK_PART, root / "opt/tidemark", INTERPRETER)
    with tempfile.TemporaryDirectory() as folder:
        lock = root / "opt/tidemark/requirements.lock"
        environment.install(Path(folder) / "venv", lock)
        packages = next(Path(folder).glob("venv/lib/python*/site-packages"))
        shutil.copytree(packages / "pyspark", root / "opt/spark")
    for jar in jars.ensure("spark").glob("*.jar"):
        shutil.copy(jar, root / "opt/spark/jars")
    _name_user(root, "spark", 185)
    work = root / "opt/spark/work-dir"
    work.mkdir()
    shutil.chown(work, 185, 185)
    shutil.copy(ENTRYPOINT, root / "opt/entrypoint.sh")
    (root / "opt/entrypoint.sh").chmod(0o755)
    return _config(SPARK_ENV, "185:185", "/opt/spark/work-dir", "/opt/entrypoint.sh")


def _name_user(root: Path, name: str, number: int) -> None:
    """Hadoop's client and Ivy ask who they are and where they live."""
    for file, line in (
        ("passwd", f"{name}:x:{number}:{number}::/opt/spark/work-dir:/bin/sh"),
        ("group", f"{name}:x:{number}:"),
    ):
        with (root / "etc" / file).open("a") as entries:
            entries.write(f"{line}\n")


def kafka(root: Path) -> dict[str, object]:
    """Fill `root` for the broker: the two scripts that the chart calls, by their names in Kafka's own image."""
    from tidemark_lab import jars

    bootstrap(root, (JAVA,))
    folder = root / "opt/kafka"
    shutil.copytree(jars.ensure("kafka"), folder / "libs", ignore=shutil.ignore_patterns(".*"))
    (folder / "bin").mkdir()
    for name, main_class in KAFKA_SCRIPTS.items():
        script = folder / "bin" / name
        script.write_text(f"#!/bin/sh\nexec java $KAFKA_HEAP_OPTS -cp '/opt/kafka/libs/*' {main_class} \"$@\"\n")
        script.chmod(0o755)
    return _config({"PATH": "/usr/bin:/bin"}, "1000:1000", "/", "/opt/kafka/bin/kafka-server-start.sh")


def archive(root: Path, config: dict[str, object], name: str, out: Path) -> None:
    """One layer of all in `root` as a docker-archive."""
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        layer = Path(folder) / "layer.tar"
        subprocess.run(["tar", "-C", str(root), "--numeric-owner", "-cf", str(layer), "."], check=True)
        with layer.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        about = {"architecture": "amd64", "os": "linux", "config": config}
        about |= {"rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}}
        text = json.dumps(about).encode()
        image = f"{hashlib.sha256(text).hexdigest()}.json"
        manifest = [{"Config": image, "RepoTags": [name], "Layers": ["layer.tar"]}]
        with tarfile.open(out, "w") as tar:
            _add(tar, image, text)
            _add(tar, "manifest.json", json.dumps(manifest).encode())
            tar.add(layer, "layer.tar")


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _config(variables: dict[str, str], user: str, folder: str, entrypoint: str) -> dict[str, object]:
    env = [f"{name}={value}" for name, value in variables.items()]
    return {"Env": env, "User": user, "WorkingDir": folder, "Entrypoint": [entrypoint]}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="an image archive from Debian's packages")
    parser.add_argument("part", help="a service's name, cli, spark or kafka")
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    out = given.out.resolve()
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        root = Path(folder) / "root"
        fill = {"spark": spark, "kafka": kafka}.get(given.part, partial(service, given.part))
        archive(root, fill(root), f"docker.io/local/tidemark-{given.part}:1", out)
    print(out, file=sys.stderr)  # noqa: T201 - the command's answer


if __name__ == "__main__":
    main()
