"""The database's own objects: init/*.sql in name order, the lake's stage, RAW from the registry, grants. Idempotent.

To add an object, put a file `NNN_<topic>.sql` into init/: statements end with `;` at a line's end and must be
repeatable. `{database}` is the database's name, `%(dataset)s` stands in statements that run once per dataset. Who may
do what with it stands in init/grants.sql. init/account.sql is for an account's administrator: `account_sql()` gives it
out, nothing here runs it.
"""

import re
from datetime import UTC, datetime
from importlib.resources import files
from typing import Protocol

from msgspec import Struct
from snowflake.connector import SnowflakeConnection, errors

from tidemark.errors import SettingsError
from tidemark.tables import Registry, registry
from tidemark_warehouse.connect import Parameters, execute
from tidemark_warehouse.identifiers import literal
from tidemark_warehouse.raw import create_raw, follow_registry
from tidemark_warehouse.sql import code, load, render, split

ACTOR = "tidemark init"
_init = files("tidemark_warehouse").joinpath("init")
_CREATED = re.compile(r'CREATE TABLE IF NOT EXISTS ([\w".]+)')
_GRANTED = re.compile(r"GRANT [A-Z, ]+ ON TABLE ([\w.]+) TO ROLE (\w+)")


class InitSettings(Protocol):
    """What the DDL depends on; SnowflakeSettings together with LakeSettings has it."""

    snowflake_database: str
    lake_warehouse: str
    s3_endpoint: str | None


class Statement(Struct, frozen=True):
    """One statement and the values bound to it."""

    text: str
    values: Parameters | None = None

    def printed(self) -> str:
        """As a person would run it: values as literals."""
        values = {name: literal(str(value)) for name, value in (self.values or {}).items()}
        return (self.text % values if values else self.text) + ";"


def initialise(connection: SnowflakeConnection, settings: InitSettings, tables: Registry | None = None) -> list[str]:
    """Create what is missing; the changes of RAW tables as sentences, each of them an audit row.

    Retryable if the warehouse is away; SettingsError if it refuses, because the account is not prepared.
    """
    known, changes = tables or registry(), []
    by = {"at": datetime.now(UTC).replace(tzinfo=None), "run_id": None, "actor": ACTOR}
    try:
        for statement in _objects(settings, known):
            execute(connection, code(statement.text), statement.values)
        for name, table in known.tables.items():
            changes += [f"RAW.{name.upper()}: {change}" for change in follow_registry(connection, name, table, by)]
        for statement in _script("grants.sql", settings, known):
            execute(connection, code(statement.text))
    except errors.ProgrammingError as refusal:
        raise SettingsError(
            f"the warehouse refuses: {refusal}. Has the account been prepared (`tidemark init --account` prints how), "
            "and does TIDEMARK_SNOWFLAKE_ROLE name its TIDEMARK_OWNER?"
        ) from refusal
    return changes


def init_sql(settings: InitSettings, tables: Registry | None = None) -> str:
    """All that initialise() runs on an empty database."""
    known = tables or registry()
    raw = [Statement(create_raw(name, table)) for name, table in known.tables.items()]
    statements = [*_objects(settings, known), *raw, *_script("grants.sql", settings, known)]
    return "\n".join(statement.printed() for statement in statements)


def expected_tables(settings: InitSettings, role: str | None) -> set[str]:
    """The tables of RAW and OPS that a role of grants.sql must see, as SCHEMA.NAME; of any other role all there are."""
    granted = {name for name, to in _GRANTED.findall(_init.joinpath("grants.sql").read_text()) if to == role}
    return granted or {name.replace('"', "") for name in _CREATED.findall(init_sql(settings))}


def account_sql(settings: InitSettings) -> str:
    """What an account's administrator runs once: warehouses, roles, users, future grants, the storage integration."""
    url = literal(settings.lake_warehouse.rstrip("/") + "/")
    return render(_init.joinpath("account.sql").read_text(), database=settings.snowflake_database, url=url)


def _objects(settings: InitSettings, known: Registry) -> list[Statement]:
    """Schemas, tables of OPS, the stage."""
    numbered = sorted(entry.name for entry in _init.iterdir() if entry.name[:3].isdigit())
    create_stage = "stage_public" if settings.s3_endpoint else "stage_with_integration"
    url = {"url": settings.lake_warehouse.rstrip("/") + "/"}
    scripts = [statement for name in numbered for statement in _script(name, settings, known)]
    return [*scripts, Statement(load("tidemark_warehouse")[create_stage], url)]


def _script(name: str, settings: InitSettings, known: Registry) -> list[Statement]:
    found: list[Statement] = []
    for text in split(render(_init.joinpath(name).read_text(), database=settings.snowflake_database)):
        per_dataset = "%(dataset)s" in text
        found += [Statement(text, {"dataset": d}) for d in known.datasets] if per_dataset else [Statement(text)]
    return found
