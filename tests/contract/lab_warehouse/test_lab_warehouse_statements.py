"""The warehouse emulator through the ordinary connector: statements and the catalog.

What Snowflake promises and stock fakesnow does not keep, one test per mend.
"""

import time
from collections.abc import Callable
from typing import Any

import pytest
from snowflake.connector.errors import Error, ProgrammingError

pytestmark = pytest.mark.lab

Run = Callable[..., list[tuple[Any, ...]]]


def test_unsupported_statement_is_an_sql_error(run: Run) -> None:
    """An unsupported statement fails at once with a message; it is not sent again for ever."""
    begun = time.monotonic()
    with pytest.raises(ProgrammingError, match="no_such_function"):
        run("SELECT NO_SUCH_FUNCTION(1)")
    with pytest.raises(ProgrammingError, match="interval"):
        run("SELECT INTERVAL '1 day'")
    assert time.monotonic() - begun < 20


def test_keys_are_declared_only(run: Run) -> None:
    """Primary and unique keys are recorded, not enforced; NOT NULL is enforced."""
    run("CREATE OR REPLACE TABLE KEYED (ID INT NOT NULL, CODE VARCHAR UNIQUE, PRIMARY KEY (ID))")
    run("INSERT INTO KEYED VALUES (1, 'a'), (1, 'a')")
    assert run("SELECT COUNT(*) FROM KEYED") == [(2,)]
    with pytest.raises(Error, match="NOT NULL"):
        run("INSERT INTO KEYED (CODE) VALUES ('b')")


def test_temporary_table_with_a_qualified_name(run: Run) -> None:
    """dbt makes temporary tables with three-part names."""
    run("CREATE OR REPLACE TEMPORARY TABLE LAB.T.PASSING AS SELECT 1 AS ID")
    assert run("SELECT * FROM LAB.T.PASSING") == [(1,)]


def test_administrative_statements_do_nothing(run: Run) -> None:
    """Warehouses, roles, grants and query tags succeed; SHOW PARAMETERS finds the query tag."""
    for statement in (
        "CREATE WAREHOUSE IF NOT EXISTS W WAREHOUSE_SIZE = XSMALL",
        "USE WAREHOUSE W",
        "GRANT SELECT ON ALL TABLES IN SCHEMA T TO ROLE R",
        "ALTER SESSION SET QUERY_TAG = 'x'",
    ):
        run(statement)
    assert run("SHOW PARAMETERS LIKE 'query_tag' IN SESSION")[0][0] == "QUERY_TAG"


def test_clone_can_replace(run: Run) -> None:
    """CREATE OR REPLACE TABLE ... CLONE, from another schema too; the clone has a life of its own."""
    run("CREATE OR REPLACE TABLE ORIGINAL AS SELECT 1 AS ID")
    run("CREATE SCHEMA IF NOT EXISTS LAB.BUILD")
    for _ in range(2):
        run("CREATE OR REPLACE TABLE LAB.BUILD.COPIED CLONE LAB.T.ORIGINAL")
    run("INSERT INTO LAB.BUILD.COPIED VALUES (2)")
    assert run("SELECT ID FROM LAB.BUILD.COPIED EXCEPT SELECT ID FROM LAB.T.ORIGINAL") == [(2,)]


def test_names_that_only_duckdb_reserves(run: Run) -> None:
    """A column may be called AT."""
    run("CREATE OR REPLACE TABLE NAMED (AT INT)")
    run("INSERT INTO NAMED (AT) VALUES (1)")
    assert run("SELECT N.AT FROM NAMED N WHERE AT = 1") == [(1,)]


def test_views_across_schemas_and_in_the_catalog(run: Run) -> None:
    """Views onto other schemas; information_schema lists views, and Snowflake's types."""
    run("CREATE OR REPLACE TABLE BASE AS SELECT 1 AS ID, COUNT(*) AS N, 1.5 AS D")
    run("CREATE SCHEMA IF NOT EXISTS LAB.BUILD")
    run("CREATE OR REPLACE VIEW LAB.BUILD.SEEN AS SELECT * FROM LAB.T.BASE")
    assert run("SELECT ID FROM LAB.BUILD.SEEN") == [(1,)]
    where = "WHERE TABLE_NAME IN ('BASE', 'SEEN') ORDER BY 1"
    assert run(f"SELECT TABLE_NAME, TABLE_TYPE FROM LAB.INFORMATION_SCHEMA.TABLES {where}") == [
        ("BASE", "BASE TABLE"),
        ("SEEN", "VIEW"),
    ]
    columns = run("SELECT DATA_TYPE FROM LAB.INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'BASE'")
    assert columns == [("NUMBER",)] * 3


def test_literals_make_wide_columns(run: Run) -> None:
    """CREATE TABLE AS SELECT 1 makes a NUMBER that later holds more than 32 bits."""
    run("CREATE OR REPLACE TABLE WIDE AS SELECT 0 AS N")
    run("INSERT INTO WIDE VALUES (3000000000)")
    assert run("SELECT MAX(N) FROM WIDE") == [(3_000_000_000,)]


def test_comment_with_an_apostrophe(run: Run) -> None:
    """dbt's descriptions may hold apostrophes."""
    run("CREATE OR REPLACE TABLE NOTED (ID INT) COMMENT = 'it''s a ''thing'''")
    comment = run("SELECT COMMENT FROM LAB.INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = 'NOTED'")
    assert comment == [("it's a 'thing'",)]


def test_columns_can_be_added(run: Run) -> None:
    """ALTER TABLE ADD COLUMN, several at once, also if they are there; a type can be widened."""
    run("CREATE OR REPLACE TABLE GROWING (ID NUMBER(10,0))")
    run("ALTER TABLE GROWING ADD COLUMN A VARCHAR, B NUMBER(19,0)")
    run("ALTER TABLE GROWING ADD COLUMN IF NOT EXISTS A VARCHAR")
    run("ALTER TABLE GROWING ALTER COLUMN ID SET DATA TYPE NUMBER(19,0)")
    run("INSERT INTO GROWING VALUES (10000000000, 'a', 1)")
    assert run("SELECT * FROM GROWING") == [(10_000_000_000, "a", 1)]
