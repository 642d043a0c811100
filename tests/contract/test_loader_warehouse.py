"""The loader on its twin and on the real connector: the same promises, kept by the same suite.

The real side is the lab's store (S3 and Glue) with curated tables written by pyiceberg, and the warehouse emulator.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.error import URLError
from urllib.request import urlopen
from uuid import uuid4

import boto3
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog import Catalog

from loader.lake import IcebergLake
from loader.memory import MemoryLake, MemoryWarehouse
from loader.snowflake import SnowflakeWarehouse
from loader.stage import Ports, load
from tidemark.errors import Retryable, Superseded, TypedStop
from tidemark.events import CuratedTable, Kind, LakeCurated
from tidemark.failpoints import FailpointError
from tidemark.settings import LakeSettings, SnowflakeSettings
from tidemark.tables import Registry, registry
from tidemark_lake.catalog import open_catalog
from tidemark_lake.decisions import MemoryDecisions
from tidemark_warehouse import connect, execute, initialise

pytestmark = pytest.mark.lab

T = TypeVar("T")
Row = dict[str, Any]
TABLES = ("users", "products", "orders", "order_items")
FIELDS: dict[str, list[tuple[str, pa.DataType]]] = {
    "users": [("id", pa.int32()), ("email", pa.string()), ("created_at", pa.timestamp("us"))],
    "products": [("id", pa.int32()), ("name", pa.string()), ("price", pa.decimal128(10, 2))],
    "orders": [("id", pa.int32()), ("user_id", pa.int32()), ("total_amount", pa.decimal128(10, 2))],
    "order_items": [("id", pa.int32()), ("order_id", pa.int32()), ("quantity", pa.int32())],
}
OWN: list[tuple[str, pa.DataType]] = [
    ("_op", pa.string()),
    ("_lsn", pa.int64()),
    ("_ts_ms", pa.int64()),
    ("_source_ts", pa.timestamp("us")),
    ("_flags", pa.string()),
    ("_run_id", pa.string()),
    ("_run_seq", pa.int64()),
]


class Bench(Protocol):
    """A lake and a warehouse in which runs can be published, files damaged, and rows counted."""

    def ports(self) -> Ports:
        """A loader of its own, as another process would have it."""

    def append(self, table: str, rows: Sequence[Row]) -> tuple[int, list[str]]:
        """Append rows to `<table>_changes`; the snapshot and its files."""

    def put_back(self, path: str, rows: Sequence[Row] | None, table: str) -> None:
        """Replace a file's content by stealth; None removes the file."""

    def rows(self, table: str, run_id: str | None = None) -> int:
        """Committed rows of RAW."""

    def ledger(self, run_id: str) -> int:
        """Committed ledger rows of a run."""


class TwinBench:
    """The in-memory twins."""

    def __init__(self) -> None:
        self.lake = MemoryLake()
        self.warehouse = MemoryWarehouse(self.lake)
        self.snapshots = 0

    def ports(self) -> Ports:
        return Ports(lake=self.lake, warehouse=self.warehouse, decisions=MemoryDecisions())

    def append(self, table: str, rows: Sequence[Row]) -> tuple[int, list[str]]:
        self.snapshots += 1
        path = f"s3://lake/warehouse/{table}/{self.snapshots}.parquet"
        self.lake.add("ecommerce", table, self.snapshots, {path: rows})
        return self.snapshots, [path]

    def put_back(self, path: str, rows: Sequence[Row] | None, table: str) -> None:
        self.lake.contents.pop(path)
        if rows is not None:
            self.lake.contents[path] = list(rows)

    def rows(self, table: str, run_id: str | None = None) -> int:
        return len([row for row in self.warehouse.rows(table) if run_id in (None, row["_run_id"])])

    def ledger(self, run_id: str) -> int:
        return len([entry for entry in self.warehouse.ledger() if entry.run_id == run_id])


