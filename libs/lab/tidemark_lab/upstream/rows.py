"""Rows in columns: the plain numpy form in which everything upstream is computed, and its way into Arrow.

A `Rows` is a dict of equally long arrays: int64 for whole numbers, cents and milliseconds, object for text. Absent
whole numbers are `NULL`, a price that is no number is `NAN`; absent text is None. A new column needs nothing here; a
new way to write a value is one more entry of `_WRITERS`.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Array = np.ndarray[Any, np.dtype[Any]]
Rows = dict[str, Array]

NULL = int(np.iinfo(np.int64).min)
NAN = NULL + 1
INFINITE_MS = 9223372036825200000  # how Debezium writes PostgreSQL's 'infinity'


def size(rows: Rows) -> int:
    """How many rows there are; 0 for no columns at all."""
    return len(next(iter(rows.values()))) if rows else 0


def take(rows: Rows, index: Array) -> Rows:
    """The rows at positions, or under a mask; always copies."""
    return {name: values[index] for name, values in rows.items()}


def concat(parts: Iterable[Rows]) -> Rows:
    """All rows below each other. Parts that hold other columns than the first non-empty one are an error."""
    filled = [part for part in parts if part]
    if not filled:
        return {}
    return {name: np.concatenate([part[name] for part in filled]) for name in filled[0]}


def text(values: Sequence[str | None] | Array) -> Array:
    """A text column."""
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def constant(value: str | None, count: int) -> Array:
    """A text column of one value."""
    out = np.empty(count, dtype=object)
    out[:] = value
    return out


def uuids(rng: np.random.Generator, count: int) -> Array:
    """Random UUIDs (version 4), canonical lower-case text."""
    raw = rng.integers(0, 256, size=(count, 16), dtype=np.uint8)
    raw[:, 6] = (raw[:, 6] & 0x0F) | 0x40
    raw[:, 8] = (raw[:, 8] & 0x3F) | 0x80
    h = raw.tobytes().hex()
    starts = range(0, 32 * count, 32)
    ends = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
    return text(["-".join([h[i + a : i + b] for a, b in ends]) for i in starts])


def _whole(values: Array, kind: pa.DataType) -> pa.Array:
    return pa.array(values, pa.int64(), mask=values == NULL).cast(kind)


def _decimal(values: Array, kind: pa.DataType) -> pa.Array:
    absent = (values == NULL) | (values == NAN)
    units = pa.array(np.where(absent, 0, values), pa.int64()).cast(pa.decimal128(19, 0))
    scaled = pa.Array.from_buffers(pa.decimal128(19, 2), len(units), units.buffers())
    return pc.if_else(pa.array(absent), pa.scalar(None, kind), scaled.cast(kind))


def _money_text(values: Array, _: pa.DataType) -> pa.Array:
    written = _decimal(values, pa.decimal128(10, 2)).cast(pa.string())
    return pc.if_else(pa.array(values == NAN), pa.scalar("NAN"), written)


def _timestamp(values: Array, kind: pa.DataType) -> pa.Array:
    return pa.array(np.where(values == NULL, 0, values) * 1000, pa.int64(), mask=values == NULL).cast(kind)


def _string(values: Array, kind: pa.DataType) -> pa.Array:
    return pa.array(values.tolist(), kind)  # a list, because an object array would have pyarrow import pandas


def _bool(values: Array, kind: pa.DataType) -> pa.Array:
    return pa.array(values.astype(bool), kind)


_WRITERS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[Array, pa.DataType], pa.Array]], ...] = (
    (pa.types.is_integer, _whole),
    (pa.types.is_decimal, _decimal),
    (pa.types.is_timestamp, _timestamp),
    (pa.types.is_boolean, _bool),
    (pa.types.is_string, _string),
)


def to_arrow(rows: Rows, schema: pa.Schema, money: frozenset[str] = frozenset()) -> pa.Table:
    """The schema's columns of these rows as Arrow. Whole numbers are cents for a decimal and milliseconds for a
    timestamp; `money` names columns of cents that are written as text."""
    arrays = []
    for column in schema:
        write = _money_text if column.name in money and pa.types.is_string(column.type) else _writer(column.type)
        arrays.append(write(rows[column.name], column.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def _writer(kind: pa.DataType) -> Callable[[Array, pa.DataType], pa.Array]:
    return next(write for fits, write in _WRITERS if fits(kind))


def to_plain(rows: Rows) -> pa.Table:
    """These rows as they are, sentinels and all (for the generator's own files)."""
    return pa.table({n: _string(v, pa.string()) if v.dtype == object else pa.array(v) for n, v in rows.items()})


def from_plain(table: pa.Table) -> Rows:
    """The inverse of `to_plain`."""
    return {
        name: text(column.to_pylist()) if pa.types.is_string(column.type) else column.to_numpy()
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
