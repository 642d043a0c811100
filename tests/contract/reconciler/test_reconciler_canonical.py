"""Canonical texts on the real engines: equal if and only if the values are."""

from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from clickhouse_connect.driver.client import Client
from snowflake.connector import SnowflakeConnection

from reconciler.canonical import CLICKHOUSE, SNOWFLAKE, column_text, fragments, hash60, row_text
from reconciler.memory_sides import micros, text_of
from tidemark.tables import Pair
from tidemark_warehouse import execute

pytestmark = pytest.mark.lab

TEXTS = [
    *(None, "", "~", "1:~", "|", "a|b", "a", "a ", " a", "\t", "\n", "\\", "'", '"', "%", "%s", "null", "NULL", "0:"),
    *("né", "ne\u0301", "☃", "😀", "👩‍👩‍👧", "\u200b", "ß", "SS", "İ", "ı", "a\u0000b", "𝔘𝔫𝔦", "עברית", "x" * 5000),
    *("\u212b", "\u00c5", "A\u030a", "ﬁ", "fi", "a\u0000", "\u0000", "\ufeffa", "\r\n", "{a}"),
]
UUID = "f47ac10b-58cc-4372-a567-0e02b2c3d479"
UUIDS = [None, "00000000-0000-0000-0000-000000000000", UUID, "f" * 8 + "-ffff" * 3 + "-" + "f" * 12]
INTS = [None, 0, 1, -1, 10, 2**31 - 1, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63) + 1]
MONEY = [None, "0", "-0.00", "0.01", "-0.01", "0.10", "1", "1.5", "-1.50", "10", "100", "99999999.99", "-99999999.99"]
TIMES = [
    *(None, "1970-01-01 00:00:00", "1969-12-31 23:59:59.999999", "1970-01-01 00:00:00.000001", "1955-11-05 06:15:00.5"),
    *("2026-03-01 12:00:00", "2026-03-01 12:00:00.001", "2026-03-01 12:00:00.000001", "2026-03-29 01:30:00"),
    *("2099-12-31 23:59:59.999999", "2024-02-29 23:59:59.999"),
]
# Where clocks in Berlin go forward (nothing between) and back (the same hour twice): different moments all the same.
CLOCK_CHANGES = ["2026-03-29 00:59:59.999", "2026-03-29 01:00:00", "2026-10-25 00:30:00", "2026-10-25 01:30:00"]
DATES = [None, "1970-01-01", "1969-12-31", "2024-02-29", "2099-12-31"]


class Edge(NamedTuple):
    """A value on both engines, each in one of its types; `equal`: whether the two are one value."""

    kind: str
    speed_type: str
    speed: Any
    batch_type: str
    batch: Any
    equal: bool = True


def same(kind: str, speed_type: str, batch_type: str, values: list[Any]) -> list[Edge]:
    return [Edge(kind, speed_type, value, batch_type, value) for value in values]


def time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def in_berlin(text: str, other: str | None = None) -> Edge:
    at = datetime.fromisoformat(text)
    ticks, batch = micros(at) // 1000, datetime.fromisoformat(other or text)
    return Edge("timestamp", "DateTime64(3, 'Europe/Berlin')", ticks, "TIMESTAMP_NTZ(6)", batch, other is None)