class RealBench:
    """pyiceberg on the lab's store, the ordinary connector on the emulator; a database of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        name = f"T{uuid4().hex[:8].upper()}"
        self.environment = environment | {"TIDEMARK_SNOWFLAKE_DATABASE": name}
        with pytest.MonkeyPatch.context() as patch:
            for variable, value in self.environment.items():
                patch.setenv(variable, value)
            self.lake, self.snowflake = LakeSettings(), SnowflakeSettings()  # type: ignore[call-arg]
        self.catalog: Catalog = open_catalog(
            self.lake.catalog_properties()
            | {f"{p}.{k}": "lab" for p in ("s3", "glue") for k in ("access-key-id", "secret-access-key")}
        )
        self.known: Registry = msgspec.structs.replace(
            registry(),
            datasets={"ecommerce": msgspec.structs.replace(registry().datasets["ecommerce"], curated=name.lower())},
            tables=registry().tables_of("ecommerce"),
        )
        self.catalog.create_namespace(name.lower())
        self.connection = connect(self.snowflake)
        initialise(self.connection, _Both(self.snowflake, self.lake), self.known)

    def ports(self) -> Ports:
        warehouse = SnowflakeWarehouse(lambda: connect(self.snowflake), self.known, self.lake.lake_warehouse)
        return Ports(lake=IcebergLake(self.catalog, self.known), warehouse=warehouse, decisions=MemoryDecisions())

    def append(self, table: str, rows: Sequence[Row]) -> tuple[int, list[str]]:
        content = _arrow(table, rows)
        name = f"{self.known.datasets['ecommerce'].curated}.{table}_changes"
        changes = self.catalog.create_table_if_not_exists(name, schema=content.schema)
        changes.append(content)
        snapshot = changes.current_snapshot()
        assert snapshot is not None
        return snapshot.snapshot_id, [
            f.path for f in self.ports().lake.added_files("ecommerce", table, snapshot.snapshot_id)
        ]

    def put_back(self, path: str, rows: Sequence[Row] | None, table: str) -> None:
        client = boto3.client("s3", endpoint_url=self.lake.s3_endpoint, region_name="us-east-1", **_KEYS)
        bucket, key = path.removeprefix("s3://").split("/", 1)
        if rows is None:
            client.delete_object(Bucket=bucket, Key=key)
        else:
            sink = pa.BufferOutputStream()
            pq.write_table(_arrow(table, rows), sink)
            client.put_object(Bucket=bucket, Key=key, Body=sink.getvalue().to_pybytes())

    def rows(self, table: str, run_id: str | None = None) -> int:
        text = f"SELECT COUNT(*) FROM RAW.{table} WHERE %(run)s IS NULL OR _RUN_ID = %(run)s"
        return int(execute(self.connection, text, {"run": run_id})[0][0])

    def ledger(self, run_id: str) -> int:
        text = "SELECT COUNT(*) FROM OPS.LOAD_LEDGER WHERE RUN_ID = %(run)s"
        return int(execute(self.connection, text, {"run": run_id})[0][0])


_KEYS = {"aws_access_key_id": "lab", "aws_secret_access_key": "lab"}


class _Both:
    """Init settings of the two groups."""

    def __init__(self, snowflake: SnowflakeSettings, lake: LakeSettings) -> None:
        self.snowflake_database = snowflake.snowflake_database
        self.lake_warehouse, self.s3_endpoint = lake.lake_warehouse, lake.s3_endpoint


def _arrow(table: str, rows: Sequence[Row]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=pa.schema([*FIELDS[table], *OWN]))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The store and the warehouse emulator; the environment of a service that works on them."""
    home = tmp_path_factory.mktemp("loader-stack")
    store, warehouse = _free_port(), _free_port()
    endpoint = f"http://127.0.0.1:{store}"
    aws = {"AWS_ACCESS_KEY_ID": "lab", "AWS_SECRET_ACCESS_KEY": "lab", "AWS_REGION": "us-east-1"}
    commands = [
        ["tidemark_lab.store", "--port", str(store), "--data", str(home / "store")],
        ["tidemark_lab.warehouse", "--port", str(warehouse), "--data", str(home / "wh"), "--s3-endpoint", endpoint],
    ]
    with (home / "log").open("w") as log:
        started = [
            subprocess.Popen([sys.executable, "-m", *command], env=os.environ | aws, stdout=log, stderr=log)
            for command in commands
        ]
        try:
            _wait_for(endpoint)
            _wait_for(f"http://127.0.0.1:{warehouse}/")
            boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **_KEYS).create_bucket(Bucket="lake")
            yield aws | {
                "TIDEMARK_S3_ENDPOINT": endpoint,
                "TIDEMARK_GLUE_ENDPOINT": endpoint,
                "TIDEMARK_SNOWFLAKE_ACCOUNT": "fakesnow",
                "TIDEMARK_SNOWFLAKE_USER": "tidemark",
                "TIDEMARK_SNOWFLAKE_PASSWORD": "lab",
                "TIDEMARK_SNOWFLAKE_HOST": "127.0.0.1",
                "TIDEMARK_SNOWFLAKE_PORT": str(warehouse),
                "TIDEMARK_SNOWFLAKE_PROTOCOL": "http",
            }
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(20)


