"""What an image holds of tidemark: `python images/environment.py PART TARGET --interpreter PYTHON`.

PART is a service's name, `cli` or `curate-job`. TARGET gets a virtual environment with that part's packages alone, the
lock it was installed from, an SBOM (CycloneDX) and `start`, which runs the part. That lock is what the part needs of
requirements.lock, so every wheel is checked against its hash there. PYTHON is the interpreter's path inside the image.
The Dockerfiles, debian.py and CI run this file; it needs uv and Python's own library. To add a part: a package of the
workspace; a name in `HOLDS_DBT` if it reads the models.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
JARS_LOCK = ROOT / "libs/lab/tidemark_lab/locks/spark.lock"
UV = (sys.executable, "-m", "uv", "--quiet")
HOLDS_DBT = ("cli", "console", "transformer")
SPARK_PART = "curate-job"  # Spark itself, with its Python packages, is the base image's
BOM_TOOL = "cyclonedx-bom"


def packages() -> dict[str, Path]:
    """The folder of every package of the workspace, by its name."""
    patterns = ("libs/*", "services/*", "services/*/job")
    files = [file for pattern in patterns for file in ROOT.glob(f"{pattern}/pyproject.toml")]
    return {str(_project(file.parent)["project"]["name"]): file.parent for file in files}


def needed(part: str) -> list[Path]:
    """The folders of a part's package and of those of the workspace that it needs. KeyError: no such part."""
    known, found, ahead = packages(), list[Path](), [f"tidemark-{part}"]
    while ahead:
        folder = known[ahead.pop()]
        if folder not in found:
            found.append(folder)
            names = [re.split(r"[\[<>=;]", text)[0].strip() for text in _project(folder)["project"]["dependencies"]]
            ahead += [name for name in names if name in known]
    return found


def locked(requirements: str) -> str:
    """The part of requirements.lock that these requirements need, one a line. SystemExit: the lock lacks some."""
    resolve = (*UV, "pip", "compile", "--no-header", "--no-annotate", "--python-version", "3.11", "-c", str(LOCK), "-")
    resolved = subprocess.run(resolve, input=requirements, text=True, check=True, capture_output=True, cwd=ROOT).stdout
    names = {line.split("==")[0] for line in resolved.splitlines() if "==" in line}
    blocks = {block.split("==")[0]: block for block in re.split(r"^(?=\S)", LOCK.read_text(), flags=re.MULTILINE)}
    if lacking := names - set(blocks):
        raise SystemExit(f"requirements.lock lacks {', '.join(sorted(lacking))}; `make lock` brings it in step")
    return "".join(block for name, block in blocks.items() if name in names)


def third_party(part: str) -> str:
    """What a part's packages need from elsewhere, one requirement a line."""
    own = set(packages())
    wanted = [text for folder in needed(part) for text in _project(folder)["project"]["dependencies"]]
    return "\n".join(text for text in wanted if re.split(r"[\[<>=;]", text)[0].strip() not in own)


def build(part: str, target: Path, interpreter: str) -> None:
    """Fill `target`; it must not exist."""
    target.mkdir(parents=True)
    lock = target / "requirements.lock"
    lock.write_text(locked(third_party(part)))
    venv = install(target / "venv", None if part == SPARK_PART else lock)
    with tempfile.TemporaryDirectory() as wheels:
        hashed = ("--build-constraint", str(LOCK), "--require-hashes")
        for folder in needed(part):
            subprocess.run((*UV, "build", "--wheel", *hashed, "--out-dir", wheels, str(folder)), check=True)
        own = [str(wheel) for wheel in Path(wheels).glob("*.whl")]
        # all modules are compiled, those of other packages too: a pod's root is read-only, so no start could keep them
        install_own = (*UV, "pip", "install", "--no-deps", "--compile-bytecode", "--python", str(venv), *own)
        subprocess.run(install_own, check=True)
    if part in HOLDS_DBT:
        shutil.copytree(ROOT / "dbt", target / "dbt", ignore=shutil.ignore_patterns("target", "logs"))
    (target / "sbom.cdx.json").write_text(json.dumps(bill_of_materials(part, target), indent=1))
    _point_at(target / "venv", interpreter)
    _write_start(part, target)


def bill_of_materials(part: str, target: Path) -> dict[str, Any]:
    """CycloneDX by cyclonedx-py: the environment's packages; for Spark's part its lock's, and the jars."""
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder) / "lock"
        lock.write_text(locked(BOM_TOOL))
        tool = install(Path(folder) / "venv", lock)
        about = ("requirements", str(target / "requirements.lock")) if part == SPARK_PART else ("environment", "venv")
        command = (str(tool), "-m", "cyclonedx_py", *about, "--output-reproducible")
        said = subprocess.run(command, cwd=target, text=True, check=True, capture_output=True).stdout
    found: dict[str, Any] = json.loads(said)
    found.setdefault("metadata", {})["component"] = {"type": "container", "name": f"tidemark-{part}"}
    found["components"] += _jars() if part == SPARK_PART else []
    return found


def _jars() -> list[dict[str, Any]]:
    found = []
    for path, digest in (line.split() for line in JARS_LOCK.read_text().splitlines()):
        *group, name, version, _ = path.split("/")
        coordinates = {"group": ".".join(group), "name": name, "version": version}
        purl = f"pkg:maven/{'.'.join(group)}/{name}@{version}"
        hashes = [{"alg": "SHA-256", "content": digest}]
        found.append({"type": "library", "bom-ref": purl, "purl": purl, "hashes": hashes, **coordinates})
    return found


def install(folder: Path, lock: Path | None) -> Path:
    """A virtual environment that may be moved, with what the lock names; its interpreter."""
    subprocess.run((*UV, "venv", "--relocatable", "--python", "3.11", str(folder)), check=True)
    python = folder / "bin" / "python"
    if lock is not None:
        subprocess.run((*UV, "pip", "sync", "--require-hashes", "--python", str(python), str(lock)), check=True)
    return python


def _point_at(venv: Path, interpreter: str) -> None:
    """Let the environment use the image's interpreter instead of the one that built it."""
    for link in venv.glob("bin/python*"):
        link.unlink()
        link.symlink_to(interpreter)
    config = venv / "pyvenv.cfg"
    home = f"home = {Path(interpreter).parent.as_posix()}"
    config.write_text(re.sub(r"^home = .*$", home, config.read_text(), flags=re.MULTILINE))


def _write_start(part: str, target: Path) -> None:
    """What the image runs: the service, or the command line. The folder may stand anywhere."""
    name = _project(packages()[f"tidemark-{part}"])["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"][0]
    run = '"$here/venv/bin/tidemark"' if part == "cli" else f'"$here/venv/bin/python" -m {name}'
    start = target / "start"
    start.write_text(f'#!/bin/sh\nhere=$(dirname "$0")\nexec {run} "$@"\n')
    start.chmod(0o755)


def _project(folder: Path) -> dict[str, Any]:
    with (folder / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="fills a folder with one part of tidemark, for an image")
    parser.add_argument("part")
    parser.add_argument("target", type=Path)
    parser.add_argument("--interpreter", default="/usr/local/bin/python3.11")
    given = parser.parse_args()
    build(given.part, given.target, given.interpreter)


if __name__ == "__main__":
    main()
