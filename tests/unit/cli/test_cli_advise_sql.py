"""The SQL of `tidemark advise` that only a real Snowflake can run: its columns are those of Snowflake's documentation.

With TIDEMARK_TEST_SNOWFLAKE=1 and the settings of an account that `tidemark init` has prepared, it is run there too.
"""

import os
import re
from datetime import UTC, datetime
from importlib.resources import files

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify

from tidemark.settings import SnowflakeSettings
from tidemark.settings import load as load_settings
from tidemark_cli.advise.gather import values_since
from tidemark_warehouse import connect, execute, load

# docs.snowflake.com/en/sql-reference/account-usage/<view>: of each view the columns that are used here.
DOCUMENTED = {
    "QUERY_HISTORY": "QUERY_ID QUERY_TAG WAREHOUSE_NAME WAREHOUSE_SIZE START_TIME END_TIME TOTAL_ELAPSED_TIME "
    "EXECUTION_TIME BYTES_SCANNED BYTES_SPILLED_TO_LOCAL_STORAGE BYTES_SPILLED_TO_REMOTE_STORAGE PARTITIONS_SCANNED "
    "PARTITIONS_TOTAL QUEUED_PROVISIONING_TIME QUEUED_REPAIR_TIME QUEUED_OVERLOAD_TIME",
    "QUERY_ATTRIBUTION_HISTORY": "QUERY_ID WAREHOUSE_NAME QUERY_TAG START_TIME END_TIME CREDITS_ATTRIBUTED_COMPUTE",
    "WAREHOUSE_METERING_HISTORY": "START_TIME END_TIME WAREHOUSE_NAME CREDITS_USED CREDITS_USED_COMPUTE "
    "CREDITS_USED_CLOUD_SERVICES",
    "WAREHOUSE_LOAD_HISTORY": "START_TIME END_TIME WAREHOUSE_NAME AVG_RUNNING AVG_QUEUED_LOAD "
    "AVG_QUEUED_PROVISIONING AVG_BLOCKED",
    "ACCESS_HISTORY": "QUERY_ID QUERY_START_TIME USER_NAME DIRECT_OBJECTS_ACCESSED BASE_OBJECTS_ACCESSED "
    "OBJECTS_MODIFIED",
}
TABLES = "TABLE_SCHEMA TABLE_NAME TABLE_TYPE CLUSTERING_KEY ROW_COUNT BYTES"  # .../info-schema/tables
SQL = load("tidemark_cli")
NAMES = (
    "costs_from_history",
    "warehouse_use",
    "mart_reads",
    "queries",
    "model_runs",
    "marts",
    "loads",
    "clustered_tables",
)


def schema() -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    """Snowflake's views as documented, OPS as init makes it."""
    text = "".join(
        files("tidemark_warehouse").joinpath("init", f).read_text() for f in ("020_ops.sql", "030_models.sql")
    )
    made = re.findall(r"CREATE TABLE IF NOT EXISTS OPS\.(\w+) \(\n(.*?)\n\);", text, re.DOTALL)
    ops = {table: dict.fromkeys(re.findall(r"^ +\"?(\w+)", body, re.MULTILINE), "VARCHAR") for table, body in made}
    usage = {view: dict.fromkeys(columns.split(), "VARCHAR") for view, columns in DOCUMENTED.items()}
    usage["ACCESS_HISTORY"]["BASE_OBJECTS_ACCESSED"] = "ARRAY"
    return {
        "SNOWFLAKE": {"ACCOUNT_USAGE": usage},
        "T": {"OPS": ops, "INFORMATION_SCHEMA": {"TABLES": dict.fromkeys(TABLES.split(), "VARCHAR")}},
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_column_is_documented(name: str) -> None:
    """Each column belongs to one of the views and tables that the statement names."""
    text = SQL[name] % {"days": "14", "since": "'2026-01-01'", "partitions": "1000"}
    parsed = sqlglot.parse_one(text, read="snowflake")
    query = parsed.args["using"].this if isinstance(parsed, exp.Merge) else parsed
    qualify(query, dialect="snowflake", schema=schema(), catalog="T", validate_qualify_columns=True)


def test_an_undocumented_column_would_be_noticed() -> None:
    """The check above can fail."""
    with pytest.raises(sqlglot.errors.OptimizeError):
        text = "SELECT CREDITS_USED FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY"
        query = sqlglot.parse_one(text, read="snowflake")
        qualify(query, dialect="snowflake", schema=schema(), catalog="T", validate_qualify_columns=True)


def test_costs_are_merged_by_query_into_the_table_s_columns() -> None:
    """Each of OPS.QUERY_COSTS' columns is filled once, by a query's id."""
    merge = sqlglot.parse_one(SQL["costs_from_history"] % {"days": "14"}, read="snowflake")
    (insert,) = merge.find_all(exp.Insert)
    assert [column.name for column in insert.this.expressions] == list(schema()["T"]["OPS"]["QUERY_COSTS"])
    assert merge.args["on"].sql() == "KNOWN.QUERY_ID = TOLD.QUERY_ID"


@pytest.mark.skipif("TIDEMARK_TEST_SNOWFLAKE" not in os.environ, reason="needs a real Snowflake account")
def test_it_runs_on_a_real_account() -> None:
    """Every statement, with the columns that it is read by."""
    session = connect(load_settings(SnowflakeSettings), "tidemark advise")
    try:
        for name in (*NAMES, "show_warehouses", "shown_warehouses"):
            execute(session, SQL[name], values_since(datetime.now(UTC)))
    finally:
        session.close()
