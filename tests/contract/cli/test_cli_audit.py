"""`tidemark audit` on the warehouse: all rows, a dataset's, a run's, oldest first."""

from datetime import datetime, timedelta

import pytest
from transformer_bench import Database
from typer.testing import CliRunner

from tidemark.tables import registry
from tidemark_cli.audit import audit_rows
from tidemark_cli.main import app
from tidemark_warehouse import execute, load

pytestmark = pytest.mark.lab
NOON = datetime(2026, 3, 1, 12)  # noqa: DTZ001 - the table's timestamps have no zone
HOSTILE = "'); DROP TABLE OPS.AUDIT; -- %s"


def say(database: Database, minutes: int, run_id: str | None, target: str, detail: str = "") -> None:
    """One audit row, so many minutes after noon."""
    at = NOON + timedelta(minutes=minutes)
    row = {"at": at, "run_id": run_id, "actor": "loader", "action": "copy", "object": target, "detail": detail}
    execute(database.connection, load("tidemark_warehouse")["audit"], row)


@pytest.fixture
def audited(database: Database) -> Database:
    """Rows of two datasets, with and without a run."""
    execute(database.connection, "DELETE FROM OPS.AUDIT")
    say(database, 2, "ecommerce-process-g0-2", "MARTS.FCT_ORDERS", "second")
    say(database, 1, "ecommerce-process-g0-1", "RAW.USERS", HOSTILE)
    say(database, 0, None, "RAW.USERS", "no run")
    say(database, 3, "events-process-g0-1", "events", "third")
    return database


def details(database: Database, dataset: str | None = None, run_id: str | None = None) -> list[str | None]:
    return [row.detail for row in audit_rows(database.connection, dataset, run_id)]


def test_init_s_changes_are_audited_outside_a_run(database: Database) -> None:
    """`tidemark init` made RAW, so the loader finds nothing to do: init's own rows tell of it."""
    rows = audit_rows(database.connection, None, None)
    made = {row.object: row.detail for row in rows if row.actor == "tidemark init" and row.run_id is None}
    assert made.keys() >= {f"RAW.{name.upper()}" for name in registry().tables}
    assert all(detail is not None and detail.startswith("created with ") for detail in made.values())


def test_all_rows_oldest_first(audited: Database) -> None:
    """With nothing given."""
    assert details(audited) == ["no run", HOSTILE, "second", "third"]


def test_a_dataset_s_rows(audited: Database) -> None:
    """Those of its runs, and those of its tables outside a run."""
    assert details(audited, dataset="ecommerce") == ["no run", HOSTILE, "second"]
    assert details(audited, dataset="events") == ["third"]


def test_a_run_s_rows(audited: Database) -> None:
    """By the whole id; a hostile one is a value."""
    assert details(audited, run_id="ecommerce-process-g0-1") == [HOSTILE]
    assert details(audited, dataset="events", run_id="ecommerce-process-g0-1") == []
    assert details(audited, run_id=HOSTILE) == []


def test_the_command_prints_them(audited: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the settings of the environment; nothing there is said too."""
    for name, value in audited.environment.items():
        monkeypatch.setenv(name, value)
    answer = CliRunner().invoke(app, ["audit", "--dataset", "events"])
    assert answer.exit_code == 0, answer.output
    assert "third" in answer.output
    assert "no run" not in answer.output
    assert "nothing there" in CliRunner().invoke(app, ["audit", "--run", "none"]).output
