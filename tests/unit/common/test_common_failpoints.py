"""Failpoints stop a process at a named place, once, and leave a line behind."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tidemark.errors import SettingsError
from tidemark.failpoints import FailpointError, failpoint


def test_an_unarmed_failpoint_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither without arms nor when another place is armed."""
    monkeypatch.delenv("TIDEMARK_FAILPOINTS", raising=False)
    failpoint("a")
    monkeypatch.setenv("TIDEMARK_FAILPOINTS", "b=raise")
    failpoint("a")


def test_raise_happens_as_often_as_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With a log, an armed failpoint lets the restarted process pass; `*2` makes it two."""
    log = tmp_path / "hits"
    monkeypatch.setenv("TIDEMARK_FAILPOINT_LOG", str(log))
    monkeypatch.setenv("TIDEMARK_FAILPOINTS", "a=raise*2, b=log")
    for name in ("a", "a"):
        with pytest.raises(FailpointError):
            failpoint(name)
    failpoint("a")
    failpoint("b")
    assert log.read_text().splitlines() == ["a", "a", "a", "b"]


def test_kill_is_recorded_before_it_happens(tmp_path: Path) -> None:
    """The process dies by SIGKILL and the log names the place; the second time it gets past."""
    log = tmp_path / "hits"
    code = "from tidemark.failpoints import failpoint; failpoint('x.after-commit')"
    env = {"TIDEMARK_FAILPOINTS": "x.after-commit=kill", "TIDEMARK_FAILPOINT_LOG": str(log)}
    first = subprocess.run([sys.executable, "-c", code], env=env, check=False)
    assert (first.returncode, log.read_text()) == (-signal.SIGKILL, "x.after-commit\n")
    assert subprocess.run([sys.executable, "-c", code], env=env, check=False).returncode == 0


def test_a_wrong_action_is_a_settings_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing mistake does not pass for an unarmed failpoint."""
    monkeypatch.setenv("TIDEMARK_FAILPOINTS", "a=explode")
    with pytest.raises(SettingsError, match="explode"):
        failpoint("a")
