"""Brings the jars of the lab (Kafka, Iceberg for Spark, Zipkin) and of its tests into a cache outside the checkout.

Each set is a lock file in `locks/`: one line per jar, its path in a Maven repository and its sha256 sum. The Ivy that
comes inside pyspark fetches exactly those, into a temporary folder; what has the right sum is renamed into the cache.
To add a set: a lock file, and its name in `SETS`. `python -m tidemark_lab.jars` brings all of them.
"""

import fcntl
import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from xml.sax.saxutils import quoteattr

from tidemark_lab import java
from tidemark_lab.errors import LabError

SETS = ("kafka", "spark", "zipkin", "tests")
FETCH_SECONDS = 900


@dataclass(frozen=True)
class Jar:
    """One line of a lock."""

    group: str
    artifact: str
    version: str
    classifier: str
    sha256: str

    @property
    def name(self) -> str:
        return f"{self.artifact}-{self.version}{'-' if self.classifier else ''}{self.classifier}.jar"


def cache_folder() -> Path:
    """TIDEMARK_CACHE, or ~/.cache/tidemark."""
    return Path(os.environ.get("TIDEMARK_CACHE") or Path.home() / ".cache" / "tidemark").expanduser().resolve()


def folder(name: str) -> Path:
    """Where a set lies once `ensure` has returned: a folder for each lock, since all in it is on a classpath."""
    return cache_folder() / "jars" / f"{name}-{hashlib.sha256(_lock(name).encode()).hexdigest()[:8]}"


def locked(name: str) -> list[Jar]:
    """The jars of a set as its lock names them."""
    return [_parse(line) for line in _lock(name).splitlines() if line.strip()]


def ensure(name: str, say: Callable[[str], None] = lambda _: None) -> Path:
    """The folder of a set, complete and checked; safe with two at once. LabError: a jar cannot be had as locked."""
    target, wanted = folder(name), locked(name)
    target.mkdir(parents=True, exist_ok=True)
    with _exclusive(target.with_suffix(".lock")):
        stamp = target / ".checked"
        if stamp.is_file() and stamp.read_text() == _state(target, wanted):
            return target
        missing = [jar for jar in wanted if not _is_right(target / jar.name, jar)]
        if missing:
            say(f"fetching {len(missing)} jars of {name}")
            _fetch(missing, target)
        stamp.write_text(_state(target, wanted))
    return target


def _lock(name: str) -> str:
    return resources.files("tidemark_lab").joinpath(f"locks/{name}.lock").read_text()


def _parse(line: str) -> Jar:
    path, digest = line.split()
    *group, artifact, version, file_name = path.split("/")
    match = re.fullmatch(rf"{re.escape(artifact)}-{re.escape(version)}(?:-(.+))?\.jar", file_name)
    if not match:
        raise LabError("jars", f"the lock names a file of another artifact: {path}")
    return Jar(".".join(group), artifact, version, match.group(1) or "", digest)


def _state(target: Path, wanted: list[Jar]) -> str:
    """Cheap to compare at every start: sizes and sums as they were when the sums were last computed."""
    sizes = [(target / jar.name).stat().st_size if (target / jar.name).is_file() else -1 for jar in wanted]
    return "".join(f"{jar.name} {jar.sha256} {size}\n" for jar, size in zip(wanted, sizes, strict=True))


def _is_right(path: Path, jar: Jar) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fetch(missing: list[Jar], target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as temporary:
        work = Path(temporary)
        (work / "ivy.xml").write_text(_ivy_file(missing))
        said = _run_ivy(work)
        for jar in missing:
            fetched = work / "out" / jar.name
            if not _is_right(fetched, jar):
                state = "has another sha256 sum than the lock" if fetched.is_file() else "could not be fetched"
                raise LabError("jars", f"{jar.name} {state}", said[-3000:])
        for jar in missing:
            (work / "out" / jar.name).replace(target / jar.name)


def _run_ivy(work: Path) -> str:
    import pyspark

    ivy = next((Path(pyspark.__file__).parent / "jars").glob("ivy-*.jar"))
    pattern = work / "out" / "[artifact]-[revision](-[classifier]).[ext]"
    command = [
        java.java(cache_folder()),
        "-jar",
        str(ivy),
        "-cache",
        str(work / "cache"),
        "-ivy",
        str(work / "ivy.xml"),
    ]
    command += ["-confs", "default", "-retrieve", str(pattern)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False)
    return done.stdout + done.stderr


def _ivy_file(jars: list[Jar]) -> str:
    """Each jar named alone, without what it depends on: what is fetched is the lock, not a resolver's opinion."""
    dependencies = "".join(
        f"<dependency org={quoteattr(jar.group)} name={quoteattr(jar.artifact)} rev={quoteattr(jar.version)}"
        f' transitive="false" conf="default"><artifact name={quoteattr(jar.artifact)} type="jar" ext="jar"'
        f"{f' m:classifier={quoteattr(jar.classifier)}' if jar.classifier else ''}/></dependency>"
        for jar in jars
    )
    return (
        '<ivy-module version="2.0" xmlns:m="http://ant.apache.org/ivy/maven">'
        '<info organisation="tidemark" module="lab"/><configurations><conf name="default"/></configurations>'
        f"<dependencies>{dependencies}</dependencies></ivy-module>"
    )


if __name__ == "__main__":
    for each in SETS:
        ensure(each, print)
