"""Casting to the contract: what fits keeps its value, what does not becomes a finding, and nothing fails the run."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from curate_lake import frame_of
from pyspark.sql import functions as F

from curate_job.cast import LONGEST_TEXT_BYTES, cast_column
from curate_job.manifest import Column

YEAR_1, INFINITE = -62135596800000, 9223372036825200000
UUID = "0b6c5f3e-94a4-4f0e-8a4e-0d8f4f1c2b3a"


CASES = [
    ("string", "10.50", "decimal(10,2)", Decimal("10.50")),
    ("string", "10.500", "decimal(10,2)", Decimal("10.50")),
    ("string", "10.505", "decimal(10,2)", None),
    ("string", "1.1234567890", "decimal(38,10)", Decimal("1.1234567890")),
    ("string", "1.12345678901", "decimal(38,10)", None),
    ("string", "NAN", "decimal(10,2)", None),
    ("string", "123456789.00", "decimal(10,2)", None),
    ("double", float("nan"), "decimal(10,2)", None),
    ("decimal(20,4)", Decimal("1.2300"), "decimal(10,2)", Decimal("1.23")),
    ("bigint", 2**31, "int", None),
    ("string", "12", "int", 12),
    ("string", "1.5", "int", None),
    ("bigint", 0, "timestamp", datetime(1970, 1, 1)),  # noqa: DTZ001 - a timestamp without zone
    ("bigint", YEAR_1 - 1, "timestamp", None),
    ("bigint", INFINITE, "timestamp", None),
    ("string", UUID.upper(), "uuid", UUID),
    ("string", "no-uuid", "uuid", None),
    ("string", "ünï\u0000\U0001f600", "string", "ünï\u0000\U0001f600"),
    ("string", "yes", "bool", True),
]


def test_a_value_fits_or_is_found(spark: Any) -> None:
    """The value by contract; a value that does not fit is null and has a finding that names the column."""
    schema = ", ".join(f"x{n} {source}" for n, (source, _, _, _) in enumerate(CASES))
    frame = frame_of(spark, [tuple(given for _, given, _, _ in CASES)], schema)
    pairs = [
        cast_column(field.name, field.dataType, Column(canonical))
        for field, (_, _, canonical, _) in zip(frame.schema, CASES, strict=True)
    ]
    row = frame.select(*[F.struct(value, F.split_part(problem, F.lit(": "), F.lit(1))) for value, problem in pairs])
    expected = [(value, f"x{n}" if value is None else None) for n, (_, _, _, value) in enumerate(CASES)]
    assert [tuple(pair) for pair in row.first()] == expected


@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)])
def test_a_text_longer_than_raw_can_hold_is_found(spark: Any, more: int, fits: bool) -> None:
    """Its bytes count, not its characters; it would stop the load of the whole run."""
    frame = spark.sql(f"SELECT repeat('é', {LONGEST_TEXT_BYTES // 2 + more}) AS x")
    value, problem = cast_column("x", frame.schema["x"].dataType, Column("string"))
    row = frame.select(F.octet_length(value).alias("bytes"), problem.alias("problem")).first()
    assert row["bytes"] == (LONGEST_TEXT_BYTES if fits else None)
    assert (row["problem"] is None) == fits


def test_null_and_missing(spark: Any) -> None:
    """Null is a finding only where it must not be; a default stands in for what an older row lacks."""
    frame = frame_of(spark, [(None,)], "x int")
    kind = frame.schema["x"].dataType
    cases = [
        (cast_column("x", kind, Column("int")), (None, None)),
        (cast_column("x", kind, Column("int", nullable=False)), (None, "x: null")),
        (cast_column("x", kind, Column("int", nullable=False, default="7")), (7, None)),
        (cast_column("y", None, Column("string", default="web")), ("web", None)),
    ]
    columns = [c.alias(f"{n}{m}") for n, (pair, _) in enumerate(cases) for m, c in enumerate(pair)]
    row = frame.select(*columns, F.lit(1)).first()
    assert [(row[f"{n}0"], row[f"{n}1"]) for n in range(len(cases))] == [expected for _, expected in cases]
