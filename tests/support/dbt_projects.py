"""Copies of the dbt project with other models, for tests of how a project is taken up."""

import shutil
from pathlib import Path


def copy_of(project: Path, target: Path, models: list[str]) -> Path:
    """The project with these models only."""
    shutil.copytree(project, target, ignore=shutil.ignore_patterns("target", "logs"))
    for path in (target / "models").rglob("*.*"):
        if path.stem not in [*models, "raw"]:
            path.unlink()
    return target


def edited(path: Path, old: str, new: str) -> None:
    """One place of a file, said otherwise."""
    text = path.read_text()
    if text.count(old) != 1:
        raise ValueError(f"{path} holds {old!r} {text.count(old)} times")
    path.write_text(text.replace(old, new))
