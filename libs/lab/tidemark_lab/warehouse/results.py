"""Mends of what a query gives back: NULL timestamps, unsigned numbers, column types, the result cache."""

from collections import OrderedDict
from typing import Any

import fakesnow.arrow
import fakesnow.server
import pyarrow as pa
from fakesnow.cursor import FakeSnowflakeCursor

from tidemark_lab.warehouse.errors import unsupported

CACHED_RESULTS = 8
ARROW_TYPES = {
    "null": '"NULL"',
    "bool": "BOOLEAN",
    "string": "VARCHAR",
    "large_string": "VARCHAR",
    "binary": "BLOB",
    "date32[day]": "DATE",
    "float": "DOUBLE",
    "double": "DOUBLE",
    "extension<arrow.json>": "JSON",
} | {f"{sign}int{bits}": "BIGINT" for sign in ("", "u") for bits in (8, 16, 32, 64)}


def null_timestamps() -> None:
    """Quirk: a NULL timestamp is read as 1970-01-01, because the struct that carries it has no validity mask."""
    stock = fakesnow.arrow.timestamp_to_sf_struct

    def timestamp_to_sf_struct(column: pa.Array | pa.ChunkedArray) -> pa.Array:
        whole = _one_array(column)
        zone = whole.type.tz
        struct = stock(whole.cast(pa.timestamp("us", tz=zone)))
        if not whole.null_count:
            return struct
        children = [struct.field(index) for index in range(struct.type.num_fields)]
        return pa.StructArray.from_arrays(children, fields=list(struct.type), mask=whole.is_null())

    fakesnow.arrow.timestamp_to_sf_struct = timestamp_to_sf_struct


def whole_numbers() -> None:
    """Quirk: whole numbers reach fetch_arrow_all as decimals, unsigned 64-bit ones mislabelled as signed.

    As in Snowflake, a column of scale 0 comes as 64-bit integers when all its values fit.
    """
    stock = fakesnow.arrow.to_sf

    def to_sf(table: pa.Table, rowtype: list[Any]) -> pa.Table:
        for index, field in enumerate(table.schema):
            table = table.set_column(index, field.name, fitting(table.column(index)))
        return stock(table, rowtype)

    fakesnow.server.to_sf = to_sf  # the server holds its own reference


def fitting(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_float32(kind):
        return column.cast(pa.float64())
    if pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0):
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:  # a value beyond 64 bits
            return column.cast(pa.decimal128(38, 0))
    return column


def described_results() -> None:
    """Quirk: each result is described by planning its SQL a second time, which fails for some and blocks the server."""

    def describe_last_sql(self: FakeSnowflakeCursor) -> list[tuple[str, str, None, None, None, None]]:
        fields = self._arrow_table.schema if self._arrow_table is not None else []
        return [(field.name, duckdb_type(field.type), None, None, None, None) for field in fields]

    FakeSnowflakeCursor._describe_last_sql = describe_last_sql


def duckdb_type(kind: pa.DataType) -> str:
    """The DuckDB name of a result column's type. Errors: an SQL error for nested types and intervals."""
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP WITH TIME ZONE" if kind.tz else "TIMESTAMP"
    if pa.types.is_time(kind):
        return "TIME"
    if str(kind) not in ARROW_TYPES:
        raise unsupported(f"a result column of type {kind}")
    return ARROW_TYPES[str(kind)]


class SmallCache(OrderedDict[str, Any]):
    """The last few results; stock fakesnow keeps every result for the life of the server."""

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        while len(self) > CACHED_RESULTS:
            self.popitem(last=False)


def _one_array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    if not isinstance(column, pa.ChunkedArray):
        return column
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
