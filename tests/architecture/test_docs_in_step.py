"""Documents and code agree, links lead somewhere, files stay small."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tidemark_cli import chart_page
from tidemark_cli.advise.rules import RULES
from tidemark_cli.documents import events_page
from tidemark_cli.main import app

ROOT = Path(__file__).parents[2]
PAGES = [path for pattern in ("*.md", "docs/**/*.md", "helm/**/*.md", "images/*.md") for path in ROOT.glob(pattern)]
CODE = [
    p
    for folder in ("libs", "services", "boards", "tests", "dbt", "images", ".ci")
    for p in (ROOT / folder).rglob("*.py")
]
LONGEST_FILE = 300


def test_events_page_is_what_the_code_says() -> None:
    """docs/events.md is written from events.py; `make docs` brings it in step."""
    assert events_page() == (ROOT / "docs" / "events.md").read_text()


def test_chart_page_is_what_the_values_say() -> None:
    """The chart's README is written from values.yaml, every value with its comment."""
    page = chart_page.chart_page((ROOT / chart_page.VALUES).read_text())
    assert page == (ROOT / chart_page.FILE).read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file that is there."""
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_readme_names_only_commands_that_exist() -> None:
    """Each `tidemark <command>` of README and walkthrough is a command of the program."""
    shown = CliRunner().invoke(app, ["--help"]).output
    named = set()
    for page in (ROOT / "README.md", ROOT / "docs" / "walkthrough.md"):
        named |= set(re.findall(r"bin/tidemark ([a-z-]+)", page.read_text()))
    assert {name for name in named if not re.search(rf"\b{name}\b", shown)} == set()


def test_every_rule_of_advise_is_described() -> None:
    """docs/advise.md has a row for each rule, in their order, and none for another."""
    rows = re.findall(r"^\| `([a-z-]+)` \|", (ROOT / "docs" / "advise.md").read_text(), re.MULTILINE)
    assert rows == [rule.name for rule in RULES]


def test_files_stay_small() -> None:
    """A Python file over 300 lines says why in its first lines."""
    long = [p for p in CODE if len(p.read_text().splitlines()) > LONGEST_FILE]
    assert [str(p.relative_to(ROOT)) for p in long if "long because" not in p.read_text()[:1500]] == []


def test_no_addresses_in_the_lock() -> None:
    """The lock names packages and hashes, no registry."""
    text = (ROOT / "requirements.lock").read_text()
    assert re.findall(r"https?://\S+|index-url|^-e .*", text, re.MULTILINE) == []


def test_nothing_listens_beyond_this_machine() -> None:
    """No code of the lab binds to all addresses."""
    lab = [p for p in (ROOT / "libs" / "lab").rglob("*.py") if "0.0.0.0" in p.read_text()]  # noqa: S104
    assert [str(p.relative_to(ROOT)) for p in lab] == []
