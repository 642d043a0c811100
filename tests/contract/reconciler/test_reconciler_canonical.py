"""Canonical texts on the real engines: equal if and only if the values are."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from snowflake.connector import SnowflakeConnection

from reconciler.canonical import CLICKHOUSE, SNOWFLAKE, column_text, fragments, hash60, row_text
from reconciler.memory import text_of
from tidemark.tables import Pair
from tidemark_warehouse import execute

pytestmark = pytest.mark.lab

TEXTS = [
    *(None, "", "~", "1:~", "|", "a|b", "a", "a ", " a", "\t", "\n", "\\", "'", '"', "%", "%s", "null", "NULL", "0:"),
    *("né", "ne\u0301", "☃", "😀", "👩‍👩‍👧", "\u200b", "ß", "SS", "İ", "ı", "a\u0000b", "𝔘𝔫𝔦", "עברית", "x" * 5000),
]
UUIDS = [
    None,
    "00000000-0000-0000-0000-000000000000",
    "F47AC10B-58CC-4372-A567-0E02B2C3D479",
    "f" * 8 + "-ffff" * 3 + "-" + "f" * 12,
]
INTS = [None, 0, 1, -1, 10, 2**31 - 1, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63) + 1]
MONEY = [None, "0", "-0.00", "0.01", "-0.01", "0.10", "1", "1.5", "-1.50", "10", "100", "99999999.99", "-99999999.99"]
TIMES = [
    *(None, "1970-01-01 00:00:00", "1969-12-31 23:59:59.999999", "1970-01-01 00:00:00.000001", "1955-11-05 06:15:00.5"),
    *("2026-03-01 12:00:00", "2026-03-01 12:00:00.001", "2026-03-01 12:00:00.000001", "2026-03-29 01:30:00"),
    *("2099-12-31 23:59:59.999999",),
]
BOOLS = [None, True, False]

EDGES: dict[str, tuple[str, str, list[Any]]] = {
    "string": ("Nullable(String)", "VARCHAR", TEXTS),
    "uuid": ("Nullable(UUID)", "VARCHAR", UUIDS),
    "int": ("Nullable(Int64)", "NUMBER(19,0)", INTS),
    "decimal(10,2)": ("Nullable(Decimal(10, 2))", "NUMBER(10,2)", [v and Decimal(v) for v in MONEY]),
    "timestamp": (
        "Nullable(DateTime64(6, 'UTC'))",
        "TIMESTAMP_NTZ(6)",
        [v and datetime.fromisoformat(v) for v in TIMES],
    ),
    "bool": ("Nullable(Bool)", "BOOLEAN", BOOLS),
}


@pytest.mark.parametrize("kind", EDGES)
def test_both_engines_and_the_twin_give_one_text_to_one_value(
    speed: Client, warehouse: SnowflakeConnection, kind: str
) -> None:
    """Each edge value has the same canonical text on ClickHouse, on Snowflake and in the twin."""
    speed_type, batch_type, values = EDGES[kind]
    _fill(speed, warehouse, speed_type, batch_type, values, values)
    expected = [text_of(kind, value) for value in values]
    assert (_speed_texts(speed, kind), _batch_texts(warehouse, kind)) == (expected, expected)


@pytest.mark.parametrize("kind", EDGES)
def test_different_values_have_different_texts(kind: str) -> None:
    """No two different values of a type share a text; NULL shares its text with nothing."""
    values = EDGES[kind][2]
    texts = [text_of(kind, value) for value in values]
    assert len(set(texts)) == len(set(values))


def test_scale_does_not_count(speed: Client, warehouse: SnowflakeConnection) -> None:
    """A decimal held with fewer places is the same value."""
    _fill(speed, warehouse, "Decimal(18, 1)", "NUMBER(38,0)", [Decimal("15.0"), Decimal("-2.0")], [15, -2])
    expected = ["15.00", "-2.00"]
    assert (_speed_texts(speed, "decimal(10,2)"), _batch_texts(warehouse, "decimal(10,2)")) == (expected, expected)


def test_milliseconds_equal_microseconds(speed: Client, warehouse: SnowflakeConnection) -> None:
    """The speed layer's milliseconds and the marts' microseconds give one text where the moment is one."""
    moments = [datetime.fromisoformat(t) for t in ("2026-03-01 12:00:00.123", "1969-12-31 23:59:59.999")]
    _fill(speed, warehouse, "DateTime64(3)", "TIMESTAMP_NTZ(6)", moments, moments)
    expected = [text_of("timestamp", moment) for moment in moments]
    assert (_speed_texts(speed, "timestamp"), _batch_texts(warehouse, "timestamp")) == (expected, expected)


def test_shared_words_of_low_cardinality_are_ordinary_texts(speed: Client, warehouse: SnowflakeConnection) -> None:
    """LowCardinality columns give the texts of plain strings."""
    _fill(speed, warehouse, "LowCardinality(String)", "VARCHAR", ["", "gold"], ["", "gold"])
    assert (_speed_texts(speed, "string"), _batch_texts(warehouse, "string")) == (["0:", "4:gold"],) * 2


def test_no_value_moves_into_its_neighbour(speed: Client, warehouse: SnowflakeConnection) -> None:
    """Rows whose columns' values run together to one text differ in text and hash, equally on both engines."""
    rows = [("a|", "b"), ("a", "|b"), ("a|1:b", ""), ("a", "1:b"), (None, ""), ("", None), ("~", None), (None, "~")]
    pair = Pair(
        dataset="events", batch="edge", speed="edge", key=["one"], event_time="one", version="one",
        lateness_seconds=0, stalled_seconds=0, columns={"one": "string", "two": "string"},
    )  # fmt: skip
    speed.command(
        "CREATE OR REPLACE TABLE speed.edge (id Int32, one Nullable(String), two Nullable(String)) ENGINE = Memory"
    )
    speed.insert("speed.edge", [(n, *row) for n, row in enumerate(rows)], column_names=["id", "one", "two"])
    execute(warehouse, "CREATE OR REPLACE TABLE MARTS.EDGE (ID NUMBER(10,0), ONE VARCHAR, TWO VARCHAR)")
    for n, row in enumerate(rows):
        execute(
            warehouse, "INSERT INTO MARTS.EDGE SELECT %(n)s, %(one)s, %(two)s", {"n": n, "one": row[0], "two": row[1]}
        )
    speed_hash, batch_hash = (fragments(d, pair)["row_hash"] for d in (CLICKHOUSE, SNOWFLAKE))
    in_speed = [int(r[0]) for r in speed.query(f"SELECT {speed_hash} FROM speed.edge ORDER BY id").result_rows]
    in_batch = [int(r[0]) for r in execute(warehouse, f"SELECT {batch_hash} FROM MARTS.EDGE ORDER BY ID")]
    expected = [hash60(row_text(text_of("string", value) for value in row)) for row in rows]
    assert (in_speed, in_batch, len(set(expected))) == (expected, expected, len(rows))


def _fill(
    speed: Client, warehouse: SnowflakeConnection, speed_type: str, batch_type: str, left: list[Any], right: list[Any]
) -> None:
    speed.command(f"CREATE OR REPLACE TABLE speed.edge (id Int32, v {speed_type}) ENGINE = Memory")
    speed.insert("speed.edge", list(enumerate(left)), column_names=["id", "v"])
    execute(warehouse, f"CREATE OR REPLACE TABLE MARTS.EDGE (ID NUMBER(10,0), V {batch_type})")
    for n, value in enumerate(right):
        execute(warehouse, "INSERT INTO MARTS.EDGE SELECT %(n)s, %(v)s", {"n": n, "v": value})


def _speed_texts(speed: Client, kind: str) -> list[str]:
    text = column_text(CLICKHOUSE, "v", kind)
    return [row[0] for row in speed.query(f"SELECT {text} FROM speed.edge ORDER BY id").result_rows]


def _batch_texts(warehouse: SnowflakeConnection, kind: str) -> list[str]:
    text = column_text(SNOWFLAKE, "v", kind)
    return [row[0] for row in execute(warehouse, f"SELECT {text} FROM MARTS.EDGE ORDER BY ID")]
