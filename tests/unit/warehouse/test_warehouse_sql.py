"""tidemark_warehouse's text work: quoting, types, named statements, and which errors are outages."""

import pytest
from snowflake.connector import errors

from tidemark.errors import Retryable, SettingsError
from tidemark.tables import registry
from tidemark_warehouse.connect import SESSION_PARAMETERS, outages
from tidemark_warehouse.identifiers import Sql, column_type, definitions, names, quote
from tidemark_warehouse.raw import raw_columns
from tidemark_warehouse.sql import load, render, split


def test_quote_makes_upper_case_names_that_cannot_break_out() -> None:
    """A quote inside a name is doubled; parts are joined by dots."""
    assert quote("raw", 'us"ers') == '"RAW"."US""ERS"'
    assert names(["id", "timestamp"]) == '"ID", "TIMESTAMP"'


def test_types_of_the_registry_become_the_warehouse_s() -> None:
    """Every canonical type has one type in RAW; an unknown one is refused."""
    kinds = ["int", "long", "decimal(10,2)", "string", "uuid", "timestamp", "bool"]
    assert [column_type(kind) for kind in kinds] == [
        "NUMBER(10,0)",
        "NUMBER(19,0)",
        "NUMBER(10,2)",
        "VARCHAR",
        "VARCHAR",
        "TIMESTAMP_NTZ(6)",
        "BOOLEAN",
    ]
    with pytest.raises(SettingsError):
        column_type("varchar; DROP TABLE users")


def test_raw_has_the_contract_s_columns_and_then_tidemark_s_own() -> None:
    """Order and names of RAW are a function of the registry."""
    columns = list(raw_columns(registry().tables["transactions"]))
    assert columns[0] == "TRANSACTION_ID"
    assert columns[-10:] == [
        "_OP",
        "_LSN",
        "_TS_MS",
        "_SOURCE_TS",
        "_FLAGS",
        "_RUN_ID",
        "_RUN_SEQ",
        "_FILE_NAME",
        "_FILE_ROW_NUMBER",
        "_LOADED_AT",
    ]
    assert definitions({"a": Sql("VARCHAR")}) == '"A" VARCHAR'


def test_render_quotes_what_it_places() -> None:
    """Names are quoted, Sql stands as it is, a missing name is an error."""
    text = "SELECT {column} FROM {table} {rest}"
    placed = render(text, column="a", table=("raw", "t"), rest=Sql("LIMIT 1"))
    assert placed == 'SELECT "A" FROM "RAW"."T" LIMIT 1'
    with pytest.raises(KeyError):
        render("SELECT {nothing}")


def test_statements_are_found_by_name_and_scripts_are_split() -> None:
    """A package's statements stand under their names; comments and semicolons inside lines split nothing."""
    assert load("tidemark_warehouse")["add_column"].startswith("ALTER TABLE {table}")
    assert split("-- only a comment;\n") == []
    assert split("SELECT ';' AS a;\n-- next\nSELECT 2;\n") == ["SELECT ';' AS a", "-- next\nSELECT 2"]


@pytest.mark.parametrize(
    "error",
    [
        errors.OperationalError(msg="250001: Could not connect", errno=250001),
        errors.ProgrammingError(msg="TransactionContext Error: Conflict on update!", errno=9998, sqlstate="0A000"),
        errors.ProgrammingError(msg="... has locked table 'T' ...", errno=625, sqlstate="57014"),
        errors.ProgrammingError(msg="Statement reached its statement timeout", errno=630, sqlstate="57014"),
        errors.DatabaseError(msg="Connection is closed", errno=250002, sqlstate="08003"),
        ConnectionResetError("peer"),
    ],
)
def test_outages_leave_as_retryable(error: Exception) -> None:
    """No connection, a lock held by somebody else, a conflict, a statement cut short: a later try can heal it."""
    with pytest.raises(Retryable), outages():
        raise error


def test_a_refusal_stays_what_it_is() -> None:
    """A statement that the warehouse will never accept is no outage."""
    with pytest.raises(errors.ProgrammingError), outages():
        raise errors.ProgrammingError(msg="SQL compilation error", errno=1003, sqlstate="42000")


def test_waiting_for_a_lock_outlasts_a_dead_session() -> None:
    """The warehouse ends a transaction that blocks another one after five silent minutes; a statement waits longer."""
    assert SESSION_PARAMETERS["LOCK_TIMEOUT"] > 5 * 60


def test_a_statement_has_an_end() -> None:
    """By itself the warehouse would let one run for two days; longer than any wait for a lock it may take."""
    assert SESSION_PARAMETERS["LOCK_TIMEOUT"] < SESSION_PARAMETERS["STATEMENT_TIMEOUT_IN_SECONDS"] < 2 * 24 * 3600
