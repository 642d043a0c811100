"""One warehouse emulator and one store for the tests of this folder, and what they need to talk to it."""

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import snowflake.connector
from lab_parts import KEYS, address, lab_parts, made_bucket  # tests/support
from snowflake.connector import SnowflakeConnection

Connect = Callable[..., SnowflakeConnection]
Start = Callable[[Path, int], subprocess.Popen[bytes]]
Run = Callable[..., list[tuple[Any, ...]]]
NOON = datetime.fromisoformat("2026-01-01T12:00:00.123456")
METADATA = "INCLUDE_METADATA = (_FILE = METADATA$FILENAME, _ROW = METADATA$FILE_ROW_NUMBER)"


def start(module: str, data: Path, port: int, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"tidemark_lab.{module}", "--port", str(port), "--data", str(data), *more]
    process = subprocess.Popen(command, env={**os.environ, **KEYS, "MALLOC_ARENA_MAX": "2"})
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urlopen(f"http://127.0.0.1:{port}/", timeout=5):
                return process
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)  # a process outside: there is nothing to wait on but its port
    process.kill()
    raise RuntimeError(f"{module} did not start")


def connect(port: int, **more: Any) -> SnowflakeConnection:
    where = {"host": "127.0.0.1", "port": port, "protocol": "http", "account": "fakesnow", "network_timeout": 1}
    quiet = {"CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False}
    return snowflake.connector.connect(
        user="lab", password="lab", database="LAB", session_parameters=quiet, **where | more
    )


def runner(connection: SnowflakeConnection) -> Run:
    def run(statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall())

    return run


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    patience = ("--idle-seconds", "1", "--lock-seconds", "20")
    with lab_parts(tmp_path_factory.mktemp("parts"), "store", "warehouse", patience=patience) as ports:
        yield ports


@pytest.fixture(scope="session")
def store(parts: dict[str, int]) -> str:
    endpoint = address(parts["store"])
    s3 = made_bucket(endpoint, "copies")
    whole = {"id": pa.array([1, 2], pa.int32()), "price": pa.array([Decimal("1.25"), None], pa.decimal128(10, 2))}
    put(s3, "in/a.parquet", pa.table(whole | {"at": pa.array([NOON, None], pa.timestamp("us"))}))
    put(s3, "in/b.parquet", pa.table(whole | {"at": pa.array([None, NOON], pa.timestamp("us", tz="UTC"))}))
    put(s3, "in/bad.parquet", pa.table({"id": ["no number"]}))
    return endpoint


def put(s3: Any, key: str, table: pa.Table) -> None:
    body = io.BytesIO()
    pq.write_table(table, body)
    s3.put_object(Bucket="copies", Key=key, Body=body.getvalue())


@pytest.fixture(scope="session")
def port(parts: dict[str, int], store: str) -> int:
    return parts["warehouse"]


@pytest.fixture
def run(port: int) -> Iterator[Run]:
    connection = connect(port)
    run = runner(connection)
    run("CREATE SCHEMA IF NOT EXISTS LAB.T")
    run("USE SCHEMA LAB.T")
    yield run
    connection.close()


@pytest.fixture
def other(port: int, run: Run) -> Iterator[Run]:
    connection = connect(port, schema="T")
    yield runner(connection)
    connection.close()


@pytest.fixture
def copies(run: Run) -> Callable[..., list[tuple[Any, ...]]]:
    run(
        "CREATE OR REPLACE TABLE COPIES "
        "(ID NUMBER(10,0), PRICE NUMBER(10,2), AT TIMESTAMP_NTZ, _FILE VARCHAR, _ROW INT)"
    )
    run("CREATE STAGE IF NOT EXISTS LAKE URL = 's3://copies/'")

    def copy(*files: str, more: str = "") -> list[tuple[Any, ...]]:
        listed = ", ".join(f"'in/{name}.parquet'" for name in files)
        return run(
            f"COPY INTO COPIES FROM @LAKE FILES = ({listed}) FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE) "
            f"MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE {METADATA} ON_ERROR = ABORT_STATEMENT {more}"
        )

    return copy


@pytest.fixture(name="connect")
def connect_fixture() -> Connect:
    return connect


@pytest.fixture
def start_warehouse(store: str) -> Start:
    return lambda folder, number: start("warehouse", folder, number, "--s3-endpoint", store)
