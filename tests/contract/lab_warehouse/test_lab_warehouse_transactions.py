"""The warehouse emulator through the ordinary connector: MERGE, transactions and locks.

What Snowflake promises and stock fakesnow does not keep, one test per mend.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import ProgrammingError

pytestmark = pytest.mark.lab

Connect = Callable[..., SnowflakeConnection]
Run = Callable[..., list[tuple[Any, ...]]]


def runner(connection: SnowflakeConnection) -> Run:
    def run(statement: str) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    return run


def test_merge_in_a_transaction_counts_rows(port: int, run: Run) -> None:
    """MERGE works inside BEGIN, reports each outcome, and can be rolled back."""
    run("CREATE OR REPLACE TABLE TARGET AS SELECT 1 AS ID, 'old' AS V")
    run("BEGIN")
    counts = run(
        "MERGE INTO TARGET T USING (SELECT COLUMN1 AS ID FROM VALUES (1), (2), (3)) S ON T.ID = S.ID "
        "WHEN MATCHED THEN UPDATE SET T.V = 'new' WHEN NOT MATCHED THEN INSERT (ID, V) VALUES (S.ID, 'new')"
    )
    assert counts == [(2, 1)]
    run("ROLLBACK")
    assert run("SELECT * FROM TARGET") == [(1, "old")]


def test_merge_with_two_rows_for_one_is_refused(run: Run) -> None:
    """Two source rows for one target row are Snowflake's error 100090, not a random winner."""
    run("CREATE OR REPLACE TABLE TARGET AS SELECT 1 AS ID, 'old' AS V")
    with pytest.raises(ProgrammingError) as refused:
        run(
            "MERGE INTO TARGET T USING (SELECT COLUMN1 AS ID, COLUMN2 AS V FROM VALUES (1, 'a'), (1, 'b')) S "
            "ON T.ID = S.ID WHEN MATCHED THEN UPDATE SET V = S.V"
        )
    assert refused.value.errno == 100090


def test_second_writer_waits_and_sees_the_first(run: Run, other: Run) -> None:
    """Two transactions update one row: the second waits for the first's COMMIT and builds on it."""
    run("CREATE OR REPLACE TABLE COUNTER AS SELECT 0 AS N")
    run("BEGIN")
    run("UPDATE COUNTER SET N = N + 1")
    with ThreadPoolExecutor(1) as pool:
        other("BEGIN")
        second = pool.submit(other, "UPDATE COUNTER SET N = N + 1")
        run("COMMIT")
        assert second.result(timeout=30) == [(1, 0)]
    other("COMMIT")
    assert run("SELECT N FROM COUNTER") == [(2,)]


def test_statement_sees_what_was_committed_before_it(run: Run, other: Run) -> None:
    """READ COMMITTED: a transaction that has not written sees each commit, and may then update that row."""
    run("CREATE OR REPLACE TABLE COUNTER AS SELECT 0 AS N")
    run("BEGIN")
    run("SELECT N FROM COUNTER")
    other("UPDATE COUNTER SET N = 10")
    assert run("SELECT N FROM COUNTER") == [(10,)]
    run("UPDATE COUNTER SET N = N + 1")
    run("COMMIT")
    assert other("SELECT N FROM COUNTER") == [(11,)]


def test_idle_holder_is_rolled_back_when_waited_for(run: Run, other: Run) -> None:
    """A killed client's lock does not last: the waiter goes on, the holder's next statement is error 625."""
    run("CREATE OR REPLACE TABLE COUNTER AS SELECT 0 AS N")
    run("BEGIN")
    run("UPDATE COUNTER SET N = 99")
    assert other("UPDATE COUNTER SET N = N + 1") == [(1, 0)]
    with pytest.raises(ProgrammingError) as refused:
        run("COMMIT")
    assert refused.value.errno == 625
    assert run("SELECT N FROM COUNTER") == [(1,)]


def test_deadlock_is_refused(run: Run, other: Run) -> None:
    """Two transactions that wait for each other: one gets error 625 at once, the other goes on."""
    run("CREATE OR REPLACE TABLE LEFT_SIDE AS SELECT 0 AS N")
    run("CREATE OR REPLACE TABLE RIGHT_SIDE AS SELECT 0 AS N")
    run("BEGIN")
    run("UPDATE LEFT_SIDE SET N = 1")
    other("BEGIN")
    other("UPDATE RIGHT_SIDE SET N = 1")
    outcomes: list[object] = []

    def cross(statement: str, one: Run) -> None:
        try:
            outcomes.append(one(statement))
            one("COMMIT")
        except ProgrammingError as refused:
            outcomes.append(refused.errno)
            one("ROLLBACK")

    with ThreadPoolExecutor(2) as pool:
        pool.submit(cross, "UPDATE RIGHT_SIDE SET N = 2", run)
        pool.submit(cross, "UPDATE LEFT_SIDE SET N = 2", other)
    assert sorted(outcomes, key=str) == [625, [(1, 0)]]


def test_definition_commits_what_is_open(run: Run) -> None:
    """DDL inside a transaction commits it, as Snowflake does."""
    run("CREATE OR REPLACE TABLE KEPT (N INT)")
    run("BEGIN")
    run("INSERT INTO KEPT VALUES (1)")
    run("CREATE OR REPLACE TABLE ANOTHER (N INT)")
    run("ROLLBACK")
    assert run("SELECT * FROM KEPT") == [(1,)]


def test_failed_statement_never_commits_silently(run: Run) -> None:
    """After an error in a transaction that has written, COMMIT is refused and nothing is kept."""
    run("CREATE OR REPLACE TABLE KEPT (N INT)")
    run("BEGIN")
    run("INSERT INTO KEPT VALUES (1)")
    with pytest.raises(ProgrammingError):
        run("INSERT INTO KEPT VALUES ('no number')")
    with pytest.raises(ProgrammingError):
        run("COMMIT")
    assert run("SELECT COUNT(*) FROM KEPT") == [(0,)]


def test_closed_session_leaves_no_lock(connect: Connect, port: int, run: Run) -> None:
    """Closing a connection rolls back what it had open."""
    run("CREATE OR REPLACE TABLE COUNTER AS SELECT 0 AS N")
    leaving = connect(port, schema="T")
    runner(leaving)("BEGIN")
    runner(leaving)("UPDATE COUNTER SET N = 99")
    leaving.close()
    run("UPDATE COUNTER SET N = N + 1")
    assert run("SELECT N FROM COUNTER") == [(1,)]


def test_transaction_over_delete_copy_insert_update(run: Run, copies: Callable[..., Any]) -> None:
    """The loader's transaction: right row counts, and all of it or nothing."""
    run("CREATE OR REPLACE TABLE LOCKED AS SELECT 1 AS N")
    copies("a")
    for ending, kept in (("ROLLBACK", "in/a.parquet"), ("COMMIT", "in/b.parquet")):
        run("BEGIN")
        assert run("UPDATE LOCKED SET N = N + 1") == [(1, 0)]
        assert run("DELETE FROM COPIES") == [(2,)]
        assert [row[:4] for row in copies("b", more="FORCE = TRUE")] == [("s3://copies/in/b.parquet", "LOADED", 2, 2)]
        assert run("INSERT INTO LOCKED SELECT COUNT(*) FROM COPIES") == [(1,)]
        run(ending)
        assert run("SELECT DISTINCT _FILE FROM COPIES") == [(kept,)]
