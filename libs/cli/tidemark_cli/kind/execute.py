"""Runs commands as lists of words: no shell, so nothing is quoted and every system's rules are the same."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from tidemark.errors import TidemarkError


class CommandFailedError(TidemarkError):
    """A command that has to work did not."""


@dataclass(frozen=True)
class Answer:
    """What a command said. `code` 127: it is not installed."""

    code: int
    output: str


def ask(words: Sequence[str]) -> Answer:
    """Run a command for its answer; what it writes to either stream is the output."""
    program = shutil.which(words[0])
    if program is None:
        return Answer(127, f"{words[0]} is not installed")
    run = subprocess.run(
        [program, *words[1:]],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return Answer(run.returncode, (run.stdout + run.stderr).strip())


def do(words: Sequence[str], given: str | None = None) -> None:
    """Run a command that tells people what it does; `given` is its standard input. CommandFailedError: it did not end
    well, or is not installed.
    """
    program = shutil.which(words[0])
    if program is None:
        raise CommandFailedError(f"{words[0]} is not installed")
    run = subprocess.run([program, *words[1:]], input=given, encoding="utf-8", check=False)
    if run.returncode != 0:
        raise CommandFailedError(f"exit code {run.returncode}: {shown(words)}")


def shown(words: Sequence[str], system: str = os.name) -> str:
    """A command as one would type it in this system's shell."""
    return subprocess.list2cmdline(words) if system == "nt" else shlex.join(words)
