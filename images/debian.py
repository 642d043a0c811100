"""The images without a registry: the same content on Debian's packages, for a test cluster on one Linux machine.

    python images/debian.py OUT loader transformer     services, or cli
    python images/debian.py OUT spark                  the Spark job, on pip's pyspark and Debian's Java
    python images/debian.py OUT kafka                  the broker of the lab's jars, for the chart's local.kafka
    python images/debian.py OUT spark-operator --operator BINARY     the Spark Operator, from its own built program

It needs root, debootstrap and uv. OUT/PART.tar is a docker-archive (`ctr -n k8s.io images import`, `docker load`,
`kind load image-archive`) of docker.io/local/tidemark-PART:1: a layer of Debian, which parts with the same packages
share, and one of their own. What tidemark brings is made by environment.py as in the Dockerfiles; the base differs:
Debian's Python instead of the official image's, and for Spark and Kafka short scripts instead of those that only their
own distributions have. To add a part that is no service: a function and its packages in `OTHERS`.
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
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

import environment

INTERPRETER = "/usr/bin/python3.11"
BASE = ("python3", "ca-certificates")
JAVA = "openjdk-17-jre-headless"
SPARK_BASE = (*BASE, JAVA, "tini", "procps")
TINI = ("/usr/bin/tini", "-s", "--")
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
Config = dict[str, object]
Fill = Callable[[Path, Path], Config]  # Debian's folder, the folder to fill


def bootstrap(root: Path, packages: tuple[str, ...]) -> None:
    """A minimal Debian 12 in `root`."""
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", "bookworm", str(root)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    for waste in ("var/cache/apt/archives", "var/lib/apt/lists"):
        shutil.rmtree(root / waste)


def service(part: str, _debian: Path, root: Path) -> Config:
    """Fill `root`, the layer above `debian`, for a service; the image's configuration. So do the ones below."""
    environment.build(part, root / "opt/tidemark", INTERPRETER)
    return _config(SERVICE_ENV, "10001:10001", "/tmp", ["/opt/tidemark/start"])  # noqa: S108


def spark(debian: Path, root: Path) -> Config:
    """The Spark job: Spark from the locked wheel, the jars from the lab's checked cache."""
    from tidemark_lab import jars

    environment.build(environment.SPARK_PART, root / "opt/tidemark", INTERPRETER)
    _put_spark(debian, root, root / "opt/tidemark/requirements.lock")
    for jar in jars.ensure("spark").glob("*.jar"):
        shutil.copy(jar, root / "opt/spark/jars")
    shutil.copy(ENTRYPOINT, root / "opt/entrypoint.sh")
    (root / "opt/entrypoint.sh").chmod(0o755)
    return _config(SPARK_ENV, "185:185", "/opt/spark/work-dir", ["/opt/entrypoint.sh"])


def spark_operator(binary: Path, debian: Path, root: Path) -> Config:
    """The Spark Operator's program, beside the Spark whose spark-submit it calls."""
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder) / "lock"
        lock.write_text(environment.locked(environment.third_party(environment.SPARK_PART)))
        _put_spark(debian, root, lock)
    (root / "usr/bin").mkdir(parents=True)
    shutil.copy(binary, root / "usr/bin/spark-operator")
    return _config(SPARK_ENV, "185:185", "/opt/spark/work-dir", [*TINI, "/usr/bin/spark-operator"])


