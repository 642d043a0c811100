"""Benches for the loader's contract: a lake and a warehouse in which runs can be published and files damaged.

`TwinBench` has the in-memory twins; `RealBench` curated tables by pyiceberg on the lab's store, and the emulator.
"""

from collections.abc import Sequence
from uuid import uuid4

import boto3
import clouds
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lab_parts import catalog_of
from loader_runs import Row, rows_of
from pyiceberg.catalog import Catalog
from pyiceberg.table import Table

from loader.lake import IcebergLake
from loader.memory import MemoryLake, MemoryWarehouse
from loader.ports import Ports
from loader.snowflake import SnowflakeWarehouse
from tidemark.settings import LakeSettings, SnowflakeSettings
from tidemark.tables import Registry, registry
from tidemark_lake.decisions import MemoryDecisions
from tidemark_warehouse import connect, execute, initialise

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


class TwinBench:
    """The in-memory twins."""

    def __init__(self) -> None:
        self.lake = MemoryLake()
        self.warehouse = MemoryWarehouse(self.lake, silent_seconds=0.3)
        self.decisions = MemoryDecisions()
        self.snapshots = 0

    def ports(self) -> Ports:
        return Ports(lake=self.lake, warehouse=self.warehouse, decisions=self.decisions)

    def append(self, table: str, rows: Sequence[Row]) -> tuple[int, list[str]]:
        self.snapshots += 1
        path = f"s3://lake/warehouse/{table}/{self.snapshots}.parquet"
        self.lake.add("ecommerce", table, self.snapshots, {path: rows})
        return self.snapshots, [path]

    def append_files(self, table: str, run_id: str, run_seq: int, count: int) -> tuple[int, list[str]]:
        self.snapshots += 1
        rows = rows_of(run_id, run_seq, count)
        files = {f"s3://lake/warehouse/{table}/{n:05d}.parquet": [row] for n, row in enumerate(rows)}
        self.lake.add("ecommerce", table, self.snapshots, files)
        return self.snapshots, list(files)

    def put_back(self, path: str, rows: Sequence[Row] | None, table: str) -> None:
        self.lake.contents.pop(path)
        if rows is not None:
            self.lake.contents[path] = list(rows)

    def rows(self, table: str, run_id: str | None = None) -> int:
        return len([row for row in self.warehouse.rows(table) if run_id in (None, row["_run_id"])])

    def expire(self, table: str, snapshot: int) -> None:
        self.lake.expired.add(snapshot)

    def set_back(self, table: str, snapshot: int) -> None:
        self.lake.off_main |= set(range(snapshot + 1, self.snapshots + 1))

    def files(self, table: str) -> int:
        return len({row["_file_name"] for row in self.warehouse.rows(table)})

    def ledger(self, run_id: str) -> int:
        return len([entry for entry in self.warehouse.ledger() if entry.run_id == run_id])

    def audit(self, run_id: str) -> list[tuple[str, str]]:
        return sorted((action, f"RAW.{table.upper()}") for run, action, table in self.warehouse.audit if run == run_id)


class RealBench:
    """pyiceberg on the lab's store, the ordinary connector on the emulator; a database of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        name = clouds.own(f"t{uuid4().hex[:8]}").upper()
        self.environment = environment | {"TIDEMARK_SNOWFLAKE_DATABASE": name}
        with pytest.MonkeyPatch.context() as patch:
            for variable, value in self.environment.items():
                patch.setenv(variable, value)
            self.lake, self.snowflake = LakeSettings(), SnowflakeSettings()  # type: ignore[call-arg]
        self.keys = {} if clouds.name() else {"access-key-id": "lab", "secret-access-key": "lab"}
        keys = {f"{place}.{key}": value for place in ("s3", "glue") for key, value in self.keys.items()}
        self.catalog: Catalog = catalog_of(self.lake.catalog_properties() | keys)
        self.known: Registry = msgspec.structs.replace(
            registry(),
            datasets={"ecommerce": msgspec.structs.replace(registry().datasets["ecommerce"], curated=name.lower())},
            tables=registry().tables_of("ecommerce"),
        )
        self.catalog.create_namespace(name.lower())
        self.decisions = MemoryDecisions()
        if clouds.name():
            clouds.make_database(self.snowflake)
        self.connection = connect(self.snowflake)
        initialise(self.connection, _Both(self.snowflake, self.lake), self.known)

    def ports(self) -> Ports:
        warehouse = SnowflakeWarehouse(lambda: connect(self.snowflake), self.known, self.lake.lake_warehouse)
        return Ports(lake=IcebergLake(self.catalog, self.known), warehouse=warehouse, decisions=self.decisions)

    def append(self, table: str, rows: Sequence[Row]) -> tuple[int, list[str]]:
        return self._append(table, _arrow(table, rows), {})

    def append_files(self, table: str, run_id: str, run_seq: int, count: int) -> tuple[int, list[str]]:
        smallest = {"write.target-file-size-bytes": "1"}
        return self._append(table, _arrow(table, rows_of(run_id, run_seq, count)), smallest)

    def _append(self, table: str, content: pa.Table, properties: dict[str, str]) -> tuple[int, list[str]]:
        name = f"{self.known.datasets['ecommerce'].curated}.{table}_changes"
        changes = self.catalog.create_table_if_not_exists(name, schema=content.schema, properties=properties)
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
            region_name=self.lake.aws_region,
            **{f"aws_{key.replace('-', '_')}": value for key, value in self.keys.items()},
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

    def expire(self, table: str, snapshot: int) -> None:
        self._changes(table).maintenance.expire_snapshots().by_id(snapshot).commit()

    def set_back(self, table: str, snapshot: int) -> None:
        self._changes(table).manage_snapshots().rollback_to_snapshot(snapshot).commit()

    def _changes(self, table: str) -> Table:
        return self.catalog.load_table(f"{self.known.datasets['ecommerce'].curated}.{table}_changes")

    def files(self, table: str) -> int:
        return int(execute(self.connection, f"SELECT COUNT(DISTINCT _FILE_NAME) FROM RAW.{table}")[0][0])

    def ledger(self, run_id: str) -> int:
        text = "SELECT COUNT(*) FROM OPS.LOAD_LEDGER WHERE RUN_ID = %(run)s"
        return int(execute(self.connection, text, {"run": run_id})[0][0])

    def audit(self, run_id: str) -> list[tuple[str, str]]:
        text = "SELECT ACTION, OBJECT FROM OPS.AUDIT WHERE RUN_ID = %(run)s ORDER BY ACTION, OBJECT"
        return [(str(action), str(name)) for action, name in execute(self.connection, text, {"run": run_id})]


class _Both:
    """Init settings of the two groups."""

    def __init__(self, snowflake: SnowflakeSettings, lake: LakeSettings) -> None:
        self.snowflake_database = snowflake.snowflake_database
        self.lake_warehouse, self.s3_endpoint = lake.lake_warehouse, lake.s3_endpoint


def _arrow(table: str, rows: Sequence[Row]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=pa.schema([*FIELDS[table], *OWN]))