S, U, D, T = "Nullable(String)", "Nullable(UUID)", "Nullable(Decimal(10, 2))", "Nullable(DateTime64(6, 'UTC'))"
EDGES = [
    *same("string", S, "VARCHAR", TEXTS),
    *same("string", "LowCardinality(String)", "VARCHAR", ["", "gold", "né"]),
    *same("string", "LowCardinality(Nullable(String))", "VARCHAR", [None, "", "gold"]),
    *same("string", "Nullable(IPv4)", "VARCHAR", [None, "0.0.0.0", "127.0.0.1", "255.255.255.255"]),  # noqa: S104
    *same("string", "Enum8('' = 0, 'né' = 1)", "VARCHAR", ["", "né"]),
    Edge("string", "FixedString(4)", b"ab\0\0", "VARCHAR", "ab"),
    Edge("string", "FixedString(4)", b"\0\0\0\0", "VARCHAR", ""),
    Edge("string", "FixedString(4)", "né\0".encode(), "VARCHAR", "né"),
    Edge("string", "FixedString(4)", b"abcd", "VARCHAR", "abcd"),
    *same("uuid", U, "VARCHAR", UUIDS),
    *(Edge("uuid", U, UUID, "VARCHAR", text) for text in (UUID.upper(), f"{{{UUID}}}", f"{{{UUID.upper()}}}")),
    *(Edge("uuid", "String", text, "VARCHAR", UUID) for text in (UUID, UUID.upper(), f"{{{UUID}}}")),
    *same("int", "Nullable(Int64)", "NUMBER(19,0)", INTS),
    Edge("long", "UInt32", 2**32 - 1, "NUMBER(38,0)", 2**32 - 1),
    Edge("long", "UInt64", 2**63 - 1, "NUMBER(19,0)", 2**63 - 1),
    *same("decimal(10,2)", D, "NUMBER(10,2)", [v and Decimal(v) for v in MONEY]),
    Edge("decimal(10,2)", "Decimal(18, 1)", Decimal("-2.0"), "NUMBER(38,0)", -2),
    Edge("decimal(10,2)", "Decimal(18, 1)", Decimal("15.5"), "NUMBER(12,2)", Decimal("15.50")),
    *same("timestamp", T, "TIMESTAMP_NTZ(6)", [time(text) for text in TIMES]),
    *same("timestamp", "DateTime64(3)", "TIMESTAMP_NTZ(6)", [time("2026-03-01 12:00:00.123")]),
    *(in_berlin(text) for text in CLOCK_CHANGES),
    *same("date", "Nullable(Date32)", "DATE", [v and datetime.fromisoformat(v).date() for v in DATES]),
    *same("bool", "Nullable(Bool)", "BOOLEAN", [None, True, False]),
    *(Edge("bool", "UInt8", number, "BOOLEAN", bool(number)) for number in (0, 1)),
    # No two of these are one value.
    *(Edge("string", S, one, "VARCHAR", other, False) for one, other in (("né", "ne\u0301"), ("\u212b", "\u00c5"))),
    *(Edge("string", S, one, "VARCHAR", other, False) for one, other in ((None, ""), ("", None), (None, "~"))),
    *(Edge("string", S, one, "VARCHAR", other, False) for one, other in (("a", "a "), ("a", "A"), ("ß", "SS"))),
    *(Edge("string", S, one, "VARCHAR", other, False) for one, other in (("a\0", "a"), ("ﬁ", "fi"), ("1", "1.0"))),
    Edge("string", "FixedString(4)", b"ab\0\0", "VARCHAR", "ab\0", False),
    Edge("uuid", U, UUID, "VARCHAR", f"{{{UUID}", False),
    Edge("uuid", U, UUID, "VARCHAR", UUID[:-1] + "8", False),
    Edge("uuid", U, None, "VARCHAR", "", False),
    Edge("decimal(10,2)", D, Decimal("0.01"), "NUMBER(10,2)", Decimal("-0.01"), False),
    Edge("decimal(10,2)", D, Decimal("1.50"), "NUMBER(10,2)", Decimal("1.51"), False),
    Edge("decimal(10,2)", D, None, "NUMBER(10,2)", Decimal(0), False),
    Edge("timestamp", "DateTime64(3)", time(TIMES[6]), "TIMESTAMP_NTZ(6)", time("2026-03-01 12:00:00.001001"), False),
    in_berlin(CLOCK_CHANGES[2], CLOCK_CHANGES[3]),
    Edge("bool", "Nullable(Bool)", None, "BOOLEAN", False, False),
]


@pytest.fixture(scope="module")
def texts(speed: Client, warehouse: SnowflakeConnection) -> list[list[str]]:
    """The canonical texts of every edge: the speed layer's and the warehouse's."""
    found: list[list[str]] = [["", ""] for _ in EDGES]
    for speed_type, kind in dict.fromkeys((edge.speed_type, edge.kind) for edge in EDGES):
        rows = [(n, e.speed) for n, e in enumerate(EDGES) if (e.speed_type, e.kind) == (speed_type, kind)]
        setting = "SETTINGS allow_suspicious_low_cardinality_types = 1"
        speed.command(f"CREATE OR REPLACE TABLE speed.edge (id Int32, v {speed_type}) ENGINE = Memory {setting}")
        speed.insert("speed.edge", rows, column_names=["id", "v"])
        for number, text in speed.query(f"SELECT id, {column_text(CLICKHOUSE, 'v', kind)} FROM speed.edge").result_rows:
            found[number][0] = text
    for batch_type, kind in dict.fromkeys((edge.batch_type, edge.kind) for edge in EDGES):
        execute(warehouse, f"CREATE OR REPLACE TABLE MARTS.EDGE (ID NUMBER(10,0), V {batch_type})")
        for n, value in ((n, e.batch) for n, e in enumerate(EDGES) if (e.batch_type, e.kind) == (batch_type, kind)):
            execute(warehouse, "INSERT INTO MARTS.EDGE SELECT %(n)s, %(v)s", {"n": n, "v": value})
        for number, text in execute(warehouse, f"SELECT ID, {column_text(SNOWFLAKE, 'v', kind)} FROM MARTS.EDGE"):
            found[number][1] = text
    return found


@pytest.mark.parametrize("number", range(len(EDGES)), ids=lambda n: f"{n}-{EDGES[n].kind}-{EDGES[n].batch!r:.20}")
def test_one_text_for_one_value(texts: list[list[str]], number: int) -> None:
    """An edge value has one canonical text on both engines and in the twin, and two values never share one."""
    edge = EDGES[number]
    speed_text, batch_text = texts[number]
    assert (speed_text == batch_text) is edge.equal
    assert batch_text == text_of(edge.kind, edge.batch)


@pytest.mark.parametrize(
    ("kind", "values"), [("string", TEXTS), ("uuid", UUIDS), ("int", INTS), ("decimal(10,2)", MONEY)]
)
def test_different_values_have_different_texts(kind: str, values: list[Any]) -> None:
    """No two different values of a type share a text; NULL shares its text with nothing."""
    typed = [value and Decimal(value) if kind.startswith("decimal") else value for value in values]
    assert len({text_of(kind, value) for value in typed}) == len(set(typed))


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
