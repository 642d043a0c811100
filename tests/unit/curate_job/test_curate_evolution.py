"""Schema evolution: the source or the contract changes its shape, and no data file is written anew for it."""

from dataclasses import dataclass
from typing import Any

import pytest
from curate_lake import frame_of

from tidemark.tables import Column, Table

pytestmark = pytest.mark.parametrize("size", ["few rows"], indirect=True)  # what is large has no part in it
COLUMNS = {"id": "int", "name": "string", "amount": "int", "price": "decimal(10,2)", "note": "string"}
META = {"__op": "string", "__ts_ms": "bigint", "__source_ts_ms": "bigint", "__source_lsn": "bigint"}
PLAIN = {name: Column(type_) for name, type_ in COLUMNS.items()}
ZERO, ONE, TWO = (0, "zero", 0, "0.00", "w"), (1, "one", 1, "1.00", "x"), (2, "two", 2, "2.00", "y")


def contract(columns: dict[str, Column]) -> Table:
    return Table("ecommerce", ["id"], columns)


@dataclass(frozen=True)
class Step:
    """A change of shape after rows 0 and 1 have been curated (columns as in COLUMNS) and row 2 has been appended."""

    alter: list[str]  # of the source
    row: dict[str, Any]  # row 3, in the source's new shape; row 1 becomes the same
    columns: dict[str, Column]  # the contract from now on
    shown: str
    expected: list[tuple[Any, ...]]  # rows 0 to 3
    quarantined: int = 0


THREE = {"id": 3, "name": "three", "amount": 3, "price": "3.00", "note": "z"}
STEPS = {
    "added": Step(
        ["ADD COLUMN colour string"],
        {**THREE, "colour": "red"},
        {**PLAIN, "colour": Column("string", default="none")},
        "id, colour",
        [(0, "none"), (1, "red"), (2, "none"), (3, "red")],
    ),
    "added_where_null_must_not_be": Step(
        ["ADD COLUMN stock int"],
        {**THREE, "stock": 7},
        {**PLAIN, "stock": Column("int", nullable=False, default="0")},
        "id, stock",
        [(0, 0), (1, 7), (2, 0), (3, 7)],
    ),
    "added_unknown_to_the_contract": Step(
        ["ADD COLUMN colour string"],
        {**THREE, "colour": "red"},
        PLAIN,
        "id, note",
        [(0, "w"), (1, "z"), (2, "y"), (3, "z")],
    ),
    "dropped": Step(
        ["DROP COLUMN note"],
        {name: value for name, value in THREE.items() if name != "note"},
        PLAIN,
        "id, note",
        [(0, "w"), (1, None), (2, None), (3, None)],
    ),
    "dropped_from_the_contract": Step(
        [],
        THREE,
        {name: column for name, column in PLAIN.items() if name != "note"},
        "id, note",
        [(0, "w"), (1, None), (2, None), (3, None)],
    ),
    "renamed": Step(
        ["RENAME COLUMN note TO remark"],
        {**{name: value for name, value in THREE.items() if name != "note"}, "remark": "z"},
        {**PLAIN, "remark": Column("string")},
        "id, note, remark",
        [(0, "w", None), (1, None, "z"), (2, None, "y"), (3, None, "z")],
    ),
    "renamed_as_debezium_s_sink_shows_it": Step(  # a new column, and the old one is absent from later rows
        ["ADD COLUMN remark string"],
        {**THREE, "note": None, "remark": "z"},
        {**PLAIN, "remark": Column("string")},
        "id, note, remark",
        [(0, "w", None), (1, None, "z"), (2, "y", None), (3, None, "z")],
    ),
    "widened_to_long": Step(
        ["ALTER COLUMN amount TYPE bigint"],
        {**THREE, "amount": 2**40},
        {**PLAIN, "amount": Column("long")},
        "id, amount",
        [(0, 0), (1, 2**40), (2, 2), (3, 2**40)],
    ),
    "widened_beyond_the_contract": Step(
        ["ALTER COLUMN amount TYPE bigint"],
        {**THREE, "amount": 2**40},
        PLAIN,
        "id, amount",
        [(0, 0), (1, 1), (2, 2)],
        2,
    ),
    "widened_decimal": Step(
        ["ALTER COLUMN price TYPE decimal(14,2)"],
        {**THREE, "price": "123456789012.34"},
        {**PLAIN, "price": Column("decimal(14,2)")},
        "id, CAST(price AS STRING)",
        [(0, "0.00"), (1, "123456789012.34"), (2, "2.00"), (3, "123456789012.34")],
    ),
    "nullable_no_more": Step(
        [], {**THREE, "note": None}, {**PLAIN, "note": Column("string", nullable=False)}, "id", [(0,), (1,), (2,)], 2
    ),
    "reordered": Step(
        ["ALTER COLUMN price FIRST", "ALTER COLUMN note AFTER id"],
        THREE,
        dict(reversed(PLAIN.items())),
        "id, name, amount, note",
        [(0, "zero", 0, "w"), (1, "three", 3, "z"), (2, "two", 2, "y"), (3, "three", 3, "z")],
    ),
}


