"""Which Java the lab runs on."""

import subprocess
from pathlib import Path

import pytest

from tidemark_lab import java


def test_a_machine_without_java_gets_the_wheels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It starts although Spark's launcher passes a flag for a module that its image lacks."""
    monkeypatch.setattr(java, "_candidates", list)
    home = java.java_home(tmp_path)
    said = subprocess.run(
        [home / "bin" / "java", java.MISSING_MODULE_FLAG, "-version"], capture_output=True, text=True, check=True
    )
    assert 'version "21' in said.stderr
    assert java.java_home(tmp_path) == home


def test_a_java_of_another_release_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only 17 and 21 run Spark and Kafka alike; a broken one is passed over too."""
    found = []
    for name, script in (("old", "echo 'openjdk version \"11.0.2\"' >&2"), ("broken", "exit 1"), ("good", "")):
        executable = tmp_path / name / "bin" / "java"
        executable.parent.mkdir(parents=True)
        executable.write_text("#!/bin/sh\n" + (script or "echo 'openjdk version \"17.0.1\"' >&2") + "\n")
        executable.chmod(0o755)
        found.append(executable)
    monkeypatch.setattr(java, "_candidates", lambda: found)
    assert java.java_home(tmp_path / "cache") == tmp_path / "good"
