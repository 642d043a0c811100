"""The lab's ClickHouse through the ordinary client: the protocol's traps, the speed layer's tables, survival."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen
from uuid import UUID, uuid4

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from unused_ports import unused_port  # tests/support

pytestmark = pytest.mark.lab

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MANY = 100_000  # more than one block of 65,409 rows, so more than one LZ4 frame


def start(data: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tidemark_lab.clickhouse", "--port", str(port), "--data", str(data)]
    process = subprocess.Popen(command, env={**os.environ, "MALLOC_ARENA_MAX": "2"})
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urlopen(f"http://127.0.0.1:{port}/ping", timeout=5):
                return process
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)  # a process outside: there is nothing to wait on but its port
    process.kill()
    raise RuntimeError("clickhouse did not start")


def connect(port: int) -> Client:
    return clickhouse_connect.get_client(host="127.0.0.1", port=port, database="speed")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    number = unused_port()
    process = start(tmp_path_factory.mktemp("clickhouse"), number)
    yield number
    process.kill()
    process.wait()


@pytest.fixture
def client(port: int) -> Iterator[Client]:
    client = connect(port)
    client.command("TRUNCATE TABLE transactions_realtime")
    yield client
    client.close()


def transactions(count: int) -> list[Sequence[object]]:
    amounts = (Decimal("1.25"), Decimal("1.25"), Decimal(0), Decimal(0))
    return [
        (
            UUID(int=n),
            uuid4(),
            uuid4(),
            1,
            *amounts,
            "completed",
            "card",
            "gold",
            NOON + timedelta(milliseconds=n),
            NOON,
        )
        for n in range(count)
    ]


def test_tables_are_those_of_the_speed_layer(client: Client) -> None:
    """Database `speed` holds the three tables, with their columns in order, from the start."""
    names = {row[0] for row in client.query("SHOW TABLES").result_rows}
    assert names == {"transactions_realtime", "user_sessions_realtime", "user_events_realtime"}
    described = client.query("DESCRIBE transactions_realtime").result_rows
    assert [(row[0], row[1]) for row in described][:5] == [
        ("transaction_id", "UUID"),
        ("user_id", "UUID"),
        ("product_id", "UUID"),
        ("quantity", "UInt32"),
        ("unit_price", "Decimal(10, 2)"),
    ]


def test_large_insert_arrives_whole(client: Client) -> None:
    """An insert of several blocks, compressed one by one, loses none; the summary counts them."""
    summary = client.insert("transactions_realtime", transactions(MANY))
    assert summary.written_rows == MANY
    found = client.query("SELECT count(), sum(total_amount), max(created_at) FROM transactions_realtime").result_rows
    last = (NOON + timedelta(milliseconds=MANY - 1)).replace(tzinfo=None)
    assert found == [(MANY, Decimal("1.25") * MANY, last)]


def test_large_result_arrives_whole(client: Client) -> None:
    """Results of many blocks, as rows and as Arrow."""
    client.insert("transactions_realtime", transactions(MANY))
    assert len(client.query("SELECT transaction_id FROM transactions_realtime").result_rows) == MANY
    assert client.query_arrow("SELECT quantity FROM transactions_realtime").num_rows == MANY


def test_every_compression(port: int) -> None:
    """Inserts and results in each compression that the client knows."""
    for method in ("lz4", "zstd", "gzip", False):
        client = clickhouse_connect.get_client(host="127.0.0.1", port=port, database="speed", compress=method)
        client.command("TRUNCATE TABLE transactions_realtime")
        client.insert("transactions_realtime", transactions(3))
        assert client.query("SELECT count() FROM transactions_realtime").result_rows == [(3,)]
        client.close()


def test_bound_parameters(client: Client) -> None:
    """Text with quotes and Unicode, ids, timestamps and NULL, bound by the server."""
    bound = {"text": "y'é☃\\\n", "id": UUID(int=7), "at": NOON, "none": None}
    query = "SELECT {text:String}, {id:UUID}, {at:DateTime64(3)}, {none:Nullable(String)}"
    assert client.query(query, parameters=bound).result_rows == [
        ("y'é☃\\\n", UUID(int=7), NOON.replace(tzinfo=None), None)
    ]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT * FROM missing", 60),
        ("SELEC 1", 62),
        ("SELECT throwIf(number = 90000) FROM numbers(100000)", 395),
        ("SELECT arraySort(groupArray(number)) FROM numbers(200000000)", 241),
    ],
)
def test_errors_carry_their_code(client: Client, query: str, code: int) -> None:
    """Errors reach the client with ClickHouse's code, memory limit included, and the server goes on."""
    with pytest.raises(DatabaseError, match=f"code: {code}"):
        client.query(query)
    assert client.query("SELECT 1").result_rows == [(1,)]


def test_session_keeps_its_settings_and_tables(client: Client) -> None:
    """One handle per session: a temporary table is there in the next query, and in nobody else's."""
    client.command("CREATE TEMPORARY TABLE mine (id UInt32)")
    client.command("INSERT INTO mine VALUES (1), (2)")
    assert client.query("SELECT sum(id) FROM mine").result_rows == [(3,)]


def test_settings_hold_for_one_query(client: Client) -> None:
    """Settings of a request are used."""
    found = client.query("SELECT getSetting('max_block_size')", settings={"max_block_size": 1234}).result_rows
    assert found == [(1234,)]


def test_rows_can_be_deleted(client: Client) -> None:
    """Repair statements: DELETE by key."""
    client.insert("transactions_realtime", transactions(3))
    client.command(f"DELETE FROM transactions_realtime WHERE transaction_id = '{UUID(int=1)}'")
    assert client.query("SELECT count() FROM transactions_realtime").result_rows == [(2,)]


def test_kill_keeps_what_was_inserted(tmp_path: Path) -> None:
    """kill -9: acknowledged rows are there again, and more can be written."""
    port = unused_port()
    process = start(tmp_path, port)
    try:
        connect(port).insert("transactions_realtime", transactions(10))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process = start(tmp_path, port)
        client = connect(port)
        client.insert("transactions_realtime", transactions(5))
        assert client.query("SELECT count() FROM transactions_realtime").result_rows == [(15,)]
    finally:
        process.kill()
        process.wait()
