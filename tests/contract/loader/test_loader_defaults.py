"""A column with a default in the registry is never null in RAW, whichever row and file it comes from."""

from datetime import datetime
from decimal import Decimal

import pytest
from loader_benches import RealBench
from loader_runs import curated, decided, part_of, publish, rows_of
from msgspec.structs import replace

from loader.stage import load
from tidemark.tables import Column
from tidemark_warehouse import execute

pytestmark = pytest.mark.lab

DEFAULTS = {
    "tier": Column(type="string", default="it's \\ 100% {new}"),
    "points": Column(type="int", default="-7"),
    "budget": Column(type="decimal(12,2)", default="0.50"),
    "active": Column(type="bool", default="true"),
    "since": Column(type="timestamp", default="1999-12-31 23:59:59.123456"),
}
VALUES = ("it's \\ 100% {new}", -7, Decimal("0.50"), True, datetime(1999, 12, 31, 23, 59, 59, 123456))  # noqa: DTZ001
NEW = ", ".join(DEFAULTS)


def with_columns(real: RealBench, columns: dict[str, Column]) -> None:
    """A registry in which users have these columns more."""
    users = real.known.tables["users"]
    tables = real.known.tables | {"users": replace(users, columns=users.columns | columns)}
    real.known = replace(real.known, tables=tables)


def test_a_new_column_s_default_fills_old_rows(real: RealBench) -> None:
    """Of every type; the change says so in one audit row a column, and a repeat makes none."""
    load(publish(real, 1, {"users": 2}), real.ports())
    with_columns(real, DEFAULTS)
    load(publish(real, 2, {}), real.ports())
    load(publish(real, 3, {}), real.ports())
    assert execute(real.connection, f"SELECT {NEW} FROM RAW.USERS") == [VALUES] * 2
    said = "SELECT RUN_ID, DETAIL FROM OPS.AUDIT WHERE OBJECT = 'RAW.USERS' AND ACTION = 'ddl' AND ACTOR = 'loader'"
    added = [
        *("add column TIER: none -> VARCHAR", "add column POINTS: none -> NUMBER(10,0)"),
        *("add column BUDGET: none -> NUMBER(12,2)", "add column ACTIVE: none -> BOOLEAN"),
        "add column SINCE: none -> TIMESTAMP_NTZ(6)",
    ]
    filled = [f"default of {n.upper()}: 2 rows without a value get {c.default!r}" for n, c in DEFAULTS.items()]
    told = [("ecommerce-process-g0-2", detail) for detail in added + filled]
    assert sorted(execute(real.connection, said)) == sorted(told)


def test_files_without_the_column_bring_its_default(real: RealBench) -> None:
    """COPY puts null where a file lacks a column: a file of the old shape that is loaded late, or anew."""
    with_columns(real, DEFAULTS)
    load(publish(real, 1, {"users": 2}), real.ports())
    assert execute(real.connection, f"SELECT {NEW} FROM RAW.USERS") == [VALUES] * 2


def test_a_null_that_a_file_holds_becomes_the_default(real: RealBench) -> None:
    """Also of a column that was there before it got a default, and of rows that were loaded before."""
    rows = rows_of("r1", 1, 2)
    rows[0]["email"] = "given@x"
    load(decided(real, curated("r1", 1, [part_of("users", 2, real.append("users", rows)[0], 6)])), real.ports())
    with_columns(real, {"email": Column(type="string", default="none@x")})
    load(publish(real, 2, {"users": 1}), real.ports())
    found = execute(real.connection, "SELECT EMAIL FROM RAW.USERS ORDER BY 1")
    assert found == [("given@x",), ("none@x",), ("none@x",)]
    said = "SELECT ACTION, DETAIL FROM OPS.AUDIT WHERE OBJECT = 'RAW.USERS' AND DETAIL LIKE 'default%%' ORDER BY 1"
    assert execute(real.connection, said, {}) == [
        (action, "default of EMAIL: 1 rows without a value get 'none@x'") for action in ("ddl", "fill")
    ]
