"""The whole stage on the real engines: a run, a crash before and after its commit, the run again."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from clickhouse_connect.driver.client import Client
from snowflake.connector import SnowflakeConnection

from reconciler.clickhouse import ClickHouse
from reconciler.lake import LakeReports
from reconciler.memory import MemoryLake
from reconciler.memory_sides import micros
from reconciler.ports import Ports
from reconciler.snowflake import Session, Snowflake
from reconciler.snowflake_ledger import SnowflakeLedger
from reconciler.stage import reconcile
from tidemark.events import LayersReconciled, MartsBuilt
from tidemark.failpoints import FailpointError
from tidemark.settings import ClickHouseSettings, LakeSettings, SnowflakeSettings
from tidemark.tables import registry
from tidemark_lake.objects import Folder, s3_client
from tidemark_warehouse import column_type, execute, quote
from tidemark_warehouse.identifiers import definitions

pytestmark = pytest.mark.lab

NOW = datetime.fromisoformat("2026-03-02 00:00:00")
PAIRS = registry().pairs


@pytest.fixture
def real(
    speed: Client,
    warehouse: SnowflakeConnection,
    clickhouse_settings: ClickHouseSettings,
    snowflake_settings: SnowflakeSettings,
    lake: LakeSettings,
) -> Iterator[Ports]:
    """Three rows on each side, of which one differs; marts published as run 1."""
    for table in ("transactions_realtime", "user_sessions_realtime", "user_events_realtime"):
        speed.command(f"TRUNCATE TABLE speed.{table}")
    for table in ("RECONCILIATION_RUN", "RECONCILIATION_ENTRY", "PUBLISH_LEDGER"):
        execute(warehouse, f"DELETE FROM OPS.{table}")
    for pair in (pair for pair in PAIRS.values() if not pair.totals_of):
        filters = {name: "bool" if isinstance(value, bool) else "int" for name, value in pair.batch_filter.items()}
        columns = definitions({name: column_type(kind) for name, kind in (pair.columns | filters).items()})
        execute(warehouse, f"CREATE OR REPLACE TABLE {quote(pair.batch_schema, pair.batch)} ({columns})")
    _write(speed, warehouse, [_row(n) for n in range(3)])
    _publish(warehouse, 1, NOW)
    session = Session(snowflake_settings)
    yield Ports(
        registry=registry(),
        speed=ClickHouse(clickhouse_settings),
        marts=Snowflake(session),
        lake=MemoryLake({}),
        ledger=SnowflakeLedger(session),
        reports=LakeReports(Folder(s3_client(lake.aws_region, lake.s3_endpoint), lake.lake_state)),
        clock=lambda: 1_800_000_000.0,
    )


@pytest.mark.parametrize(
    "place", [f"reconciler.{when}-{what}" for what in ("report", "commit") for when in ("before", "after")]
)
def test_a_crash_around_report_and_commit_changes_nothing(
    real: Ports, place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, warehouse: SnowflakeConnection
) -> None:
    """After a crash and a redelivery the ledger holds what it would hold without, once, and the events are the same."""
    monkeypatch.setenv("TIDEMARK_FAILPOINTS", f"{place}=raise")
    monkeypatch.setenv("TIDEMARK_FAILPOINT_LOG", str(tmp_path / "hits"))
    with pytest.raises(FailpointError):
        reconcile(_built(1), real)
    first = reconcile(_built(1), real)
    again = reconcile(_built(1), real)
    assert first == again
    assert isinstance(first[0], LayersReconciled)
    assert {p.pair: (p.status, p.rows, p.suspect) for p in first[0].pairs} == {
        "transactions": ("CONVERGING", 3, 1),
        "sessions": ("CONVERGED", 0, 0),
        "user_events": ("CONVERGED", 0, 0),
        "revenue": ("CONVERGED", 0, 0),
    }
    rows = execute(warehouse, "SELECT STATE, DIFFERENCE, DIFFERENT_COLUMNS FROM OPS.RECONCILIATION_ENTRY")
    assert rows == [("suspect", "different", "status")]
    assert execute(warehouse, "SELECT COUNT(*) FROM OPS.RECONCILIATION_RUN") == [(1,)]


def test_a_later_run_confirms(real: Ports, speed: Client, warehouse: SnowflakeConnection) -> None:
    """The difference is still there once W has moved on: DIVERGED; the report stands beside the lake."""
    reconcile(_built(1), real)
    later = NOW + timedelta(hours=1)
    _write(speed, warehouse, [_row(3, NOW)], processed=later)
    _publish(warehouse, 2, later)
    (reconciled, alert) = reconcile(_built(2), real)
    assert isinstance(reconciled, LayersReconciled)
    assert (reconciled.status, [p.confirmed for p in reconciled.pairs]) == ("DIVERGED", [1, 0, 0, 0])
    assert getattr(alert, "incident", None) == "reconciler/transactions/diverged/run-2"


def test_the_full_list_is_parquet_beside_the_lake(real: Ports, lake: LakeSettings) -> None:
    """The pair's detail names the folder; a row per differing key, with both sides' texts by column."""
    (reconciled,) = reconcile(_built(1), real)
    assert isinstance(reconciled, LayersReconciled)
    detail = next(pair.detail for pair in reconciled.pairs if pair.pair == "transactions")
    counted, _, listed = detail.partition("; all in ")
    assert counted == "differing keys: 1 different"
    folder = Folder(s3_client(lake.aws_region, lake.s3_endpoint), lake.lake_state)
    (name,) = folder.names(listed.removeprefix(f"{folder.uri}/"))
    (row,) = pq.read_table(pa.BufferReader(folder.read(name) or b"")).to_pylist()
    assert (row["kind"], row["columns"], row["copies"]) == ("different", ["status"], 1)
    sides = (dict(row["speed"])["status"], dict(row["batch"])["status"])
    assert sides == ("9:completed", "8:refunded")


def _row(number: int, at: datetime = NOW - timedelta(hours=2)) -> dict[str, Any]:
    values: dict[str, Any] = {"int": 1, "string": "completed", "decimal(10,2)": Decimal("1.50"), "timestamp": at}
    row = {name: values.get(kind) for name, kind in PAIRS["transactions"].columns.items()}
    return row | {name: f"00000000-0000-0000-0000-{number:012d}" for name, v in row.items() if v is None}


def _write(
    speed: Client, warehouse: SnowflakeConnection, rows: list[dict[str, Any]], processed: datetime = NOW
) -> None:
    """Write rows to both sides; the one with number 1 has another status in the mart."""
    names = list(rows[0])
    lines = [[*row.values(), processed] for row in rows]
    speed.insert("speed.transactions_realtime", lines, column_names=[*names, "processing_time"])
    places = ", ".join(f"%({name})s" for name in names)
    for row in rows:
        other = {"status": "refunded"} if row["transaction_id"].endswith("1") else {}
        execute(warehouse, f"INSERT INTO MARTS.FCT_TRANSACTIONS SELECT {places}", row | other)


def _publish(warehouse: SnowflakeConnection, seq: int, as_of: datetime) -> None:
    execute(
        warehouse,
        "INSERT INTO OPS.PUBLISH_LEDGER SELECT 'events', 'r', 0, %(seq)s, 1, %(ms)s, '{}', '2026-03-01'::TIMESTAMP_NTZ",
        {"seq": seq, "ms": micros(as_of) // 1000},
    )


def _built(seq: int) -> MartsBuilt:
    return MartsBuilt(
        dataset="events", run_id=f"run-{seq}", run_seq=seq, kind="process", generation=1, from_seq=seq - 1, to_seq=seq,
        as_of_ms=0, models=[], tests=0, committed_at_ms=0, seconds=0.0,
    )  # fmt: skip
