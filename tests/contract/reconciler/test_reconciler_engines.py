"""The passes on the real engines and on the twins: exactly the seeded differences, of every class, in 20,000 rows (the
twins have 4,000)."""

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import pytest
from clickhouse_connect.driver.client import Client
from msgspec import structs
from reconciler_loading import load_rows
from snowflake.connector import SnowflakeConnection

from reconciler.clickhouse import ClickHouse
from reconciler.entries import Difference
from reconciler.memory_sides import MemoryMarts, MemorySpeedLayer, micros, text_of
from reconciler.passes import compare_pair
from reconciler.ports import Uncomparable, Window
from reconciler.snowflake import Session, Snowflake
from tidemark.errors import Retryable
from tidemark.settings import ClickHouseSettings, LakeSettings, SnowflakeSettings
from tidemark.tables import Pair, registry
from tidemark_warehouse import execute

pytestmark = pytest.mark.lab

ROWS = {"twins": 4_000, "engines": 20_000}
START = datetime.fromisoformat("2026-03-01 00:00:00")
DAYS = 10
PAIRS = registry().pairs
Row = dict[str, Any]


class Seeded:
    """Equal rows on both sides, and differences with what must be found of them."""

    def __init__(self, pair: Pair, rows: int) -> None:
        self.pair = pair
        self.random = Random(11)
        self.expected: dict[str, tuple[str, tuple[str, ...]]] = {}
        self.batch: list[Row] = [self._row() for _ in range(rows)]
        self.speed: list[Row] = [{**row, pair.version: self._processed(row)} for row in self.batch]
        self.window = Window(
            cutoff_ms=micros(START + timedelta(days=DAYS)) // 1000,
            upper_ms=micros(START + timedelta(days=DAYS + 1)) // 1000,
            processed_ms=micros(START + timedelta(days=DAYS + 2)) // 1000,
        )
        self._older_versions_and_repeats()
        self._differences(rows)

    def key(self, row: Row) -> str:
        return "|".join(text_of(self.pair.columns[name], row[name]) for name in self.pair.key)

    def _row(self) -> Row:
        row = {name: self._value(kind) for name, kind in self.pair.columns.items()}
        row[self.pair.event_time] = START + timedelta(milliseconds=self.random.randrange(DAYS * 86_400_000))
        return row | dict(self.pair.batch_filter)

    def _value(self, kind: str) -> Any:
        if kind == "uuid":
            return str(UUID(int=self.random.getrandbits(128), version=4))
        if kind == "string":
            return self.random.choice(["gold", "", "né☃", "a|b", "~", "'", "\\"])
        if kind.startswith("decimal"):
            return Decimal(self.random.randrange(1_000_000)).scaleb(-2)
        if kind == "timestamp":
            return START + timedelta(milliseconds=self.random.randrange(DAYS * 86_400_000))
        return self.random.random() < 0.5 if kind == "bool" else self.random.randrange(1000)

    def _processed(self, row: Row) -> datetime:
        return START + timedelta(days=DAYS, hours=1, milliseconds=self.random.randrange(1000))

    def _older_versions_and_repeats(self) -> None:
        """Written in update mode and at least once: none of this is a difference."""
        for row in self.random.sample(self.speed, len(self.speed) // 10):
            older = {**row, **self._other(row, self.random.choice(self._values())), self.pair.version: START}
            newer = {**older, self.pair.version: START + timedelta(days=DAYS + 3)}  # processed after P: not seen yet
            self.speed += [older, dict(row), newer]

    def _values(self) -> list[str]:
        return [name for name in self.pair.columns if name not in self.pair.key]

    def _other(self, row: Row, column: str) -> Row:
        value, kind = row[column], self.pair.columns[column]
        if kind == "timestamp":
            return {column: value - timedelta(milliseconds=1)}
        if kind == "bool":
            return {column: not value}
        if kind == "uuid":
            return {column: self._value("uuid")}
        return {column: f"{value} " if kind == "string" else value + (1 if kind == "int" else Decimal("0.01"))}

    def _differences(self, rows: int) -> None:
        taken = iter(self.random.sample(range(rows), 400))
        latest = {self.key(row): row for row in self.speed[:rows]}
        gone_speed, gone_batch, more = set(), set(), []
        for _ in range(20):
            row = self.batch[next(taken)]
            gone_speed.add(self.key(row))
            self.expected[self.key(row)] = ("missing_in_speed", ())
        for _ in range(20):
            row = self.batch[next(taken)]
            gone_batch.add(self.key(row))
            self.expected[self.key(row)] = ("missing_in_batch", ())
        for column in self._values() * 3:
            row = self.batch[next(taken)]
            self.expected[self.key(row)] = ("different", (column,))
            row.update(self._other(row, column))
        for column in self._values():
            row = self.batch[next(taken)]
            more += [dict(row), {**row, **self._other(row, column)}]
            self.expected[self.key(row)] = ("doubled", (column,))
        for _ in range(5):
            row = self.batch[next(taken)]
            more.append(dict(row))
            self.expected[self.key(row)] = ("doubled", ())
        for days in (-400, 1, 30):  # event times in other buckets, judged and not, and beyond all bounds
            row = self.batch[next(taken)]
            row[self.pair.event_time] += timedelta(days=days)
            self.expected[self.key(row)] = ("different", (self.pair.event_time,))
        for column in ("device_type", "payment_method"):
            if column in self.pair.columns:
                row = self.batch[next(taken)]
                row[column] = None
                self.expected[self.key(row)] = ("different", (column,))
        young, unseen = self._row(), self._row()
        young[self.pair.event_time] = START + timedelta(days=DAYS, hours=2)  # after W: pending
        unseen[self.pair.event_time] = START + timedelta(days=DAYS + 5)  # beyond both sides' progress: not looked at
        more += [young, unseen]
        self.expected[self.key(young)] = ("missing_in_speed", ())
        assert len(latest) == rows
        self.speed = [row for row in self.speed if self.key(row) not in gone_speed]
        self.batch = [row for row in self.batch if self.key(row) not in gone_batch] + more
        for name, value in self.pair.batch_filter.items():
            if isinstance(value, int):
                self.batch += [{**row, name: value + 1} for row in self.batch[:500]]  # left out by the filter


@pytest.fixture(scope="module", params=["twins", "engines"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=["transactions", "sessions"])
def seeded(request: pytest.FixtureRequest, kind: str) -> Seeded:
    return Seeded(PAIRS[request.param], ROWS[kind])


@pytest.fixture(scope="module")
def sides(request: pytest.FixtureRequest, kind: str, seeded: Seeded) -> tuple[Any, Any]:
    """The speed layer and the marts with the seeded rows: in memory, and on the engines through the adapters."""
    if kind == "twins":
        return (
            MemorySpeedLayer({seeded.pair.speed: seeded.speed}),
            MemoryMarts({seeded.pair.batch: seeded.batch}),
        )
    _fill_speed(request.getfixturevalue("speed"), seeded)
    _fill_marts(request.getfixturevalue("warehouse"), request.getfixturevalue("lake"), seeded)
    return (
        ClickHouse(request.getfixturevalue("clickhouse_settings"), retry_seconds=1),
        Snowflake(Session(request.getfixturevalue("snowflake_settings"))),
    )


def test_exactly_the_seeded_differences_are_found(sides: tuple[Any, Any], seeded: Seeded) -> None:
    """Every class of difference is found with its columns; repeats, older versions and filtered rows are none."""
    compared = compare_pair(seeded.pair, *sides, seeded.window, ())
    found = {one.key: (one.kind, one.columns) for one in compared.differences}
    assert found == seeded.expected
    assert (compared.left_over, compared.counts) == (0, Counter(kind for kind, _ in seeded.expected.values()))


@pytest.mark.parametrize("kind", ["engines"], indirect=True)
def test_engines_and_twins_give_the_same_tallies(sides: tuple[Any, Any], seeded: Seeded) -> None:
    """Bucket sums and whole rows are the same numbers and texts wherever they are computed."""
    twins = MemorySpeedLayer({seeded.pair.speed: seeded.speed}), MemoryMarts({seeded.pair.batch: seeded.batch})
    keys = list(seeded.expected)[:50]
    for side, twin in zip(sides, twins, strict=True):
        assert side.sums(seeded.pair, seeded.window) == twin.sums(seeded.pair, seeded.window)
        found, expected = side.rows(seeded.pair, seeded.window, keys), twin.rows(seeded.pair, seeded.window, keys)
        assert {k: sorted(v, key=str) for k, v in found.items()} == {k: sorted(v, key=str) for k, v in expected.items()}


def test_equal_sides_have_no_difference(sides: tuple[Any, Any], seeded: Seeded) -> None:
    """Known keys whose rows agree are found equal; what has no room in the ledger is kept all the same."""
    same = [seeded.key(row) for row in seeded.batch[:3000] if seeded.key(row) not in seeded.expected][:1500]
    kept: list[Difference] = []
    compared = compare_pair(seeded.pair, *sides, seeded.window, same, kept.extend, most_entries=1500)
    assert (compared.differences, compared.left_over) == ([], len(seeded.expected))
    assert sorted(one.key for one in kept) == sorted(seeded.expected)


def test_a_table_that_cannot_be_compared_says_so(sides: tuple[Any, Any], seeded: Seeded) -> None:
    """A missing table or column is Uncomparable, and names it."""
    speed, marts = sides
    pair = seeded.pair
    lost = structs.replace(pair, speed="nothing", batch="nothing")
    wide = Pair(
        **{f: getattr(pair, f) for f in pair.__struct_fields__}
        | {"columns": {**pair.columns, "discount_code": "string"}}
    )
    for side in (speed, marts):
        with pytest.raises(Uncomparable, match="nothing"):
            side.check(lost)
        with pytest.raises(Uncomparable, match="discount_code"):
            side.check(wide)


def test_types_without_a_canonical_text_are_refused(
    speed: Client, warehouse: SnowflakeConnection, clickhouse_settings: ClickHouseSettings, snowflake_settings: Any
) -> None:
    """A float, or a decimal with more places than the contract, is never rounded into agreement."""
    pair = Pair(
        dataset="events", batch="rounded", speed="rounded", key=["id"], event_time="at", version="at",
        lateness_seconds=0, stalled_seconds=0, columns={"id": "int", "total": "decimal(10,2)", "at": "timestamp"},
    )  # fmt: skip
    speed.command("CREATE OR REPLACE TABLE speed.rounded (id Int32, total Float64, at DateTime64(3)) ENGINE = Memory")
    execute(warehouse, "CREATE OR REPLACE TABLE MARTS.ROUNDED (ID NUMBER(10,0), TOTAL NUMBER(18,4), AT TIMESTAMP_NTZ)")
    with pytest.raises(Uncomparable, match="total is Float64"):
        ClickHouse(clickhouse_settings).check(pair)
    with pytest.raises(Uncomparable, match=r"total is NUMBER\(18,4\)"):
        Snowflake(Session(snowflake_settings)).check(pair)


def test_an_engine_that_is_away_is_an_outage(
    clickhouse_settings: ClickHouseSettings, snowflake_settings: SnowflakeSettings
) -> None:
    """No connection means Retryable, on both sides."""
    nowhere = clickhouse_settings.model_copy(update={"clickhouse_port": 1})
    with pytest.raises(Retryable):
        ClickHouse(nowhere, retry_seconds=0.1).progress()
    with pytest.raises(Retryable):
        Snowflake(Session(snowflake_settings.model_copy(update={"snowflake_port": 1}))).published("events")


def _fill_speed(speed: Client, seeded: Seeded) -> None:
    names = [*seeded.pair.columns, seeded.pair.version]
    speed.command(f"TRUNCATE TABLE speed.{seeded.pair.speed}")
    speed.insert(
        f"speed.{seeded.pair.speed}", [[row[name] for name in names] for row in seeded.speed], column_names=names
    )


def _fill_marts(warehouse: SnowflakeConnection, lake: LakeSettings, seeded: Seeded) -> None:
    kinds = seeded.pair.columns | dict.fromkeys(seeded.pair.batch_filter, "int")
    load_rows(warehouse, lake, seeded.pair.batch, kinds, seeded.batch)