@pytest.fixture(params=["twin", "real"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """Each promise is checked on the twin and on the real adapters."""
    return TwinBench() if request.param == "twin" else RealBench(request.getfixturevalue("stack"))


@pytest.fixture
def real(stack: dict[str, str]) -> RealBench:
    """For what only the real adapters can show."""
    return RealBench(stack)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str) -> None:
    end = time.monotonic() + 90
    while True:
        try:
            urlopen(url, timeout=2).close()  # noqa: S310
            return
        except (URLError, OSError) as error:
            if getattr(error, "code", 599) < 500:
                return
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def until_done(work: Callable[[], T]) -> T:
    """What the runner does with a Retryable."""
    end = time.monotonic() + 60
    while True:
        try:
            return work()
        except Retryable:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def rows_of(run_id: str, run_seq: int, count: int, **values: Any) -> list[Row]:
    """Rows with the columns that every changes table has."""
    own = {
        "_op": "c",
        "_lsn": 5,
        "_ts_ms": 6,
        "_source_ts": None,
        "_flags": None,
        "_run_id": run_id,
        "_run_seq": run_seq,
    }
    return [{"id": number, **values, **own} for number in range(1, count + 1)]


def publish(
    bench: Bench, run_seq: int, counts: dict[str, int], generation: int = 0, kind: Kind = "process"
) -> LakeCurated:
    """Append a run's rows to the changes tables; the event that tells of it."""
    run_id = f"ecommerce-{kind}-g{generation}-{run_seq}"
    tables = []
    for table in TABLES:
        count = counts.get(table, 0)
        snapshot = bench.append(table, rows_of(run_id, run_seq, count))[0] if count else None
        tables.append(part_of(table, count, snapshot, 6 if count else None))
    return curated(run_id, run_seq, tables, generation, kind)


def part_of(table: str, count: int, snapshot: int | None, max_ts_ms: int | None) -> CuratedTable:
    """What the lake says of one table in which every row read was accepted."""
    nothing = dict.fromkeys(("released", "repeated", "held", "quarantined", "flagged"), 0)
    return CuratedTable(
        table=table,
        read=count,
        accepted=count,
        changes_snapshot=snapshot,
        current_snapshot=None,
        max_ts_ms=max_ts_ms,
        **nothing,
    )


def curated(
    run_id: str, seq: int, tables: list[CuratedTable], generation: int = 0, kind: Kind = "process"
) -> LakeCurated:
    """The event of a run."""
    return LakeCurated(
        dataset="ecommerce",
        run_id=run_id,
        run_seq=seq,
        kind=kind,
        generation=generation,
        decision=seq,
        tables=tables,
        committed_at_ms=1,
        seconds=0.1,
    )


def held(bench: Bench) -> dict[str, int]:
    """Committed rows per table."""
    return {table: bench.rows(table) for table in TABLES}


def test_runs_in_order_and_again_lead_to_each_row_once(bench: Bench) -> None:
    """Redelivered at once or after later runs, by this process or another: the same rows and the same receipts."""
    first = publish(bench, 1, {"users": 3, "products": 2, "orders": 2, "order_items": 4})
    second = publish(bench, 2, {"users": 1})
    ports = bench.ports()
    told = load(first, ports)
    load(second, ports)
    assert [load(first, ports), load(first, bench.ports())] == [told, told]
    assert held(bench) == {"users": 4, "products": 2, "orders": 2, "order_items": 4}
    assert [table.rows for table in told.tables] == [3, 2, 2, 4]
    assert bench.ledger(second.run_id) == 4


def test_a_newer_generation_shuts_out_the_older_one(bench: Bench) -> None:
    """After a rebuild was loaded, nothing of the generation before it is."""
    first = publish(bench, 1, {"users": 2})
    load(first, bench.ports())
    rebuilt = publish(bench, 2, {"users": 1}, generation=1, kind="rebuild")
    load(rebuilt, bench.ports())
    stale = publish(bench, 3, {"users": 7})
    with pytest.raises(Superseded):
        load(stale, bench.ports())
    assert held(bench)["users"] == 3


def test_other_rows_than_the_manifest_s_leave_nothing(bench: Bench) -> None:
    """The file is named, its table keeps nothing; once the file is right, the same event loads it."""
    snapshot, [path] = bench.append("users", rows_of("r1", 1, 3))
    event = curated("r1", 1, [part_of("users", 3, snapshot, 6)])
    bench.put_back(path, rows_of("r1", 1, 2), "users")
    with pytest.raises(TypedStop, match=f"{path} has 3 rows, loaded 2"):
        load(event, bench.ports())
    assert (bench.rows("users"), bench.ledger("r1")) == (0, 0)
    bench.put_back(path, rows_of("r1", 1, 3), "users")
    load(event, bench.ports())
    assert (bench.rows("users"), bench.ledger("r1")) == (3, 1)


def test_a_vanished_file_is_named_and_leaves_nothing(bench: Bench) -> None:
    """A typed stop with the file's path; the table stays as it was."""
    snapshot, [path] = bench.append("users", rows_of("r1", 1, 3))
    bench.put_back(path, None, "users")
    with pytest.raises(TypedStop, match=f"lost {path}"):
        load(curated("r1", 1, [part_of("users", 3, snapshot, 6)]), bench.ports())
    assert (bench.rows("users"), bench.ledger("r1")) == (0, 0)


@pytest.mark.parametrize("place", ["loader.after-copy", "loader.before-commit", "loader.after-commit"])
def test_a_crash_anywhere_and_again_is_as_if_it_had_not_been(
    bench: Bench, place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The next delivery finishes what the first one began; no row twice, none missing."""
    event = publish(bench, 1, {"users": 3, "orders": 2})
    monkeypatch.setenv("TIDEMARK_FAILPOINTS", f"{place}=raise")
    monkeypatch.setenv("TIDEMARK_FAILPOINT_LOG", str(tmp_path / "hits"))
    with pytest.raises(FailpointError):
        load(event, bench.ports())
    until_done(lambda: load(event, bench.ports()))
    assert held(bench) == {"users": 3, "products": 0, "orders": 2, "order_items": 0}
    assert bench.ledger(event.run_id) == 4


def test_two_loaders_on_one_run_load_it_once(bench: Bench) -> None:
    """Whoever comes second waits for the lock and then says what the first one did."""
    event = publish(bench, 1, {"users": 3, "products": 1, "orders": 2, "order_items": 1})
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda ports: until_done(lambda: load(event, ports)), [bench.ports(), bench.ports()])
    assert first == second
    assert held(bench) == {"users": 3, "products": 1, "orders": 2, "order_items": 1}
    assert bench.ledger(event.run_id) == 4


_KILLED = """
import sys, msgspec
from loader.lake import IcebergLake
from loader.snowflake import SnowflakeWarehouse
from loader.stage import Ports, load
from tidemark.events import LakeCurated
from tidemark.settings import LakeSettings, SnowflakeSettings
from tidemark.tables import Registry
from tidemark_lake.catalog import open_catalog
from tidemark_lake.decisions import MemoryDecisions
from tidemark_warehouse import connect
event = msgspec.json.decode(sys.argv[1], type=LakeCurated)
known = msgspec.json.decode(sys.argv[2], type=Registry)
lake, snowflake = LakeSettings(), SnowflakeSettings()
warehouse = SnowflakeWarehouse(lambda: connect(snowflake), known, lake.lake_warehouse)
catalog = open_catalog(lake.catalog_properties())
load(event, Ports(lake=IcebergLake(catalog, known), warehouse=warehouse, decisions=MemoryDecisions()))
"""


@pytest.mark.parametrize("place", ["loader.after-copy", "loader.before-commit", "loader.after-commit"])
def test_a_killed_loader_s_locks_do_not_last(real: RealBench, place: str) -> None:
    """A process killed with transactions open: the next one waits for their end and loads every row once."""
    event = publish(real, 1, {"users": 3, "orders": 2})
    arguments = [msgspec.json.encode(event).decode(), msgspec.json.encode(real.known).decode()]
    environment = os.environ | real.environment | {"TIDEMARK_FAILPOINTS": f"{place}=kill"}
    killed = subprocess.run([sys.executable, "-W", "ignore", "-c", _KILLED, *arguments], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    until_done(lambda: load(event, real.ports()))
    assert held(real) == {"users": 3, "products": 0, "orders": 2, "order_items": 0}
    assert real.ledger(event.run_id) == 4


def test_values_come_through_exactly(real: RealBench) -> None:
    """Decimals, nulls, times before 1970 and of microseconds, any Unicode: in RAW as in the file."""
    early = datetime(1901, 12, 13, 20, 45, 51, 999999)  # noqa: DTZ001
    hostile = "né☃ \U0001f980 ' \" \\ %s {x}\n\t\u202e"
    users = [
        rows_of("r1", 1, 1, email=hostile, created_at=early)[0] | {"_source_ts": early, "_flags": "a,b"},
        rows_of("r1", 1, 2, email=None, created_at=None)[1] | {"_lsn": None},
    ]
    prices = [Decimal("-99999999.99"), Decimal("0.01"), None]
    products = [rows_of("r1", 1, 3)[n] | {"name": "", "price": price} for n, price in enumerate(prices)]
    parts = []
    for table, rows in (("users", users), ("products", products)):
        parts.append(part_of(table, len(rows), real.append(table, rows)[0], 6))
    load(curated("r1", 1, parts), real.ports())
    own = "_OP, _LSN, _TS_MS, _SOURCE_TS, _FLAGS, _RUN_ID, _RUN_SEQ"
    assert execute(real.connection, f"SELECT ID, EMAIL, CREATED_AT, {own} FROM RAW.USERS ORDER BY ID") == [
        (1, hostile, early, "c", 5, 6, early, "a,b", "r1", 1),
        (2, None, None, "c", None, 6, None, None, "r1", 1),
    ]
    found = execute(real.connection, "SELECT NAME, PRICE, DESCRIPTION, _FILE_ROW_NUMBER FROM RAW.PRODUCTS ORDER BY ID")
    assert found == [("", price, None, n) for n, price in enumerate(prices, 1)]


def test_raw_follows_the_registry(real: RealBench) -> None:
    """A new column is added, a widened one widened, each with an audit row; what no ALTER can do is a typed stop."""
    table = registry().tables["users"]
    execute(real.connection, "ALTER TABLE RAW.USERS DROP COLUMN EMAIL")
    execute(real.connection, "ALTER TABLE RAW.USERS DROP COLUMN ID")
    execute(real.connection, "ALTER TABLE RAW.USERS ADD COLUMN ID NUMBER(5,0)")
    load(publish(real, 1, {"users": 1}), real.ports())
    audited = execute(real.connection, "SELECT OBJECT, DETAIL FROM OPS.AUDIT WHERE ACTION = 'ddl' ORDER BY DETAIL")
    assert audited == [
        ("RAW.USERS", "add column EMAIL VARCHAR"),
        ("RAW.USERS", "widen column ID NUMBER(10,0)"),
    ]
    text = msgspec.structs.replace(
        table, columns=table.columns | {"id": msgspec.structs.replace(table.columns["email"])}
    )
    real.known = msgspec.structs.replace(real.known, tables=real.known.tables | {"users": text})
    with pytest.raises(TypedStop, match=r"RAW.USERS.ID is NUMBER\(10,0\) but the registry says VARCHAR"):
        load(publish(real, 2, {"users": 1}), real.ports())


def test_a_warehouse_that_is_away_is_an_outage(real: RealBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: Retryable, not a crash."""
    monkeypatch.setenv("TIDEMARK_SNOWFLAKE_PORT", str(_free_port()))
    for variable, value in real.environment.items():
        if variable != "TIDEMARK_SNOWFLAKE_PORT":
            monkeypatch.setenv(variable, value)
    with pytest.raises(Retryable):
        connect(SnowflakeSettings())  # type: ignore[call-arg]
