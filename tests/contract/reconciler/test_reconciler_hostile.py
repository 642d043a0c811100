"""Hypothesis over rows in both engines: their canonical texts and hashes are equal if and only if their values are."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from reconciler_loading import load_rows
from snowflake.connector import SnowflakeConnection

from reconciler.canonical import CLICKHOUSE, SNOWFLAKE, fragments
from tidemark.settings import LakeSettings
from tidemark.tables import Pair
from tidemark_warehouse import execute

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

COLUMNS = {
    "one": "string", "two": "string", "id": "uuid", "number": "long", "money": "decimal(10,2)", "at": "timestamp",
    "yes": "bool",
}  # fmt: skip
SPEED_TYPES = {
    "string": "String", "uuid": "UUID", "long": "Int64", "decimal(10,2)": "Decimal(10, 2)",
    "timestamp": "DateTime64(6, 'UTC')", "bool": "Bool",
}  # fmt: skip
PAIR = Pair(
    dataset="events", batch="hostile", speed="hostile", key=["one"], event_time="at", version="at",
    lateness_seconds=0, stalled_seconds=0, columns=COLUMNS,
)  # fmt: skip
EPOCH = datetime.fromisoformat("1970-01-01 00:00:00")
# What separators, lengths, NULL and escapes are made of, both forms of an accented letter, and beyond the first plane.
LETTERS = st.sampled_from("ab|:~01 é\u0301e☃😀\\'\"%{}\n\t\0")
TEXT = st.one_of(st.text(LETTERS, max_size=5), st.text(st.characters(exclude_categories=["Cs"]), max_size=5))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXT,
    "uuid": st.uuids().map(str),
    "long": st.one_of(st.integers(-2, 12), st.integers(-(2**63) + 1, 2**63 - 1)),
    "decimal(10,2)": st.one_of(st.integers(-101, 101), st.integers(-(10**10) + 1, 10**10 - 1)).map(
        lambda cents: Decimal(cents).scaleb(-2)
    ),
    "timestamp": st.one_of(st.integers(-2, 2), st.integers(-(2**50), 2**51)).map(
        lambda micros: EPOCH + timedelta(microseconds=micros)
    ),
    "bool": st.booleans(),
}
Row = dict[str, Any]


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Row, Row]:
    """Two rows: the same, or with one value changed, two columns swapped, or text moved over a column's end."""
    row = {name: draw(st.none() | VALUES[kind]) for name, kind in COLUMNS.items()}
    other = dict(row)
    change = draw(st.sampled_from(["none", "value", "swap", "move"]))
    if change == "value":
        name = draw(st.sampled_from(list(COLUMNS)))
        other[name] = draw(st.none() | VALUES[COLUMNS[name]])
    elif change == "swap":
        other["one"], other["two"] = row["two"], row["one"]
    elif change == "move":
        whole = (row["one"] or "") + draw(st.sampled_from(["|", "|1:", "~", ""])) + (row["two"] or "")
        place = draw(st.integers(0, len(whole)))
        other["one"], other["two"] = whole[:place], whole[place:]
    return row, other


def drawn(count: int) -> list[tuple[Row, Row]]:
    """As many pairs; drawn first, so that an engine is asked once for all of them."""
    found: list[tuple[Row, Row]] = []

    @settings(max_examples=count, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(pairs())
    def draw(pair: tuple[Row, Row]) -> None:
        found.append(pair)

    draw()
    return found


@pytest.mark.parametrize("count", [500, pytest.param(6000, marks=pytest.mark.soak)])
def test_texts_and_hashes_are_equal_if_and_only_if_values_are(
    count: int, speed: Client, warehouse: SnowflakeConnection, lake: LakeSettings
) -> None:
    """Of every pair one row is in the speed layer and one in the mart."""
    rows = drawn(count)
    columns = ", ".join(f"{name} Nullable({SPEED_TYPES[kind]})" for name, kind in COLUMNS.items())
    speed.command(f"CREATE OR REPLACE TABLE speed.hostile (place Int64, {columns}) ENGINE = Memory")
    lines = [[place, *row.values()] for place, (row, _) in enumerate(rows)]
    speed.insert("speed.hostile", lines, column_names=["place", *COLUMNS])
    load_rows(
        warehouse, lake, "hostile", {"place": "long", **COLUMNS}, [{"place": n, **r} for n, (_, r) in enumerate(rows)]
    )
    asked = [fragments(dialect, PAIR) for dialect in (CLICKHOUSE, SNOWFLAKE)]
    speed_rows, batch_rows = (f"SELECT {of['row_hash']}, {of['texts']} FROM" for of in asked)
    in_speed = speed.query(f"{speed_rows} speed.hostile ORDER BY place").result_rows
    in_batch = execute(warehouse, f"{batch_rows} MARTS.HOSTILE ORDER BY PLACE")
    told = [
        [left[0] == int(right[0]), *(a == b for a, b in zip(left[1:], right[1:], strict=True))]
        for left, right in zip(in_speed, in_batch, strict=True)
    ]
    expected = [[row == other, *(row[name] == other[name] for name in COLUMNS)] for row, other in rows]
    assert [pair for pair, a, b in zip(rows, told, expected, strict=True) if a != b] == []
    assert len(rows) >= count * 0.9
    assert 0.1 < sum(row == other for row, other in rows) / len(rows) < 0.9
