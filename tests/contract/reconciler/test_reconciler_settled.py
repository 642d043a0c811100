"""Fingerprints and partial sums on engines and twins: nothing changes unseen, nothing that is young is in them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from msgspec import structs
from snowflake.connector import SnowflakeConnection

from reconciler.clickhouse import ClickHouse
from reconciler.memory_sides import MemoryMarts, MemorySpeedLayer, micros
from reconciler.passes import compare_pair
from reconciler.ports import Window
from reconciler.settled import Settled
from reconciler.snowflake import Session, Snowflake
from tidemark.settings import ClickHouseSettings, SnowflakeSettings
from tidemark.tables import Pair
from tidemark_warehouse import execute, execute_many

pytestmark = pytest.mark.lab

PAIR = Pair(
    dataset="events", batch="changing", speed="changing", key=["id"], event_time="at", version="v",
    lateness_seconds=900, stalled_seconds=7200,
    columns={"id": "int", "name": "string", "total": "decimal(10,2)", "at": "timestamp"},
)  # fmt: skip
NOON = datetime.fromisoformat("2026-03-05 12:00:00")
OLD, YOUNG = NOON - timedelta(days=3), NOON - timedelta(hours=1)
Row = dict[str, Any]
Write = Callable[[list[Row], list[Row]], tuple[Any, Any]]


def window(days: int = 0) -> Window:
    """W is noon, P an hour later; `days` later."""
    return Window(*(micros(NOON + timedelta(days=days, hours=hours)) // 1000 for hours in (0, 1, 1)))


def row(number: int, **values: Any) -> Row:
    given: Row = {"id": 10_000 + number, "name": "", "total": 1, "at": OLD, "v": NOON}
    return given | values


@pytest.fixture(params=["twins", "engines"])
def write(request: pytest.FixtureRequest) -> Write:
    """Both sides with exactly these rows."""
    if request.param == "twins":
        return lambda speed, batch: (MemorySpeedLayer({"changing": speed}), MemoryMarts({"changing": batch}))
    client: Client = request.getfixturevalue("speed")
    warehouse: SnowflakeConnection = request.getfixturevalue("warehouse")
    clickhouse: ClickHouseSettings = request.getfixturevalue("clickhouse_settings")
    snowflake: SnowflakeSettings = request.getfixturevalue("snowflake_settings")
    client.command(
        "CREATE OR REPLACE TABLE speed.changing (id Nullable(Int64), name LowCardinality(Nullable(String)), "
        "total Nullable(Decimal(10, 2)), at Nullable(DateTime64(3, 'UTC')), v DateTime64(3, 'UTC')) ENGINE = Memory"
    )
    columns = "ID NUMBER(19,0), NAME VARCHAR, TOTAL NUMBER(10,2), AT TIMESTAMP_NTZ(6)"
    execute(warehouse, f"CREATE OR REPLACE TABLE MARTS.CHANGING ({columns})")
    sides = ClickHouse(clickhouse, retry_seconds=1), Snowflake(Session(snowflake))
    names = [*PAIR.columns, PAIR.version]

    def filled(speed: list[Row], batch: list[Row]) -> tuple[Any, Any]:
        client.command("TRUNCATE TABLE speed.changing")
        if speed:
            client.insert("speed.changing", [[one[name] for name in names] for one in speed], column_names=names)
        execute(warehouse, "DELETE FROM MARTS.CHANGING")
        places = ", ".join(f"%({name})s" for name in PAIR.columns)
        if batch:
            execute_many(warehouse, f"INSERT INTO MARTS.CHANGING VALUES ({places})", batch)
        return sides

    return filled


CHANGES = {
    "a text": [row(1, name="a")],
    "an empty text to NULL": [row(1, name=None)],
    "one cent": [row(1, total="1.01")],
    "zero": [row(1, total=0)],
    "NULL for a number": [row(1, total=None)],
    "one millisecond": [row(1, at=OLD + timedelta(milliseconds=1))],
    "another settled day": [row(1, at=OLD - timedelta(days=30))],
    "removed": [],
    "doubled": [row(1), row(1)],
    "swapped": [row(1, name="1", total=2), row(1, name="2", total=1)],
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_to_settled_rows_is_in_their_fingerprint(write: Write, change: str) -> None:
    """On both sides, and in no other ending's."""
    others = [row(n) for n in (2, 3)]
    before = [side.fingerprints(PAIR, window()) for side in write([*others, row(1)], [*others, row(1)])]
    now = [*others, *CHANGES[change]]
    after = [side.fingerprints(PAIR, window()) for side in write(now, now)]
    for was, found in zip(before, after, strict=True):
        assert {name for name in was.keys() | found.keys() if was.get(name) != found.get(name)} == {"0001"}


