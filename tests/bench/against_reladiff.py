"""What reladiff takes for what the reconciler does, on the same rows in the same emulators (goal: 30 times as long).

reladiff is no dependency: `pip install reladiff==0.6.0` beside the bench. It is given what it can work with: a copy of
the speed layer's table whose ids are texts, for it takes ranges of keys and ClickHouse orders UUIDs otherwise than
texts; minutes as today's ClickHouse writes them; the columns of the mart, which it asks for as no emulator answers.

    python tests/bench/against_reladiff.py [--rows 2000000]
"""

import sys
from pathlib import Path
from typing import Any

from clickhouse_connect import dbapi
from reladiff import TableSegment, diff_tables
from reladiff.databases import clickhouse, snowflake

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from reconcile import Bench, engines, rows_asked, seconds, tell
from reconciler_generated import MART, PAIR, SPEED
from snowflake.connector import SnowflakeConnection

from tidemark_cli.lab import MEGABYTE

TEXTS = "speed.transactions_texts"
OTHERS = tuple(name for name in PAIR.columns if name not in PAIR.key)
MART_TYPES = {"decimal(10,2)": ("NUMBER", None, 38, 2), "int": ("NUMBER", None, 38, 0)}
MART_TYPES |= {"timestamp": ("TIMESTAMP_NTZ", 3, None, None)}


class SpeedDialect(clickhouse.Dialect):
    """%M is the month's name in ClickHouse since 23.4."""

    def normalize_timestamp(self, value: str, coltype: Any) -> str:
        """The text of a moment."""
        return str(super().normalize_timestamp(value, coltype)).replace("%H:%M:%S", "%H:%i:%S")


class Speed(clickhouse.Clickhouse):
    """By HTTP."""

    dialect = SpeedDialect()

    def create_connection(self) -> dbapi.Connection:
        """One for each of reladiff's threads."""
        return dbapi.connect(**self._args)


class Marts(snowflake.Snowflake):
    """By an open session."""

    def __init__(self, connection: SnowflakeConnection) -> None:
        self._conn, self.default_schema = connection, MART.split(".")[0]

    def query_table_schema(self, path: tuple[str, ...]) -> dict[str, tuple[Any, ...]]:
        """The registry's types."""
        kinds = {name.upper(): str(kind) for name, kind in PAIR.columns.items()}
        return {name: (name, *MART_TYPES.get(kind, ("TEXT", None, None, None))) for name, kind in kinds.items()}


def segments(bench: Bench) -> tuple[TableSegment, TableSegment]:
    """Both sides as reladiff knows them."""
    speed = Speed(thread_count=2, host="127.0.0.1", port=bench.wires[0].port)
    marts = Marts(bench.session.connection())
    left = TableSegment(speed, tuple(TEXTS.split(".")), tuple(PAIR.key), extra_columns=OTHERS)
    upper = tuple(name.upper() for name in PAIR.key), tuple(name.upper() for name in OTHERS)
    right = TableSegment(marts, tuple(MART.split(".")), upper[0], extra_columns=upper[1])
    return left.with_schema(), right.with_schema()


def copy_with_texts(bench: Bench) -> None:
    """The speed layer's newest rows once more, ids and names as texts."""
    texts = [name for name, kind in PAIR.columns.items() if kind in ("uuid", "string")]
    replaced = ", ".join(f"CAST({name} AS String) AS {name}" for name in texts)
    newest = f"ORDER BY processing_time DESC LIMIT 1 BY {', '.join(PAIR.key)}"
    bench.speed.command(f"DROP TABLE IF EXISTS {TEXTS}")
    bench.speed.command(
        f"CREATE TABLE {TEXTS} ENGINE = MergeTree ORDER BY ({', '.join(PAIR.key)}) "
        f"AS SELECT * REPLACE ({replaced}) FROM {SPEED} {newest}"
    )


def diff(bench: Bench, expected: int) -> None:
    """A comparison by reladiff that finds so many keys."""
    found = {row[: len(PAIR.key)] for _, row in diff_tables(*segments(bench))}
    if len(found) != expected:
        raise SystemExit(f"reladiff finds {len(found)} differing keys, there are {expected}")


def against(bench: Bench, what: str, expected: int) -> list[tuple[str, str, str]]:
    """(what, figure, goal) of sides that differ in so many keys. Each once, reladiff being slow."""
    whole = seconds(lambda: bench.compare_whole(expected))
    again = seconds(lambda: bench.compare(expected))
    before = sum(wire.bytes for wire in bench.wires)
    theirs = seconds(lambda: diff(bench, expected))
    moved = (sum(wire.bytes for wire in bench.wires) - before) / MEGABYTE
    return [
        (f"{what}: reladiff", f"{theirs:.1f} s, {moved:.1f} MB", ""),
        (
            f"{what}: a reconciler that has just started",
            f"{whole:.1f} s, reladiff {theirs / whole:.1f} times",
            "30 times",
        ),
        (f"{what}: settled rows known", f"{again:.1f} s, reladiff {theirs / again:.1f} times", "30 times"),
    ]


def measure(bench: Bench) -> list[tuple[str, str, str]]:
    """Clean sides, then 1,000 rows that differ."""
    copy_with_texts(bench)
    clean = against(bench, "clean sides", 0)
    changed = len(bench.change_the_mart(0))
    return clean + against(bench, f"{changed:,} rows differ", changed)


if __name__ == "__main__":
    asked = rows_asked(__doc__)
    with engines(asked) as given:
        tell(f"Reconciling {asked:,} rows, against reladiff", measure(given))
