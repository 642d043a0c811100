"""`tidemark docs` with a warehouse and without: all files are there, and nothing is left in the project."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from transformer_bench import Database
from typer.testing import CliRunner
from unused_ports import unused_port

from tidemark.errors import Invalid
from tidemark_cli.docs.dbt_page import STAND_INS, dbt_page
from tidemark_cli.lineage import PROJECT
from tidemark_cli.main import app
from tidemark_warehouse import execute

pytestmark = pytest.mark.lab
CATALOG = re.compile(r'\{"metadata": \{"dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/')


def written(folder: Path) -> str:
    """What the command says when it writes into a folder."""
    done = CliRunner().invoke(app, ["docs", "--no-open", "--to", str(folder)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert sorted(file.name for file in folder.iterdir()) == ["dbt.html", "index.html", "lineage.html"]
    return " ".join(done.output.split())


def catalog(page: Path) -> dict[str, Any]:
    """The catalog that dbt's page carries."""
    text = page.read_text(encoding="utf-8")
    (start,) = CATALOG.finditer(text)
    found: dict[str, Any] = json.JSONDecoder().raw_decode(text, start.start())[0]
    return found


def files_of_project() -> set[Path]:
    """Where dbt would leave its files."""
    return set(PROJECT.rglob("*"))


@pytest.fixture
def no_warehouse(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting names one; the command's stand-ins are gone after the test."""
    for name in [name for name in os.environ if name.startswith("TIDEMARK_SNOWFLAKE_")] + list(STAND_INS):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_with_the_warehouse(database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """dbt's page has the types of RAW and of a mart where it is published; the project's folder is as it was."""
    for name, value in database.environment.items():
        monkeypatch.setenv(name, value)
    execute(database.connection, "CREATE OR REPLACE TABLE MARTS.FCT_ORDERS (ORDER_ID NUMBER(10,0))")
    before = files_of_project()
    try:
        said = written(tmp_path / "made" / "docs")
    finally:
        execute(database.connection, "DROP TABLE MARTS.FCT_ORDERS")
    assert "without" not in said
    assert "without" not in (tmp_path / "made" / "docs" / "index.html").read_text(encoding="utf-8").lower()
    found = catalog(tmp_path / "made" / "docs" / "dbt.html")
    assert found["nodes"]["model.tidemark.fct_orders"]["metadata"]["schema"] == "MARTS"
    assert "source.tidemark.raw.orders" in found["sources"]
    assert files_of_project() == before


@pytest.mark.usefixtures("no_warehouse")
def test_without_settings(tmp_path: Path) -> None:
    """All files are written, with an empty catalog; the command and the start page say why."""
    before = files_of_project()
    said = written(tmp_path)
    assert "dbt.html is without the warehouse's types and sizes: settings: TIDEMARK_SNOWFLAKE_ACCOUNT is" in said
    assert "TIDEMARK_SNOWFLAKE_ACCOUNT is missing" in (tmp_path / "index.html").read_text(encoding="utf-8")
    found = catalog(tmp_path / "dbt.html")
    assert (found["nodes"], found["sources"]) == ({}, {})
    assert files_of_project() == before


@pytest.mark.soak
@pytest.mark.usefixtures("no_warehouse")
def test_with_a_warehouse_that_is_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As without one; in the folder `docs` of tidemark's own, where none is given."""
    given = {"ACCOUNT": "lab", "USER": "u", "PASSWORD": "p", "HOST": "127.0.0.1", "PORT": str(unused_port())}
    for name, value in {**given, "PROTOCOL": "http"}.items():
        monkeypatch.setenv(f"TIDEMARK_SNOWFLAKE_{name}", value)
    monkeypatch.setenv("TIDEMARK_HOME", str(tmp_path))
    done = CliRunner().invoke(app, ["docs", "--no-open"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "the warehouse is away or busy" in " ".join(done.output.split())
    assert sorted(file.name for file in (tmp_path / "docs").iterdir()) == ["dbt.html", "index.html", "lineage.html"]


@pytest.mark.usefixtures("no_warehouse")
def test_a_broken_project_is_named(tmp_path: Path) -> None:
    """dbt's own words, and what says more."""
    for name in ("dbt_project.yml", "profiles.yml"):
        (tmp_path / name).write_text((PROJECT / name).read_text())
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "broken.sql").write_text("select * from {{ ref('nowhere') }}")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(Invalid, match=r"nowhere.*`dbt parse` there says more"):
        dbt_page(tmp_path, scratch)