def appended(lake: Any, table: str, rows: list[dict[str, Any]], lsn: int) -> None:
    """Rows in the source's present shape, by the names of its columns."""
    types = dict(lake.spark.table(lake.source(table)).dtypes)
    meta = {"__op": "u", "__ts_ms": lsn, "__source_ts_ms": lsn, "__source_lsn": lsn}
    values = [tuple(value if value is None else str(value) for value in {**row, **meta}.values()) for row in rows]
    names = [*rows[0], *meta]
    texts = frame_of(lake.spark, values, ", ".join(f"{name} string" for name in names)).coalesce(1)
    texts.selectExpr(*[f"CAST({name} AS {types[name]}) {name}" for name in names]).writeTo(lake.source(table)).append()


def begun(lake: Any, contracts: dict[str, Table]) -> None:
    """Rows 0 and 1 of every table, curated; row 2, appended in the same shape."""
    lake.contracts = contracts
    for table in contracts:
        columns = ", ".join(f"{name} {type_}" for name, type_ in {**COLUMNS, **META}.items())
        lake.spark.sql(f"CREATE TABLE {lake.source(table)} ({columns}) USING iceberg")
        appended(lake, table, [dict(zip(COLUMNS, row, strict=True)) for row in (ZERO, ONE)], 1)
    assert lake.run()["status"] == "done"
    for table in contracts:
        appended(lake, table, [dict(zip(COLUMNS, TWO, strict=True))], 2)


def files(lake: Any, table: str) -> set[str]:
    return {file for kind in ("_changes", "") for (file,) in lake.rows(table, "file_path", f"{kind}.files")}


@pytest.mark.usefixtures("merged")
def test_every_change_of_shape(lake: Any) -> None:
    """Case by case: rows 0 to 3 as they are to be, and every data file of before still there."""
    begun(lake, dict.fromkeys(STEPS, contract(PLAIN)))
    before = {table: files(lake, table) for table in STEPS}
    for table, step in STEPS.items():
        for alter in step.alter:
            lake.spark.sql(f"ALTER TABLE {lake.source(table)} {alter}")
        appended(lake, table, [step.row, {**step.row, "id": 1}], 3)
    lake.contracts = {table: contract(step.columns) for table, step in STEPS.items()}
    assert lake.run()["status"] == "done"
    expected = {table: (step.expected, step.quarantined) for table, step in STEPS.items()}
    assert expected == {
        table: (lake.rows(table, step.shown), len(lake.rows(table, "_key", "_quarantined")))
        for table, step in STEPS.items()
    }
    assert {table for table in STEPS if before[table] - files(lake, table)} == set()


