"""Benches for the loader's contract: a lake and a warehouse in which runs can be published and files damaged.

`TwinBench` has the in-memory twins; `RealBench` curated tables by pyiceberg on the lab's store, and the emulator.
"""

import socket
import time
from collections.abc import Callable, Sequence
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
from loader.stage import Ports
from tidemark.errors import Retryable
from tidemark.events import CuratedTable, Kind, LakeCurated
from tidemark.settings import LakeSettings, SnowflakeSettings
from tidemark.tables import Registry, registry
from tidemark_lake.catalog import open_catalog
from tidemark_lake.decisions import MemoryDecisions
from tidemark_warehouse import connect, execute, initialise

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
        client = boto3.client(
            "s3",
            endpoint_url=self.lake.s3_endpoint,
            region_name="us-east-1",
            aws_access_key_id="lab",
            aws_secret_access_key="lab",
        )
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


class _Both:
    """Init settings of the two groups."""

    def __init__(self, snowflake: SnowflakeSettings, lake: LakeSettings) -> None:
        self.snowflake_database = snowflake.snowflake_database
        self.lake_warehouse, self.s3_endpoint = lake.lake_warehouse, lake.s3_endpoint


def _arrow(table: str, rows: Sequence[Row]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=pa.schema([*FIELDS[table], *OWN]))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str) -> None:
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
    end = time.monotonic() + 120
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
