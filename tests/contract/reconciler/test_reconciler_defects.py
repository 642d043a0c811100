"""Seeded defects of every class among many rows: all found, each in its class and columns, and nothing else."""

from typing import NamedTuple

import pytest
from clickhouse_connect.driver.client import Client
from reconciler_generated import MART, PAIR, SPEED, fill_mart, fill_speed, key, uuid, window
from snowflake.connector import SnowflakeConnection

from reconciler.clickhouse import ClickHouse
from reconciler.entries import Difference
from reconciler.passes import compare_pair
from reconciler.snowflake import Session, Snowflake
from tidemark.settings import ClickHouseSettings, SnowflakeSettings
from tidemark_warehouse import execute

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800)]

Sides = tuple[ClickHouse, Snowflake]
BOTH = ("payment_method", "user_tier")


class Defect(NamedTuple):
    """What must be found. `mart`: a SET clause of the mart's rows; `live`: values of a newer version in the speed
    layer, which for `doubled_in_speed` has the old version's processing time."""

    kind: str
    columns: tuple[str, ...] = ()
    mart: str = ""
    live: str = ""


DEFECTS = {
    "single column": Defect("different", ("quantity",), "QUANTITY = QUANTITY + 1"),
    "one cent": Defect("different", ("total_amount",), "TOTAL_AMOUNT = TOTAL_AMOUNT + 0.01"),
    "one millisecond": Defect("different", ("created_at",), "CREATED_AT = DATEADD(MILLISECOND, 1, CREATED_AT)"),
    "NULL against empty": Defect("different", ("payment_method",), "PAYMENT_METHOD = NULL", "'' AS payment_method"),
    "swapped columns": Defect("different", BOTH, "PAYMENT_METHOD = USER_TIER, USER_TIER = PAYMENT_METHOD"),
    "normalisation": Defect(
        "different", ("payment_method",), "PAYMENT_METHOD = 'ne\u0301'", "'n\u00e9' AS payment_method"
    ),
    "separators": Defect(
        "different",
        BOTH,
        "PAYMENT_METHOD = 'a', USER_TIER = '|1:b'",
        "'a|' AS payment_method, '1:b' AS user_tier",
    ),
    "missing in speed": Defect("missing_in_speed"),
    "missing in batch": Defect("missing_in_batch"),
    "doubled in batch": Defect("doubled"),
    "doubled in speed": Defect("doubled_in_speed", ("status",), live="'lost' AS status"),
}


@pytest.fixture
def sides(clickhouse_settings: ClickHouseSettings, snowflake_settings: SnowflakeSettings) -> Sides:
    return ClickHouse(clickhouse_settings), Snowflake(Session(snowflake_settings))


@pytest.mark.parametrize(("rows", "defects"), [(20_000, 110), pytest.param(2_000_000, 1000, marks=pytest.mark.soak)])
def test_every_seeded_defect_is_found(
    rows: int, defects: int, speed: Client, warehouse: SnowflakeConnection, sides: Sides
) -> None:
    """As many as were seeded, each in its class and columns; repeats, older and unseen versions are none."""
    names = list(DEFECTS)
    seeded: dict[str, list[int]] = {name: [] for name in names}
    for n in range(defects):
        seeded[names[n % len(names)]].append(11 + n * (rows // defects - 1))
    speed.command(f"TRUNCATE TABLE {SPEED}")
    fill_speed(speed, rows, without=seeded["missing in speed"])
    fill_mart(warehouse, rows)
    _dirt(speed, share=10)
    for name, numbers in seeded.items():
        _seed(DEFECTS[name], numbers, speed, warehouse)
    kept: list[Difference] = []
    compared = compare_pair(PAIR, *sides, window(), (), kept.extend)
    found = {one.key: (one.kind, one.columns) for one in kept}
    expected = {key(n): DEFECTS[name][:2] for name, numbers in seeded.items() for n in numbers}
    assert len(expected) == defects
    assert found == expected
    assert (compared.left_over, len(kept)) == (0, defects)


@pytest.mark.parametrize("runs", [3, pytest.param(100, marks=pytest.mark.soak)])
def test_dirt_alone_is_no_difference(runs: int, speed: Client, warehouse: SnowflakeConnection, sides: Sides) -> None:
    """Run after run with other repeats, older and unseen versions: never a difference."""
    fill_mart(warehouse, 2000)
    found = []
    for run in range(runs):
        speed.command(f"TRUNCATE TABLE {SPEED}")
        fill_speed(speed, 2000)
        _dirt(speed, share=2 + run % 30)
        found += compare_pair(PAIR, *sides, window(), ()).differences
    assert found == []


def _dirt(speed: Client, share: int) -> None:
    """Every `share`th row or so: written twice, in an older version, in a version that is processed after P."""
    later = f"toDateTime64({window().processed_ms + 1000} / 1000, 3, 'UTC')"
    for place, changed in (
        (0, ""),
        (1, "REPLACE ('failed' AS status, 9 AS quantity, processing_time - toIntervalSecond(1) AS processing_time)"),
        (2, f"REPLACE ('unseen' AS status, {later} AS processing_time)"),
    ):
        speed.command(
            f"INSERT INTO {SPEED} SELECT * {changed} FROM {SPEED} WHERE cityHash64(user_id) % {share} = {place}"
        )


def _seed(defect: Defect, numbers: list[int], speed: Client, warehouse: SnowflakeConnection) -> None:
    ids = ", ".join(f"'{uuid('t', n)}'" for n in numbers)
    of_mart = f"TRANSACTION_ID IN ({ids})"
    if defect.mart:
        execute(warehouse, f"UPDATE {MART} SET {defect.mart} WHERE {of_mart}")
    if defect.kind == "missing_in_batch":
        execute(warehouse, f"DELETE FROM {MART} WHERE {of_mart}")
    if defect.kind == "doubled":
        execute(warehouse, f"INSERT INTO {MART} SELECT * FROM {MART} WHERE {of_mart}")
    if defect.live:
        version = "processing_time" if defect.kind == "doubled_in_speed" else "processing_time + toIntervalSecond(5)"
        seen = f"toUnixTimestamp64Milli(processing_time) <= {window().processed_ms}"
        latest = f"SELECT * FROM {SPEED} WHERE transaction_id IN ({ids}) AND {seen} ORDER BY processing_time DESC"
        speed.command(
            f"INSERT INTO {SPEED} SELECT * REPLACE ({defect.live}, {version} AS processing_time) "
            f"FROM ({latest} LIMIT 1 BY transaction_id)"
        )