def test_which_of_two_versions_is_the_latest_is_in_the_fingerprint(write: Write) -> None:
    """The same rows whose processing times have changed places say something else."""
    early, late = {"v": NOON - timedelta(minutes=1)}, {"v": NOON}
    first = write([row(1, name="a", **early), row(1, name="b", **late)], [])[0].fingerprints(PAIR, window())
    second = write([row(1, name="a", **late), row(1, name="b", **early)], [])[0].fingerprints(PAIR, window())
    assert first != second


def test_what_is_not_settled_is_in_no_fingerprint(write: Write) -> None:
    """A young row, one without a time, all versions of a key that has a young one, and what was processed after P."""
    unseen = NOON + timedelta(hours=2)
    speed = [row(1, at=YOUNG), row(2, at=None), row(3, v=NOON - timedelta(days=1)), row(3, at=YOUNG), row(4, v=unseen)]
    sides = write([*speed, row(5)], [row(1, at=YOUNG), row(2, at=None), row(5)])
    assert [list(side.fingerprints(PAIR, window())) for side in sides] == [["0005"], ["0005"]]


def test_sums_of_some_endings_hold_them_and_all_that_is_not_settled(write: Write) -> None:
    """As the twins have them; with no ending, only what is not settled."""
    speed = [row(n) for n in range(8)] + [row(3, at=YOUNG, v=NOON + timedelta(minutes=1)), row(9, at=YOUNG), row(10)]
    batch = [row(n, at=YOUNG if n == 3 else OLD) for n in range(9)] + [row(11, at=None)]
    sides = write(speed, batch)
    twins = MemorySpeedLayer({"changing": speed}), MemoryMarts({"changing": batch})
    for endings in (None, (), ("0001", "0004"), tuple(f"{n:04d}" for n in range(2000))):
        for side, twin in zip(sides, twins, strict=True):
            sums = side.sums(PAIR, window(), endings)
            assert sums == twin.sums(PAIR, window(), endings)
            keys = side.keys(PAIR, window(), list(sums), endings)
            assert keys == twin.keys(PAIR, window(), list(sums), endings)
            assert sum(tally.rows for tally in keys.values()) == sum(tally.rows for tally in sums.values())


@pytest.mark.parametrize("seed", range(3))
def test_what_is_found_is_what_a_whole_comparison_finds(write: Write, seed: int) -> None:
    """Through random changes to both sides, and days that settle."""
    random, settled, day = Random(seed), Settled(), 0
    speed, batch = [row(n) for n in range(300)], [row(n) for n in range(300)]
    for _ in range(8):
        day += random.random() < 0.3
        for _ in range(random.randrange(6)):
            values = {"name": random.choice(["a", "", None]), "at": random.choice([OLD, YOUNG, None])}
            new = row(random.randrange(310), **values, v=NOON + timedelta(minutes=random.choice([1, 2, 90])))
            if random.random() < 0.7:
                speed = [*speed, new]
            if random.random() < 0.7:
                batch = [one for one in batch if one["id"] != new["id"]] + [new]
        sides = write(speed, batch)
        settled.begin(1, window(day).settled_us)
        found = compare_pair(PAIR, *sides, window(day), (), settled=settled)
        settled.keep()
        assert found == compare_pair(PAIR, *sides, window(day), ())


def test_a_column_may_be_called_as_a_part_of_the_statement(
    speed: Client, clickhouse_settings: ClickHouseSettings
) -> None:
    """ClickHouse takes an alias before a column of its name: a change to such a column is seen all the same."""
    columns = {"id": "int", "ending": "string", "row_count": "int", "hash_sum": "int"}
    pair = structs.replace(PAIR, speed="named", columns=columns)
    kinds = "id Int64, ending String, row_count Int64, hash_sum Int64, at DateTime64(3, 'UTC'), v DateTime64(3, 'UTC')"
    speed.command(f"CREATE OR REPLACE TABLE speed.named ({kinds}) ENGINE = Memory")
    found = []
    for ending in ("a", "b"):
        speed.command("TRUNCATE TABLE speed.named")
        speed.insert("speed.named", [[10_001, ending, 1, 1, OLD, NOON]], column_names=[*columns, "at", "v"])
        found.append(ClickHouse(clickhouse_settings).fingerprints(pair, window()))
    assert found[0].keys() == found[1].keys() == {"0001"}
    assert found[0] != found[1]
