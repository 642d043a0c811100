"""A warehouse of its own on the lab's emulator, with hand-filled RAW, for the tests of the transformer and of dbt.

`emulator` starts the emulator; `Database(environment)` is a fresh database on it, `empty` begins again. `Bench` is one
with dbt: `load` puts changes of one run into RAW, `handle` runs the transformer on it, `rows` reads what is published.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import clouds
from lab_parts import lab_parts, warehouse_environment

from tidemark.events import Kind, LoadedTable, MartsBuilt, RawLoaded
from tidemark.settings import LakeSettings, SnowflakeSettings
from tidemark.tables import Registry, registry
from tidemark_warehouse import connect, execute, execute_many, initialise, names, quote
from transformer.dbt import DbtModels
from transformer.settings import PROJECT
from transformer.snowflake import SnowflakeWarehouse
from transformer.stage import Ports, transform

Row = dict[str, Any]
DAY_ZERO = datetime(2026, 3, 1)  # noqa: DTZ001 - the tables' timestamps have no zone
DAY_ZERO_MS = int(DAY_ZERO.replace(tzinfo=UTC).timestamp() * 1000)


def moment(minutes: float) -> datetime:
    """So many minutes after day zero."""
    return DAY_ZERO + timedelta(minutes=minutes)


@contextmanager
def emulator(home: Path) -> Iterator[dict[str, str]]:
    """The warehouse emulator, the real one in cloud-check; the environment of a service that works on it."""
    if clouds.name():
        yield {name: value for name, value in os.environ.items() if name.startswith("TIDEMARK_SNOWFLAKE_")}
        return
    with lab_parts(home, "warehouse") as ports:
        yield warehouse_environment(ports["warehouse"])


class Database:
    """A database of its own on the emulator, as `tidemark init` leaves it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        name = clouds.own(f"t{uuid4().hex[:8]}").upper()
        self.environment = {**environment, "TIDEMARK_SNOWFLAKE_DATABASE": name}
        os.environ.update(self.environment)  # dbt reads its profile from there at each invocation
        self.settings = SnowflakeSettings()  # type: ignore[call-arg]
        if clouds.name():
            clouds.make_database(self.settings)
        self.connection = connect(self.settings)
        self.follow(registry())

    def follow(self, known: Registry) -> None:
        """Bring RAW to a registry's shape."""
        initialise(self.connection, _InitSettings(self.settings), known)

    def record_load(self, dataset: str, run_seq: int, table: str, rows: int, max_ts_ms: int | None) -> None:
        """Put one table of a run into RAW's ledger."""
        execute(
            self.connection,
            "INSERT INTO OPS.LOAD_LEDGER SELECT %(dataset)s, %(table)s, %(run)s, %(seq)s, 1, %(rows)s, 1, 1, 0.1, "
            "%(newest)s, %(at)s::TIMESTAMP_NTZ(6)",
            {
                "dataset": dataset,
                "table": table,
                "run": f"{dataset}-{run_seq}",
                "seq": run_seq,
                "rows": rows,
                "newest": max_ts_ms,
                "at": DAY_ZERO,
            },
        )

    def empty(self) -> None:
        """Take all rows out and begin again; tables and views stay."""
        tables = execute(
            self.connection,
            "SELECT TABLE_SCHEMA, TABLE_NAME FROM INFORMATION_SCHEMA.TABLES "
            "WHERE TABLE_SCHEMA IN ('RAW', 'STAGING', 'MARTS', 'TEST_FAILURES') AND TABLE_TYPE = 'BASE TABLE'",
        )
        for schema, table in tables:
            execute(self.connection, f"DELETE FROM {quote(schema, table)}")
        execute(self.connection, "DELETE FROM OPS.LOAD_LEDGER")
        execute(self.connection, "DELETE FROM OPS.PUBLISH_LEDGER")
        execute(self.connection, "UPDATE OPS.PUBLISH_LOCK SET GENERATION = 0, RUN_SEQ = 0, EXCLUDE_FLAGGED = FALSE")

    def close(self) -> None:
        """End the session."""
        self.connection.close()


