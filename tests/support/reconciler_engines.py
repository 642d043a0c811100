"""Transactions on both real engines as the reconciler meets them, and runs of it in simulated time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from clickhouse_connect.driver.client import Client
from msgspec import structs
from reconciler_day import KNOWN, MIDNIGHT, PAIR, Row, ms, transaction
from snowflake.connector import SnowflakeConnection

from reconciler.clickhouse import ClickHouse
from reconciler.lake import LakeReports
from reconciler.memory import MemoryLake
from reconciler.ports import Ports
from reconciler.snowflake import Session, Snowflake
from reconciler.snowflake_ledger import SnowflakeLedger
from reconciler.stage import reconcile
from tidemark.events import Event, MartsBuilt
from tidemark.settings import ClickHouseSettings, SnowflakeSettings
from tidemark_lake.objects import Folder
from tidemark_warehouse import column_type, execute, execute_many, quote
from tidemark_warehouse.identifiers import definitions

OPS = ("RECONCILIATION_RUN", "RECONCILIATION_ENTRY", "PUBLISH_LEDGER", "AUDIT")


class Engines:
    """Both engines, emptied. `hour` is the simulation's clock; a run gets both sides on by an hour."""

    def __init__(
        self,
        speed: Client,
        warehouse: SnowflakeConnection,
        settings: tuple[ClickHouseSettings, SnowflakeSettings],
        folder: Folder,
    ) -> None:
        self.speed, self.warehouse, self.folder, self.hour = speed, warehouse, folder, 2
        for table in ("transactions_realtime", "user_sessions_realtime", "user_events_realtime"):
            speed.command(f"TRUNCATE TABLE speed.{table}")
        for table in OPS:
            execute(warehouse, f"DELETE FROM OPS.{table}")
        columns = definitions({name: column_type(kind) for name, kind in PAIR.columns.items()})
        execute(warehouse, f"CREATE OR REPLACE TABLE {quote('marts', PAIR.batch)} ({columns})")
        session = Session(settings[1])
        self.ports = Ports(
            registry=structs.replace(KNOWN, pairs={"transactions": PAIR}),
            speed=ClickHouse(settings[0], retry_seconds=1),
            marts=Snowflake(session),
            lake=MemoryLake({}),
            ledger=SnowflakeLedger(session),
            reports=LakeReports(folder),
            clock=lambda: self.now.replace(tzinfo=UTC).timestamp(),
        )

    @property
    def now(self) -> datetime:
        return MIDNIGHT + timedelta(hours=self.hour)

    def rows(self, count: int, **values: Any) -> list[Row]:
        return [transaction(number, MIDNIGHT + timedelta(minutes=number), **values) for number in range(count)]

    def write_speed(self, rows: Sequence[Row]) -> None:
        names = [*PAIR.columns, PAIR.version]
        lines = [[*(row[name] for name in PAIR.columns), row["created_at"] + timedelta(seconds=2)] for row in rows]
        self.speed.insert("speed.transactions_realtime", lines, column_names=names)

    def write_marts(self, rows: Sequence[Row]) -> None:
        places = ", ".join(f"%({name})s" for name in PAIR.columns)
        execute_many(self.warehouse, f"INSERT INTO MARTS.FCT_TRANSACTIONS VALUES ({places})", list(rows))

    def run(self) -> list[Event]:
        """Both sides get on by an hour and are compared."""
        self.hour += 1
        self.beat()
        return self.compare()

    def beat(self) -> None:
        self.write_speed([transaction(10_000 + self.hour, self.now - timedelta(seconds=2))])
        self.write_marts([transaction(10_000 + self.hour, self.now - timedelta(seconds=2))])
        row = "SELECT 'events', 'r', 0, %(seq)s, 1, %(ms)s, '{}', '2026-03-01'::TIMESTAMP_NTZ"
        execute(self.warehouse, f"INSERT INTO OPS.PUBLISH_LEDGER {row}", {"seq": self.hour, "ms": ms(self.now)})

    def compare(self) -> list[Event]:
        """The comparison of the newest run, or what it said if it has been done."""
        return reconcile(self.event(), self.ports)

    def event(self) -> MartsBuilt:
        return MartsBuilt(
            dataset="events", run_id=f"run-{self.hour}", run_seq=self.hour, kind="process", generation=1,
            from_seq=0, to_seq=self.hour, as_of_ms=0, models=[], tests=0, committed_at_ms=0, seconds=0.0,
        )  # fmt: skip

    def told(self, statement: str) -> list[tuple[Any, ...]]:
        return execute(self.warehouse, statement)
