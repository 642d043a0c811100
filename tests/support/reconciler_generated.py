"""Transactions generated inside both engines by SQL, the same on both: millions of rows in seconds.

Row `n` is a function of `n` alone, so that a test knows every value without reading it.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from clickhouse_connect.driver.client import Client
from snowflake.connector import SnowflakeConnection

from reconciler.memory_sides import micros
from reconciler.ports import Window
from tidemark.tables import registry
from tidemark_warehouse import column_type, execute, execute_many
from tidemark_warehouse.identifiers import definitions

PAIR = registry().pairs["transactions"]
START = datetime.fromisoformat("2026-01-01 00:00:00")
DAYS = 60
PROCESSED_MS = 2000  # after the event
SPEED, MART = "speed.transactions_realtime", "MARTS.FCT_TRANSACTIONS"
WORDS = ["card", "", "né☃|x", "a|b", "~"]
SPEED_ROW = """
    toUUID({uuid_t}) AS transaction_id,
    toUUID({uuid_p}) AS product_id,
    toUUID({uuid_u}) AS user_id,
    number % 7 + 1 AS quantity,
    toDecimal64(number % 10000, 2) / 100 AS unit_price,
    toDecimal64(number % 50000, 2) / 100 AS total_amount,
    toDecimal64(number % 500, 2) / 100 AS discount_amount,
    toDecimal64(number % 300, 2) / 100 AS tax_amount,
    ['completed', 'failed', 'refunded'][number % 3 + 1] AS status,
    ['card', '', 'né☃|x', 'a|b', '~'][number % 5 + 1] AS payment_method,
    ['gold', 'silver'][number % 2 + 1] AS user_tier,
    toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + toIntervalMillisecond(number * {step_ms}) AS created_at
"""
MART_ROW = """
    {uuid_t} AS TRANSACTION_ID,
    {uuid_p} AS PRODUCT_ID,
    {uuid_u} AS USER_ID,
    MOD(N, 7) + 1 AS QUANTITY,
    MOD(N, 10000) * 0.01 AS UNIT_PRICE,
    MOD(N, 50000) * 0.01 AS TOTAL_AMOUNT,
    MOD(N, 500) * 0.01 AS DISCOUNT_AMOUNT,
    MOD(N, 300) * 0.01 AS TAX_AMOUNT,
    CASE MOD(N, 3) WHEN 0 THEN 'completed' WHEN 1 THEN 'failed' ELSE 'refunded' END AS STATUS,
    CASE MOD(N, 5) WHEN 0 THEN 'card' WHEN 1 THEN '' WHEN 2 THEN 'né☃|x' WHEN 3 THEN 'a|b' ELSE '~' END
        AS PAYMENT_METHOD,
    CASE MOD(N, 2) WHEN 0 THEN 'gold' ELSE 'silver' END AS USER_TIER,
    DATEADD(MILLISECOND, N * {step_ms}, TO_TIMESTAMP_NTZ('2026-01-01 00:00:00')) AS CREATED_AT
"""
SAME_OF = {"p": 997, "u": 10_007}  # products and users


def uuid(letter: str, number: int) -> str:
    """The id that both engines make of a letter and a number."""
    text = hashlib.md5(f"{letter}{number % SAME_OF.get(letter, 10**9)}".encode(), usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def key(number: int) -> str:
    """Row `number`'s canonical key."""
    return f"36:{uuid('t', number)}|36:{uuid('p', number)}"


def window() -> Window:
    """All generated rows, judged; what is processed an hour after the end is not seen yet."""
    end = micros(START + timedelta(days=DAYS)) // 1000
    return Window(cutoff_ms=end, upper_ms=end, processed_ms=end + 60_000)


def fill_speed(speed: Client, rows: int, first: int = 0, without: Iterable[int] = ()) -> None:
    """Rows from `first` on, in the speed layer."""
    left_out = ", ".join(map(str, without)) or "-1"
    row = SPEED_ROW.format(step_ms=_step(rows), **_uuids("lower(hex(MD5({})))", "concat('{}', toString({}))", "number"))
    names = ", ".join(PAIR.columns)
    for start in range(first, rows, 250_000):  # a block's memory is the lab's bound
        numbers = f"numbers({start}, {min(250_000, rows - start)}) WHERE number NOT IN ({left_out})"
        speed.command(
            f"INSERT INTO {SPEED} ({names}, processing_time) "
            f"SELECT *, created_at + toIntervalMillisecond({PROCESSED_MS}) FROM (SELECT {row} FROM {numbers})"
        )


def fill_mart(warehouse: SnowflakeConnection, rows: int) -> None:
    """All rows, in a new mart."""
    columns = definitions({name: column_type(kind) for name, kind in PAIR.columns.items()})
    execute(warehouse, f"CREATE OR REPLACE TABLE {MART} ({columns})")
    execute(warehouse, "CREATE OR REPLACE TABLE RAW.GENERATED_DIGITS (N NUMBER(10,0))")
    execute_many(warehouse, "INSERT INTO RAW.GENERATED_DIGITS VALUES (%(n)s)", [{"n": n} for n in range(100)])
    row = MART_ROW.format(step_ms=_step(rows), **_uuids("MD5({})", "'{}' || TO_VARCHAR({})", "N"))
    digits = ("A", "B", "C", "D")
    number = " + ".join(f"{100**place} * {digit}.N" for place, digit in enumerate(digits))
    tables = ", ".join(f"RAW.GENERATED_DIGITS {digit}" for digit in digits)
    names = ", ".join(PAIR.columns)
    numbers = f"SELECT {number} AS N FROM {tables} WHERE {number} < {rows} AND D.N <= {rows // 1_000_000}"
    execute(warehouse, f"INSERT INTO {MART} ({names}) SELECT {names} FROM (SELECT {row} FROM ({numbers}) AS G) AS R")


def _step(rows: int) -> int:
    return DAYS * 86_400_000 // rows


def _uuids(hashed: str, joined: str, number: str) -> dict[str, str]:
    """SQL of the three ids' texts; `hashed`, `joined` and `number` are in the engine's words."""
    found = {}
    for letter in "tpu":
        taken = f"{number} % {SAME_OF[letter]}" if letter in SAME_OF else number
        text = hashed.format(joined.format(letter, taken))
        parts = [f"SUBSTRING({text}, {start}, {size})" for start, size in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))]
        found[f"uuid_{letter}"] = "CONCAT(" + ", '-', ".join(parts) + ")"
    return found