class Bench(Database):
    """A database in which dbt builds. `load` fills columns that a test does not give with examples."""

    def __init__(self, environment: Mapping[str, str], project: Path = PROJECT) -> None:
        super().__init__(environment)
        self._opened: list[tuple[SnowflakeWarehouse, tempfile.TemporaryDirectory[str]]] = []
        self.ports = self.process(project)

    def close(self) -> None:
        """Drop what its processes have built, and their files."""
        for warehouse, scratch in self._opened:
            warehouse.close()
            scratch.cleanup()
        super().close()

    @property
    def build_schema(self) -> str:
        """Where the newest process builds."""
        return self._opened[-1][0].build_schema

    def process(self, project: Path = PROJECT) -> Ports:
        """The transformer's ports as a process of their own would have them."""
        warehouse = SnowflakeWarehouse(lambda: connect(self.settings))
        scratch = tempfile.TemporaryDirectory(prefix="dbt-")
        self._opened.append((warehouse, scratch))
        models = DbtModels(project, Path(scratch.name), warehouse.build_schema, registry(), warehouse)
        return Ports(warehouse=warehouse, models=models)

    def load(self, dataset: str, run_seq: int, tables: Mapping[str, Sequence[Row]]) -> None:
        """Put changes of one run into RAW, and the run into its ledger."""
        for table in registry().tables_of(dataset):
            rows = [_complete(table, row, run_seq, number) for number, row in enumerate(tables.get(table, []))]
            if rows:
                places = ", ".join(f"%({column})s" for column in rows[0])
                statement = f"INSERT INTO {quote('raw', table)} ({names(rows[0])}) VALUES ({places})"
                execute_many(self.connection, statement, rows)
            newest = max((row["_ts_ms"] for row in rows), default=None)
            self.record_load(dataset, run_seq, table, len(rows), newest)

    def handle(self, dataset: str, run_seq: int, kind: Kind = "process", generation: int = 1) -> MartsBuilt:
        """What the transformer makes of the run's raw.loaded."""
        os.environ.update(self.environment)
        return transform(loaded_event(dataset, run_seq, kind, generation), self.ports)

    def rows(self, table: str, order_by: str = "1") -> list[Row]:
        """All rows of a published table or view, columns in lower case."""
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table} ORDER BY {order_by}")
            columns = [column.name.lower() for column in cursor.description]
            return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def loaded_event(dataset: str, run_seq: int, kind: Kind = "process", generation: int = 1) -> RawLoaded:
    """The loader's event of a run."""
    tables = [LoadedTable(table=name, rows=1, files=1, bytes=1, seconds=0.1) for name in registry().tables_of(dataset)]
    return RawLoaded(
        dataset=dataset,
        run_id=f"{dataset}-{run_seq}",
        run_seq=run_seq,
        kind=kind,
        generation=generation,
        tables=tables,
        max_ts_ms=None,
        committed_at_ms=DAY_ZERO_MS,
        seconds=0.1,
    )


_EXAMPLES = {"string": "x", "uuid": "u", "int": 1, "long": 1, "timestamp": DAY_ZERO, "bool": False}


def _complete(table: str, row: Row, run_seq: int, number: int) -> Row:
    contract = registry().tables[table].columns
    debezium = registry().datasets[registry().tables[table].dataset].order == "debezium"
    ts_ms = row.get("_ts_ms", DAY_ZERO_MS + run_seq * 1000 + number)
    defaults: Row = {name: _EXAMPLES.get(column.type, 1) for name, column in contract.items()}
    own = {
        "_op": "u" if debezium else "c",
        "_lsn": run_seq * 1000 + number if debezium else None,
        "_ts_ms": ts_ms,
        "_source_ts": DAY_ZERO + timedelta(milliseconds=ts_ms - DAY_ZERO_MS) if debezium else None,
        "_flags": None,
        "_run_id": f"run-{run_seq}",
        "_run_seq": run_seq,
        "_file_name": f"{table}-{run_seq}.parquet",
        "_file_row_number": number,
        "_loaded_at": DAY_ZERO,
    }
    complete = {**defaults, **own, **row}
    if unknown := complete.keys() - defaults.keys() - own.keys():
        raise ValueError(f"{table} has no {sorted(unknown)}")
    return complete


class _InitSettings:
    def __init__(self, settings: SnowflakeSettings) -> None:
        self.snowflake_database = settings.snowflake_database
        self.lake_warehouse = LakeSettings().lake_warehouse
        self.s3_endpoint: str | None = "http://127.0.0.1:1"  # the stage is only declared
