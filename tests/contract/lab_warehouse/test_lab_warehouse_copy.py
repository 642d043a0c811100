"""The warehouse emulator through the ordinary connector: COPY from the store, and survival.

What Snowflake promises and stock fakesnow does not keep, one test per mend.
"""

import signal
import subprocess
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import Error, ProgrammingError
from unused_ports import unused_port

pytestmark = pytest.mark.lab

Connect = Callable[..., SnowflakeConnection]
Start = Callable[[Path, int], subprocess.Popen[bytes]]
Run = Callable[..., list[tuple[Any, ...]]]
NOON = datetime.fromisoformat("2026-01-01T12:00:00.123456")


def runner(connection: SnowflakeConnection) -> Run:
    def run(statement: str) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    return run


def test_copy_reads_the_store_with_metadata(run: Run, copies: Callable[..., Any]) -> None:
    """COPY from s3://: typed rows, the file's path inside the bucket, the row's number in the file from 1."""
    copies("a", "b")
    rows = run("SELECT ID, PRICE, AT, _FILE, _ROW FROM COPIES ORDER BY _FILE, _ROW")
    assert rows == [
        (1, Decimal("1.25"), NOON, "in/a.parquet", 1),
        (2, None, None, "in/a.parquet", 2),
        (1, Decimal("1.25"), None, "in/b.parquet", 1),
        (2, None, NOON, "in/b.parquet", 2),
    ]


def test_a_stage_on_the_store_can_be_listed(run: Run, copies: Callable[..., Any]) -> None:
    """LIST names the files below a path of the stage, none where there are none; an unknown stage is an error."""
    assert [row[0] for row in run("LIST @LAKE/in/b.")] == ["s3://copies/in/b.parquet"]
    assert run("LIST @LAB.T.LAKE/never-there/") == []
    with pytest.raises(ProgrammingError, match="does not exist"):
        run("LIST @NO_LAKE/in/")


def test_copy_remembers_files_unless_forced(run: Run, copies: Callable[..., Any]) -> None:
    """A file is loaded once, also after CREATE TABLE IF NOT EXISTS; FORCE = TRUE loads it again, FALSE does not."""
    statuses = [copies("a")[0][1], copies("a")[0][1]]
    run("CREATE TABLE IF NOT EXISTS COPIES (ID INT)")
    statuses += [copies("a", more="FORCE = FALSE")[0][1], copies("a", more="FORCE = TRUE")[0][1]]
    assert statuses == ["LOADED", "LOAD_SKIPPED", "LOAD_SKIPPED", "LOADED"]


def test_copy_loads_all_files_or_none(run: Run, copies: Callable[..., Any]) -> None:
    """A bad second file takes the first one back, and it can be loaded afterwards."""
    with pytest.raises(ProgrammingError, match="no number"):
        copies("a", "bad")
    assert run("SELECT COUNT(*) FROM COPIES") == [(0,)]
    assert copies("a")[0][1] == "LOADED"


def test_copy_of_a_missing_file_is_an_error(copies: Callable[..., Any]) -> None:
    """A file that is not there is error 91016, not an empty load."""
    with pytest.raises(ProgrammingError) as refused:
        copies("nothing")
    assert refused.value.errno == 91016


def test_kill_keeps_what_was_committed(connect: Connect, start_warehouse: Start, tmp_path: Path) -> None:
    """kill -9: committed rows, stages and load history are there again; what was open is gone."""
    port = unused_port()
    process = start_warehouse(tmp_path, port)
    try:
        run = runner(connect(port))
        run("CREATE SCHEMA IF NOT EXISTS LAB.T")
        run("CREATE STAGE LAB.T.LAKE URL = 's3://copies/'")
        run("CREATE TABLE LAB.T.KEPT (ID INT, PRICE NUMBER(10,2))")
        copy = (
            "COPY INTO LAB.T.KEPT FROM @LAB.T.LAKE FILES = ('in/a.parquet') FILE_FORMAT = (TYPE = PARQUET) "
            "MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
        )
        assert run(copy)[0][1] == "LOADED"
        run("BEGIN")
        run("INSERT INTO LAB.T.KEPT VALUES (99, 99)")
        process.send_signal(signal.SIGKILL)
        process.wait()
        process = start_warehouse(tmp_path, port)
        with pytest.raises(Error):
            run("COMMIT")  # the session died with the server: never a silent success
        again = runner(connect(port, schema="T"))
        assert again("SELECT ID FROM KEPT ORDER BY ID") == [(1,), (2,)]
        assert again(copy)[0][1] == "LOAD_SKIPPED"
        again("INSERT INTO KEPT VALUES (3, 3)")
        assert again("SELECT COUNT(*) FROM KEPT") == [(3,)]
    finally:
        process.kill()
        process.wait()
