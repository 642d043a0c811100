"""`tidemark open`: the addresses there are, and a browser only where one was asked for."""

import webbrowser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tidemark_cli.kind.plan import FORWARDS
from tidemark_cli.main import app
from tidemark_cli.open import PAGES, addresses


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What a browser is asked to show; no page is known but the trace page."""
    shown: list[str] = []
    monkeypatch.setattr(webbrowser, "open", shown.append)
    monkeypatch.chdir(tmp_path)
    for variable, _ in PAGES.values():
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TIDEMARK_ZIPKIN_URL", "http://127.0.0.1:1234")
    return shown


def test_every_page_that_there_is(opened: list[str], tmp_path: Path) -> None:
    """The lab's, and the report that lies here."""
    (tmp_path / "tidemark-report.html").touch()
    said = CliRunner().invoke(app, ["open"])
    assert said.exit_code == 0, said.output
    assert opened == ["http://127.0.0.1:1234/zipkin/", (tmp_path / "tidemark-report.html").as_uri()]


def test_only_print_opens_nothing(opened: list[str]) -> None:
    """The addresses, for another machine's browser."""
    said = CliRunner().invoke(app, ["open", "traces", "--print"])
    assert (said.exit_code, opened) == (0, [])
    assert "http://127.0.0.1:1234/zipkin/" in said.output


def test_no_page_is_an_error(opened: list[str]) -> None:
    """With what would make one."""
    said = CliRunner().invoke(app, ["open", "console"])
    assert (said.exit_code, opened) == (1, [])
    assert "tidemark up" in said.output


def test_a_clusters_pages_are_where_they_are_forwarded() -> None:
    """As `tidemark kind up` says them."""
    found = addresses(kind=True)
    assert found["traces"] == f"http://127.0.0.1:{FORWARDS['zipkin'][0]}/zipkin/"
    assert found["prometheus"].startswith(f"http://127.0.0.1:{FORWARDS['prometheus'][0]}")
