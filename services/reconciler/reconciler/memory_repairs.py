"""The twin of clickhouse_repairs.py: corrections in a MemorySpeedLayer's tables."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from reconciler.canonical import family_of, row_text, value_of
from reconciler.memory_sides import MemorySpeedLayer, micros, text_of
from tidemark.tables import Pair

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the twins' moments have no zone


class MemorySpeedRepairs:
    """SpeedRepairs on a MemorySpeedLayer's tables."""

    def __init__(self, speed: MemorySpeedLayer) -> None:
        self._speed = speed

    def correct(self, pair: Pair, rows: Sequence[Mapping[str, str]], version_ms: int) -> None:
        """Write these rows with a new version."""
        moment = _EPOCH + timedelta(milliseconds=version_ms)
        new = [
            {n: _value_of(kind, row[n]) for n, kind in pair.columns.items()} | {pair.version: moment} for row in rows
        ]
        self._speed.tables[pair.speed] = [*self._speed.tables[pair.speed], *new]

    def remove(self, pair: Pair, keys: Sequence[str], upto_ms: int) -> None:
        """Delete every version of these keys up to a moment."""
        rows = self._speed.tables[pair.speed]
        gone = set(keys)
        self._speed.tables[pair.speed] = [
            row for row in rows if _key(pair, row) not in gone or micros(row[pair.version]) // 1000 > upto_ms
        ]


def _key(pair: Pair, row: Mapping[str, Any]) -> str:
    return row_text(text_of(pair.columns[name], row[name]) for name in pair.key)


def _value_of(kind: str, text: str) -> Any:
    """text_of() backwards."""
    value, (family, _) = value_of(kind, text), family_of(kind)
    if value is None:
        return None
    if family == "timestamp":
        return _EPOCH + timedelta(microseconds=int(value))
    return value if family in ("string", "uuid") else Decimal(value) if family == "decimal" else int(value)