@pytest.mark.usefixtures("merged")
def test_a_default_that_is_new_means_every_null(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also old rows, of tables that get none, and after an attempt that died between the ALTER and the rows, and a
    maintenance behind it. The changes stay as they came; what is told again is known, and nothing is filled twice."""
    begun(lake, dict.fromkeys(("things", "others"), contract(PLAIN)))
    appended(lake, "things", [{**THREE, "note": None}], 3)
    appended(lake, "others", [{**THREE, "id": 2}], 3)  # a delete file, which maintenance would compact away
    lake.run()
    came = {table: lake.rows(table, "*", "_changes") for table in lake.contracts}
    before = {table: files(lake, table) for table in lake.contracts}
    grown = {**PLAIN, "note": Column("string", default="o'none"), "stock": Column("int", nullable=False, default="0")}
    lake.contracts = dict.fromkeys(("things", "others"), contract(grown))
    appended(lake, "things", [{**THREE, "id": 4, "note": None}, {**THREE, "note": None}], 3)
    with monkeypatch.context() as dying:
        dying.setattr("curate_job.main.fill_defaults", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            lake.run()
    lake.run("maintain")
    (things, others) = lake.run()["tables"]
    assert [(t["accepted"], t["repeated"]) for t in (things, others)] == [(1, 1), (0, 0)]
    told = [(0, "w", 0), (1, "x", 0), (2, "y", 0), (3, "o'none", 0), (4, "o'none", 0)]
    shown = {table: lake.rows(table, "id, note, stock") for table in lake.contracts}
    assert shown == {"things": told, "others": [*told[:2], (2, "z", 0)]}
    assert lake.rows("others", ", ".join(came_columns(lake, "others")), "_changes") == came["others"]
    assert {table for table in before if before[table] - files(lake, table)} == set()
    filled = dict(lake.base)
    appended(lake, "things", [{**THREE, "id": 4, "note": None}], 3)
    assert lake.run()["tables"][0]["repeated"] == 1
    assert lake.base == filled


def test_rows_of_the_old_shape_after_the_change(lake: Any) -> None:
    """Decoded before it, appended behind rows of the new shape: what they lack is null, or the column's default."""
    begun(lake, {"things": contract(PLAIN)})
    source, old = lake.source("things"), "id, name, amount, price, note, __op, __ts_ms, __source_ts_ms, __source_lsn"
    lake.spark.sql(f"ALTER TABLE {source} ADD COLUMNS (colour string, size int)")
    lake.contracts = {"things": contract({**PLAIN, "colour": Column("string", default="none"), "size": Column("int")})}
    appended(lake, "things", [{**THREE, "colour": "red", "size": 9}], 3)
    lake.spark.sql(f"INSERT INTO {source} ({old}) VALUES (4, 'four', 4, 4.00, 'z', 'c', 3, 3, 3)")
    lake.run()
    appended(lake, "things", [{**THREE, "id": 5, "colour": "blue", "size": 8}], 4)
    lake.spark.sql(f"INSERT INTO {source} ({old}) VALUES (3, 'late', 4, 4.00, 'z', 'u', 5, 5, 5)")
    assert lake.run()["status"] == "done"
    assert lake.rows("things", "id, name, colour, size")[2:] == [
        (2, "two", "none", None),
        (3, "late", "none", None),
        (4, "four", "none", None),
        (5, "three", "blue", 8),
    ]


@pytest.mark.parametrize("gone", ["name", pytest.param("id", marks=pytest.mark.soak)])
def test_a_column_that_is_gone_but_still_in_the_table_stops(lake: Any, gone: str) -> None:
    """Dropped or renamed in PostgreSQL, it is absent from later rows: not every row is refused in silence, and the
    remedy works. Beside rows that have it, and of a row or two alone, it is the rows that are bad."""
    strict = {"id": Column("int", nullable=False), "name": Column("string", nullable=False)}
    begun(lake, {"things": contract({**PLAIN, **strict})})
    bad = [{**THREE, "id": key, "amount": key, gone: None} for key in (3, 4, 5)]
    appended(lake, "things", bad, 3)
    assert lake.run()["tables"][0]["quarantined"] == 3
    appended(lake, "things", [{**row, "note": "a"} for row in bad[:2]], 4)
    assert lake.run()["tables"][0]["quarantined"] == 2
    appended(lake, "things", [{**row, "note": "b"} for row in bad], 5)
    lake.spark.sql(f"INSERT INTO {lake.source('things')} (id, __op, __ts_ms, __source_ts_ms, __source_lsn) "
                   "VALUES (1, 'd', 5, 5, 5)")  # fmt: skip
    result = lake.run()
    assert (result["status"], f"things.{gone} is null in all 3 rows" in result["stopped"]["reason"]) == (
        "stopped",
        True,
    )
    if gone == "name":
        lake.contracts = {"things": contract(PLAIN)}
        assert lake.run()["tables"][0]["accepted"] == 4


def came_columns(lake: Any, table: str) -> list[str]:
    """The columns of a changes table before it grew."""
    return [name for name in lake.spark.table(f"lake.curated_{lake.name}.{table}_changes").columns if name != "stock"]


def test_null_is_allowed_from_now_on(lake: Any) -> None:
    """A column that must not be null may be null once the contract says so; what was refused stays accounted for."""
    strict = {**PLAIN, "note": Column("string", nullable=False)}
    begun(lake, {"things": contract(strict)})
    appended(lake, "things", [{**THREE, "note": None}], 3)
    lake.run()
    lake.contracts = {"things": contract(PLAIN)}
    appended(lake, "things", [{**THREE, "id": 4, "note": None}], 4)
    lake.run()
    assert lake.rows("things", "id, note") == [(0, "w"), (1, "x"), (2, "y"), (4, None)]
    assert lake.rows("things", "_key, _reason", "_quarantined") == [("3", "note: null")]


@pytest.mark.parametrize(
    ("name", "type_"),
    [("amount", "string"), ("amount", "decimal(10,2)"), ("price", "decimal(8,2)"), ("price", "decimal(12,4)")],
)
def test_a_contract_that_does_not_widen_stops(lake: Any, name: str, type_: str) -> None:
    """A type that cannot hold what is there is a typed stop with a remedy, and nothing is changed."""
    begun(lake, {"things": contract(PLAIN)})
    before, lake.contracts = lake.rows("things", "*"), {"things": contract({**PLAIN, name: Column(type_)})}
    result = lake.run()
    assert (result["status"], f"things_changes.{name} is" in result["stopped"]["reason"]) == ("stopped", True)
    assert "add a new column instead" in result["stopped"]["remedy"]
    assert before == lake.rows("things", "*")


def test_a_source_type_that_cannot_be_read_stops(lake: Any) -> None:
    """A column made anew as something else is a typed stop, not a quarantine of every row and no crash."""
    begun(lake, {"things": contract(PLAIN)})
    for made_anew, told in (("amount", "boolean"), ("note", "array<string>"), ("__source_lsn", "string")):
        source = lake.source("things")
        lake.spark.sql(f"ALTER TABLE {source} DROP COLUMN {made_anew}")
        lake.spark.sql(f"ALTER TABLE {source} ADD COLUMN {made_anew} {told}")
        lake.spark.sql(f"INSERT INTO {source} (id, __op) VALUES (9, 'c')")
        result = lake.run()
        assert (result["status"], f"{made_anew} is {told}" in result["stopped"]["reason"]) == ("stopped", True)
        assert "tidemark resume" in result["stopped"]["remedy"]
        lake.spark.sql(f"ALTER TABLE {source} DROP COLUMN {made_anew}")
        lake.spark.sql(f"ALTER TABLE {source} ADD COLUMN {made_anew} {({**COLUMNS, **META})[made_anew]}")


def test_columns_that_change_after_the_cut(lake: Any) -> None:
    """A cut is read in the shape of its end: what is dropped, renamed, widened or added later changes nothing in it."""
    begun(lake, {"things": contract(PLAIN)})
    end = lake.head("things")
    for alter in ("DROP COLUMN note", "RENAME COLUMN name TO title", "ADD COLUMN colour string"):
        lake.spark.sql(f"ALTER TABLE {lake.source('things')} {alter}")
    lake.spark.sql(f"INSERT INTO {lake.source('things')} (id, amount, __op) VALUES (9, 1, 'c')")
    lake.head = lambda table: end
    assert lake.run()["status"] == "done"
    assert lake.rows("things", "id, name, amount, note") == [
        (0, "zero", 0, "w"),
        (1, "one", 1, "x"),
        (2, "two", 2, "y"),
    ]