def _put_spark(debian: Path, root: Path, lock: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment.install(Path(folder) / "venv", lock)
        packages = next(Path(folder).glob("venv/lib/python*/site-packages"))
        shutil.copytree(packages / "pyspark", root / "opt/spark")
    work = root / "opt/spark/work-dir"
    work.mkdir()
    shutil.chown(work, 185, 185)
    _name_user(debian, root, "spark", 185)


def _name_user(debian: Path, root: Path, name: str, number: int) -> None:
    """Hadoop's client and Ivy ask who they are and where they live."""
    (root / "etc").mkdir()
    for file, line in (
        ("passwd", f"{name}:x:{number}:{number}::/opt/spark/work-dir:/bin/sh"),
        ("group", f"{name}:x:{number}:"),
    ):
        (root / "etc" / file).write_text(f"{(debian / 'etc' / file).read_text()}{line}\n")


def kafka(_debian: Path, root: Path) -> Config:
    """The broker: the two scripts that the chart calls, by their names in Kafka's own image."""
    from tidemark_lab import jars

    folder = root / "opt/kafka"
    shutil.copytree(jars.ensure("kafka"), folder / "libs", ignore=shutil.ignore_patterns(".*"))
    (folder / "bin").mkdir()
    for name, main_class in KAFKA_SCRIPTS.items():
        script = folder / "bin" / name
        script.write_text(f"#!/bin/sh\nexec java $KAFKA_HEAP_OPTS -cp '/opt/kafka/libs/*' {main_class} \"$@\"\n")
        script.chmod(0o755)
    return _config({"PATH": "/usr/bin:/bin"}, "1000:1000", "/", ["/opt/kafka/bin/kafka-server-start.sh"])


def archive(layers: Sequence[Path], config: Config, name: str, out: Path) -> None:
    """A docker-archive of layers (tar files, the lowest first)."""
    about = {"architecture": "amd64", "os": "linux", "config": config}
    about |= {"rootfs": {"type": "layers", "diff_ids": [f"sha256:{_digest(layer)}" for layer in layers]}}
    text = json.dumps(about).encode()
    image = f"{hashlib.sha256(text).hexdigest()}.json"
    names = [f"layer-{number}.tar" for number, _ in enumerate(layers)]
    with tarfile.open(out, "w") as tar:
        _add(tar, image, text)
        _add(tar, "manifest.json", json.dumps([{"Config": image, "RepoTags": [name], "Layers": names}]).encode())
        for inside, layer in zip(names, layers, strict=True):
            tar.add(layer, inside)


def pack(root: Path) -> Path:
    """All in `root` as a tar file beside it."""
    layer = root.with_suffix(".tar")
    subprocess.run(["tar", "-C", str(root), "--numeric-owner", "-cf", str(layer), "."], check=True)
    return layer


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _config(variables: dict[str, str], user: str, folder: str, entrypoint: list[str]) -> Config:
    env = [f"{name}={value}" for name, value in variables.items()]
    return {"Env": env, "User": user, "WorkingDir": folder, "Entrypoint": entrypoint}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="image archives from Debian's packages")
    parser.add_argument("out", type=Path)
    parser.add_argument("parts", nargs="+", help="services' names, cli, spark, kafka or spark-operator")
    parser.add_argument("--operator", type=Path, help="the Spark Operator's program, for spark-operator")
    given = parser.parse_args()
    others: dict[str, tuple[tuple[str, ...], Fill]] = {
        "spark": (SPARK_BASE, spark),
        "kafka": ((JAVA,), kafka),
        "spark-operator": (SPARK_BASE, partial(spark_operator, given.operator)),
    }
    out = given.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as folder:
        debian = cache(partial(_debian, Path(folder)))
        for part in given.parts:
            packages, fill = others.get(part, (BASE, partial(service, part)))
            _build(part, debian(packages), fill, Path(folder) / part, out / f"{part}.tar")


def _debian(folder: Path, packages: tuple[str, ...]) -> tuple[Path, Path]:
    """A Debian with these packages, and its layer."""
    root = Path(tempfile.mkdtemp(dir=folder)) / "debian"
    bootstrap(root, packages)
    return root, pack(root)


def _build(part: str, below: tuple[Path, Path], fill: Fill, root: Path, out: Path) -> None:
    debian, layer = below
    root.mkdir()
    config = fill(debian, root)
    archive([layer, pack(root)], config, f"docker.io/local/tidemark-{part}:1", out)
    shutil.rmtree(root)
    print(out, file=sys.stderr)  # noqa: T201 - the command's answer


if __name__ == "__main__":
    main()
