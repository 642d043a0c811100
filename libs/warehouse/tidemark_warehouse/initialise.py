"""The database's own objects: init/*.sql in name order, then RAW from the registry. Idempotent.

To add an object, put a file `NNN_<topic>.sql` into init/: statements end with `;` at a line's end and must be
repeatable. `{database}` is the database's name, `%(dataset)s` stands in statements that run once per dataset.
init/account.sql is for an account's administrator: `account_sql()` gives it out, nothing here runs it.
"""

from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from typing import Protocol

from snowflake.connector import SnowflakeConnection

from tidemark.tables import Registry, registry
from tidemark_warehouse.connect import execute
from tidemark_warehouse.raw import follow_registry
from tidemark_warehouse.sql import load, render, split

ACCOUNT = "account.sql"
ACTOR = "tidemark init"


class InitSettings(Protocol):
    """What the DDL depends on; SnowflakeSettings together with LakeSettings has it."""

    snowflake_database: str
    lake_warehouse: str
    s3_endpoint: str | None


def initialise(connection: SnowflakeConnection, settings: InitSettings, tables: Registry | None = None) -> list[str]:
    """Create what is missing; the changes of RAW tables as sentences. Retryable if the warehouse is away."""
    known = tables or registry()
    for text in _scripts():
        for statement in split(render(text, database=settings.snowflake_database)):
            _run(connection, statement, known)
    create_stage = "stage_public" if settings.s3_endpoint else "stage_with_integration"
    url = settings.lake_warehouse.rstrip("/") + "/"
    execute(connection, load("tidemark_warehouse")[create_stage], {"url": url})
    changes = []
    for name, table in known.tables.items():
        target = f"RAW.{name.upper()}"
        say = partial(_audit, connection, target)
        changes += [f"{target}: {change}" for change in follow_registry(connection, name, table, say)]
    return changes


def _audit(connection: SnowflakeConnection, target: str, change: str) -> None:
    row = {"at": datetime.now(UTC).replace(tzinfo=None), "run_id": None, "actor": ACTOR, "action": "ddl"}
    execute(connection, load("tidemark_warehouse")["audit"], {**row, "object": target, "detail": change})


def account_sql(settings: InitSettings) -> str:
    """What an account's administrator runs once: warehouses, roles, grants, the storage integration."""
    text = files("tidemark_warehouse").joinpath("init", ACCOUNT).read_text()
    return render(text, database=settings.snowflake_database).replace("%(url)s", settings.lake_warehouse.rstrip("/"))


def _scripts() -> list[str]:
    folder = files("tidemark_warehouse").joinpath("init")
    entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    return [entry.read_text() for entry in entries if entry.name.endswith(".sql") and entry.name != ACCOUNT]


def _run(connection: SnowflakeConnection, statement: str, known: Registry) -> None:
    if "%(dataset)s" not in statement:
        execute(connection, statement)
        return
    for dataset in known.datasets:
        execute(connection, statement, {"dataset": dataset})
