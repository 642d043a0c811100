"""The warehouse emulator through the ordinary connector: results, bindings and functions.

What Snowflake promises and stock fakesnow does not keep, one test per mend.
"""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import ProgrammingError

pytestmark = pytest.mark.lab

Connect = Callable[..., SnowflakeConnection]
Run = Callable[..., list[tuple[Any, ...]]]
NOON = datetime.fromisoformat("2026-01-01T12:00:00.123456")


def test_null_timestamp_stays_null(run: Run) -> None:
    """A NULL timestamp is NULL, not 1970; times before 1970 and microseconds are kept."""
    rows = run(
        "SELECT * FROM (VALUES (NULL::TIMESTAMP_NTZ), ('1969-12-31 23:59:59.5'), ('2026-01-01 12:00:00.123456'))"
    )
    assert rows == [(None,), (datetime.fromisoformat("1969-12-31T23:59:59.500000"),), (NOON,)]


def test_sum_of_decimals_is_exact(run: Run) -> None:
    """SUM never goes through a float, and keeps Snowflake's column name."""
    run("CREATE OR REPLACE TABLE MONEY AS SELECT 0.10::NUMBER(10,2) AS AMOUNT FROM TABLE(GENERATOR(ROWCOUNT => 1000))")
    assert run("SELECT SUM(AMOUNT) FROM MONEY") == [(Decimal("100.00"),)]
    assert run('SELECT "SUM(AMOUNT)" FROM (SELECT SUM(AMOUNT) FROM MONEY)') == [(Decimal("100.00"),)]


def test_nulls_decimals_and_whole_numbers_keep_their_types(run: Run) -> None:
    """Through Arrow, as the connector reads results: NULLs are NULL, decimals decimals, whole numbers integers."""
    rows = run(
        "SELECT COLUMN1::NUMBER(19,0), COLUMN2::NUMBER(10,2), COLUMN3::TIMESTAMP_NTZ, "
        "18446744073709551615::NUMBER(20,0) FROM VALUES (1, 1.25, NULL), (NULL, NULL, '2026-01-01')"
    )
    moment = datetime.fromisoformat("2026-01-01")
    assert rows == [(1, Decimal("1.25"), None, 2**64 - 1), (None, None, moment, 2**64 - 1)]
    assert [type(value) for value in rows[0]] == [int, Decimal, type(None), int]


def test_set_operations_in_brackets(run: Run) -> None:
    """A result is described from itself, so that bracketed EXCEPT and UNION can be read."""
    assert run("(SELECT 1 UNION ALL SELECT 2) EXCEPT (SELECT 1)") == [(2,)]


def test_bound_values_keep_their_types(connect: Connect, port: int, run: Run) -> None:
    """Question marks: NULLs, decimals, floats, text with quotes and Unicode, one row or many."""
    row = (2**60, Decimal("12345678.91"), 1.5, "né☃'\\\n", True, NOON, date(2026, 1, 1))
    run("CREATE OR REPLACE TABLE BOUND (I INT, D NUMBER(10,2), F FLOAT, S VARCHAR, B BOOLEAN, T TIMESTAMP_NTZ, Y DATE)")
    with connect(port, schema="T", paramstyle="qmark") as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO BOUND VALUES (?, ?, ?, ?, ?, ?, ?)", (None,) * 7)
        cursor.executemany("INSERT INTO BOUND VALUES (?, ?, ?, ?, ?, ?, ?)", [row, row])
        assert cursor.rowcount == 2
        found = cursor.execute("SELECT * FROM BOUND WHERE D = ? AND F = ?", (row[1], row[2]))
        assert found is not None
        assert found.fetchall() == [row, row]
    assert run("SELECT * FROM BOUND WHERE S IS NULL") == [(None,) * 7]
    assert run("SELECT %s, %s", ("né☃'\\\n", None)) == [("né☃'\\\n", None)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (
            "TO_VARCHAR('2026-01-01 12:00:00.123456'::TIMESTAMP_NTZ, 'YYYY-MM-DD HH24:MI:SS.FF3')",
            "2026-01-01 12:00:00.123",
        ),
        ("TO_VARCHAR('2026-01-02'::DATE, 'YYYYMMDD')", "20260102"),
        ("TRIM('xxaxx', 'x')", "a"),
        ("LTRIM('xxa', 'x')", "a"),
        ("MD5_NUMBER_LOWER64('abc')", int("d6963f7d28e17f72", 16)),
        ("DATE_PART(EPOCH_MICROSECOND, '2026-01-01 12:00:00.123456'::TIMESTAMP_NTZ)", 1767268800123456),
        ("TO_TIMESTAMP_NTZ(1700000000123457, 6)", datetime.fromisoformat("2023-11-14T22:13:20.123457")),
        ("TO_TIMESTAMP_NTZ(COLUMN1, 3)", datetime.fromisoformat("1970-01-01T00:00:00.001000")),
        ("CURRENT_WAREHOUSE()", "LAB"),
    ],
)
def test_functions(run: Run, expression: str, expected: object) -> None:
    """Functions that stock fakesnow lacks, or whose arguments it loses."""
    assert run(f"SELECT {expression} FROM VALUES (1)") == [(expected,)]


def test_hashes_can_be_summed(run: Run) -> None:
    """The bucket sums of the reconciler: 60 bits of MD5, summed without overflow."""
    low = int("d6963f7d28e17f72", 16) & (2**60 - 1)
    assert run("SELECT SUM(BITAND(MD5_NUMBER_LOWER64('abc'), 1152921504606846975)) FROM VALUES (1), (2)") == [
        (2 * low,)
    ]


def test_unknown_format_is_refused(run: Run) -> None:
    """A format that is not understood is an error, never ignored."""
    with pytest.raises(ProgrammingError, match="TO_VARCHAR"):
        run("SELECT TO_VARCHAR(COLUMN1, 'Q') FROM VALUES (1)")
