"""Asking a large table for the rows of a cut: by literals and by a join, the same rows for keys of every type."""

from typing import Any

import pytest

from curate_job.asked import ask

VALUES = {
    "boolean": ["true", "false"],
    "int": ["-2147483648", "-7", "0", "7", "2147483647"],
    "bigint": ["-9223372036854775808", "-1", "0", "1099511627776", "9223372036854775807"],
    "decimal(10,2)": ["-0.50", "0", "0.50", "99999999.99"],
    "date": ["DATE '1969-12-31'", "DATE '2026-09-01'"],
    "timestamp_ntz": [
        "TIMESTAMP_NTZ '0001-01-01 00:00:00'",
        "TIMESTAMP_NTZ '2026-09-01 00:00:00'",
        "TIMESTAMP_NTZ '2026-09-01 00:00:00.000001'",
    ],
    "string": [
        *["''", "' '", "'a'", "'A'", "'a%'", "'a_'", "'-1'", "'null'"],
        *[
            f"CAST(X'{text.encode().hex()}' AS STRING)"
            for text in ("a\0", "\0", "it's", "\\", "\\'", "a\nb", "--", "é", "e\u0301")
        ],
        *[f"CAST(X'{text.encode().hex()}' AS STRING)" for text in ("\ue000", "\uffff", "\U0001f600", "long " * 10_000)],
    ],
}


@pytest.mark.parametrize("type_", VALUES)
def test_asked_for_and_nothing_else(spark: Any, type_: str) -> None:
    """Of a table with a file for every value, half of the values are asked for (and null, which asks for nothing)."""
    name = f"lake.asked.{type_.split('(')[0]}"
    spark.sql("CREATE NAMESPACE IF NOT EXISTS lake.asked")
    spark.sql(f"CREATE TABLE {name} (n int, k {type_}) USING iceberg")
    values = [*VALUES[type_], "NULL"]
    rows = ", ".join(f"({n}, {value})" for n, value in enumerate(values))
    spread = f"/*+ REPARTITION({len(values)}, n) */"
    spark.sql(f"INSERT INTO {name} SELECT {spread} n, CAST(k AS {type_}) FROM VALUES {rows} v(n, k)")
    table = spark.table(name)
    for half in (0, 1):
        wanted = [n for n in range(len(VALUES[type_])) if n % 2 == half]
        keys = table.where(f"n % 2 = {half}").select("k").localCheckpoint()
        for small in (True, False):  # by literals, by a join
            found = ask(keys, ["k"], small).of(table, ["k"]).collect()
            assert wanted == sorted(row["n"] for row in found), (half, small)


@pytest.mark.parametrize("small", [True, False], ids=["literals", "join"])
def test_composite_key(spark: Any, small: bool) -> None:
    """Of a composite key at least the rows that are asked for come; none whose parts nobody asked for."""
    table = spark.sql("SELECT * FROM VALUES (1, 'a'), (1, 'b'), (2, 'a'), (2, 'b'), (3, 'a') t(x, y)")
    asked = ask(spark.sql("SELECT * FROM VALUES (1, 'a'), (2, 'b') t(x, y)"), ["x", "y"], small)
    found = {tuple(row) for row in asked.of(table, ["x", "y"]).collect()}
    assert {(1, "a"), (2, "b")} <= found <= {(1, "a"), (1, "b"), (2, "a"), (2, "b")}
