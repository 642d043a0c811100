"""`tidemark init`: what it prints, what it leaves to an account's administrator, and who may do what."""

import re
from collections import defaultdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tidemark.settings import LakeSettings, SnowflakeSettings, load
from tidemark.tables import registry
from tidemark_cli.main import app
from tidemark_warehouse import account_sql, init_sql, quote
from tidemark_warehouse.identifiers import literal
from tidemark_warehouse.sql import split

ROOT = Path(__file__).parents[3]
SECRETS = {"TIDEMARK_SNOWFLAKE_PASSWORD": "hunter2", "TIDEMARK_KAFKA_SASL_PASSWORD": "hunter3"}
OWNERS = {
    "LOADER": "services/loader",
    "TRANSFORMER": "services/transformer",
    "RECONCILER": "services/reconciler",
    "READER": "libs/cli/tidemark_cli/report",
}
# tidemark_warehouse/sql/audit.sql
AUDITS = {"LOADER": {"SELECT", "INSERT"}, "TRANSFORMER": {"INSERT"}, "RECONCILER": {"INSERT"}}
ACCOUNT_ONLY = r"(WAREHOUSE|ROLE|USER|DATABASE|RESOURCE MONITOR|STORAGE INTEGRATION)\b"
WRITES = re.compile(r"(INSERT) INTO OPS\.(\w+)|(UPDATE) OPS\.(\w+)|(DELETE) FROM OPS\.(\w+)")
READS = re.compile(r"(?<!DELETE )FROM OPS\.(\w+)")
GRANT = re.compile(r"GRANT ([A-Z, ]+) ON TABLE OPS\.(\w+) TO ROLE TIDEMARK_(\w+)")


class Both(LakeSettings, SnowflakeSettings):
    """What the SQL depends on."""


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Both:
    """A real account that cannot be reached: whoever tries to connect fails."""
    about = {"ACCOUNT": "nowhere", "USER": "ada", "HOST": "127.0.0.1", "PORT": "1"}
    named = {f"TIDEMARK_SNOWFLAKE_{name}": value for name, value in about.items()}
    for name, value in {**named, **SECRETS, "TIDEMARK_KAFKA_BOOTSTRAP": "127.0.0.1:1"}.items():
        monkeypatch.setenv(name, value)
    return load(Both)


@pytest.mark.parametrize(("option", "text"), [("--dry-run", init_sql), ("--account", account_sql)])
def test_printed_sql_is_all_there_is_and_nothing_runs(settings: Both, option: str, text: object) -> None:
    """Neither broker nor warehouse is there, and the SQL comes out whole, without any secret."""
    result = CliRunner().invoke(app, ["init", option])
    assert (result.exit_code, result.stdout.strip()) == (0, text(settings).strip())  # type: ignore[operator]
    assert not [secret for secret in SECRETS.values() if secret in result.output]


def test_a_dry_run_names_every_object(settings: Both) -> None:
    """Layers, every RAW table with its clustering keys, the stage on the lake; values stand in it as literals."""
    text = init_sql(settings)
    for schema in ("RAW", "STAGING", "MARTS", "OPS"):
        assert f"CREATE SCHEMA IF NOT EXISTS {schema};" in text
    for name, table in registry().tables.items():
        made = next(
            line for line in text.splitlines() if line.startswith(f"CREATE TABLE IF NOT EXISTS {quote('raw', name)}")
        )
        assert made.endswith(f"CLUSTER BY ({', '.join(quote(column) for column in table.cluster_by)});")
    assert "URL = 's3://lake/warehouse/' STORAGE_INTEGRATION = TIDEMARK_LAKE;" in text
    assert "%(" not in text


def test_what_an_administrator_runs_stands_apart(settings: Both) -> None:
    """Warehouses, roles, users, monitor, integration and future grants are in the one text and not in the other."""
    made = re.findall(rf"CREATE {ACCOUNT_ONLY}", account_sql(settings))
    assert set(made) == set(ACCOUNT_ONLY.strip("()\\b").split("|"))
    assert not re.findall(rf"CREATE {ACCOUNT_ONLY}|ON FUTURE|USE ROLE", init_sql(settings))


def test_every_warehouse_suspends_itself_and_is_watched(settings: Both) -> None:
    """A minute idle, and all of them under one budget; one for each workload."""
    warehouses = [text for text in split(account_sql(settings)) if "CREATE WAREHOUSE" in text]
    assert [re.findall(r"EXISTS TIDEMARK_(\w+)", text) for text in warehouses] == [
        ["LOAD"], ["TRANSFORM"], ["RECONCILE"], ["READ"]
    ]  # fmt: skip
    assert [text for text in warehouses if "AUTO_SUSPEND = 60 " in text and "RESOURCE_MONITOR = TIDEMARK" in text] == (
        warehouses
    )


def test_each_role_may_do_just_what_its_statements_do(settings: Both) -> None:
    """In OPS, table by table: no right is missing, none is too many."""
    needed: dict[tuple[str, str], set[str]] = defaultdict(set)
    for role, folder in OWNERS.items():
        for file in (ROOT / folder).rglob("sql/*.sql"):
            text = file.read_text()
            for table in READS.findall(text):
                needed[role, table].add("SELECT")
            for write in WRITES.findall(text):
                verb, table = filter(None, write)
                needed[role, table] |= {verb} if verb == "INSERT" else {verb, "SELECT"}
        if role in AUDITS:
            needed[role, "AUDIT"] |= AUDITS[role]
    granted: dict[tuple[str, str], set[str]] = defaultdict(set)
    for rights, table, role in GRANT.findall(init_sql(settings)):
        granted[role, table] |= set(rights.split(", "))
    assert granted == needed


def test_a_reader_sees_marts_and_which_run_they_are_of(settings: Both) -> None:
    """And nothing else: all grants to the reader, from both texts."""
    found = re.findall(r"GRANT (.+) TO ROLE TIDEMARK_READER;", account_sql(settings) + init_sql(settings))
    assert sorted(found) == [
        "SELECT ON FUTURE TABLES IN SCHEMA MARTS",
        "SELECT ON FUTURE VIEWS IN SCHEMA MARTS",
        "SELECT ON TABLE OPS.PUBLISH_LEDGER",
        'USAGE ON DATABASE "TIDEMARK"',
        "USAGE ON SCHEMA MARTS",
        "USAGE ON SCHEMA OPS",
        "USAGE ON WAREHOUSE TIDEMARK_READ",
    ]


def test_a_literal_cannot_break_out() -> None:
    """Quotes are doubled, a backslash is one."""
    assert literal("a'b\\") == "'a''b\\\\'"
