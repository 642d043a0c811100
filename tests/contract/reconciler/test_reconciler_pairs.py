"""Pairs from the registry: one that is added by configuration only, with daily totals, on both engines and twins."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from snowflake.connector import SnowflakeConnection

from reconciler.clickhouse import ClickHouse
from reconciler.memory_sides import MemoryMarts, MemorySpeedLayer, micros
from reconciler.passes import compare_pair
from reconciler.ports import Window
from reconciler.snowflake import Session, Snowflake
from tidemark.tables import Registry, read_registry
from tidemark_warehouse import execute

pytestmark = pytest.mark.lab

REGISTRY = """
[datasets]
events = { source = "events", curated = "curated_events", order = "arrival", tables = [] }
[tables]
[pairs.refunds]
dataset = "events"
batch_schema = "staging"
batch = "refunds_kept"
batch_filter = { _deleted = false, kind = "refund" }
speed = "refunds_live"
key = ["refund_id"]
event_time = "refunded_at"
version = "seen_at"
lateness_seconds = 600
stalled_seconds = 7200
columns = { refund_id = "long", shop = "string", amount = "decimal(12,3)", due = "date", refunded_at = "timestamp" }
[totals.refunds_by_shop]
of = "refunds"
group_by = ["shop"]
sums = ["amount"]
"""
DAY = datetime.fromisoformat("2026-03-01 00:00:00")
NAMES = ["refund_id", "shop", "amount", "due", "refunded_at"]
Row = dict[str, Any]


def row(number: int, hours: float = 1.0, amount: str = "1.500", shop: str = "nö|rd") -> Row:
    at = DAY + timedelta(hours=hours)
    values = (number, shop, Decimal(amount), date(2026, 4, 1), at)
    return dict(zip(NAMES, values, strict=True))


# Two days in two shops. Written twice, and in older versions: no difference.
ROWS = [row(n, hours=n % 48, shop=("nö|rd", "")[n % 2]) for n in range(1, 200)]
LOST, CHANGED, YOUNG = 7, 30, 300
BATCH = [
    *(row(CHANGED, 30, "1.501") if r["refund_id"] == CHANGED else r for r in ROWS if r["refund_id"] != LOST),
    row(YOUNG, hours=49.5),
]
DELETED = [row(400) | {"_deleted": True}, row(401) | {"kind": "sale"}]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("registry") / "tables.toml"
    file.write_text(REGISTRY)
    return read_registry(Path(file))


@pytest.fixture(scope="module", params=["twins", "engines"])
def sides(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    """The same rows in memory and on the engines."""
    live = [(*r.values(), DAY + timedelta(hours=60)) for r in ROWS]
    live += live[:20] + [(*row(n, hours=n % 48, amount="9.000").values(), DAY) for n in range(1, 20)]
    kept = [{"_deleted": False, "kind": "refund", **r} for r in [*BATCH, *DELETED]]
    if request.param == "twins":
        speed_rows = [dict(zip([*NAMES, "seen_at"], values, strict=True)) for values in live]
        return MemorySpeedLayer({"refunds_live": speed_rows}), MemoryMarts({"refunds_kept": kept})
    speed: Client = request.getfixturevalue("speed")
    speed.command(
        "CREATE OR REPLACE TABLE speed.refunds_live (refund_id Int64, shop LowCardinality(String), "
        "amount Decimal(12, 3), due Date, refunded_at DateTime64(3, 'Europe/Berlin'), seen_at DateTime64(3)) "
        "ENGINE = MergeTree ORDER BY refund_id"
    )
    utc = [(*values[:4], micros(values[4]) // 1000, values[5]) for values in live]  # a zone only shows times otherwise
    speed.insert("speed.refunds_live", utc, column_names=[*NAMES, "seen_at"])
    warehouse: SnowflakeConnection = request.getfixturevalue("warehouse")
    execute(
        warehouse,
        "CREATE OR REPLACE TABLE STAGING.REFUNDS_KEPT (_DELETED BOOLEAN, KIND VARCHAR, REFUND_ID NUMBER(19,0), "
        "SHOP VARCHAR, AMOUNT NUMBER(12,3), DUE DATE, REFUNDED_AT TIMESTAMP_NTZ(6))",
    )
    for values in kept:
        places = ", ".join(f"%({name})s" for name in values)
        execute(warehouse, f"INSERT INTO STAGING.REFUNDS_KEPT SELECT {places}", values)
    return (
        ClickHouse(request.getfixturevalue("clickhouse_settings")),
        Snowflake(Session(request.getfixturevalue("snowflake_settings"))),
    )


def window(until: datetime) -> Window:
    reached = micros(until) // 1000
    return Window(cutoff_ms=reached - 600_000, upper_ms=reached, processed_ms=micros(DAY) // 1000 + 90 * 3_600_000)


def found(known: Registry, name: str, sides: tuple[Any, Any], until: datetime) -> dict[str, tuple[Any, ...]]:
    compared = compare_pair(known.pairs[name], *sides, window(until), ())
    return {one.key: (one.kind, one.columns, one.event_ms) for one in compared.differences}


def test_a_pair_by_configuration_only_is_compared(known: Registry, sides: tuple[Any, Any]) -> None:
    """Rows by key, in the schema that the registry names; repeats, old versions and filtered rows are no difference."""
    at = {n: micros(DAY + timedelta(hours=n)) // 1000 for n in (LOST, CHANGED)}
    young = micros(DAY + timedelta(hours=49.5)) // 1000
    assert found(known, "refunds", sides, DAY + timedelta(hours=50)) == {
        str(LOST): ("missing_in_batch", (), at[LOST]),
        str(CHANGED): ("different", ("amount",), at[CHANGED]),
        str(YOUNG): ("missing_in_speed", (), young),
    }


def test_totals_are_compared_as_a_pair_of_their_own(known: Registry, sides: tuple[Any, Any]) -> None:
    """Rows and sums per day and group; the column that differs says whether rows or money are missing."""
    first, second = (micros(DAY + timedelta(days=n)) // 1000 for n in (1, 2))
    assert found(known, "refunds_by_shop", sides, DAY + timedelta(hours=50)) == {
        "0:|2026-03-01": ("different", ("row_count", "amount"), first),
        "5:nö|rd|2026-03-02": ("different", ("amount",), second),
    }


def test_a_day_that_has_not_ended_is_not_looked_at(known: Registry, sides: tuple[Any, Any]) -> None:
    """A day's event time is its end: before both sides have got there its totals say nothing."""
    until = DAY + timedelta(days=2) - timedelta(milliseconds=1)
    assert list(found(known, "refunds_by_shop", sides, until)) == ["0:|2026-03-01"]
    assert found(known, "refunds_by_shop", sides, DAY + timedelta(hours=23)) == {}
