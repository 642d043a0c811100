"""In-memory twins of both sides: rows as dicts of Python values, the same canonical texts, no engine."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from reconciler.canonical import (
    ENDING_CHARACTERS,
    SUFFIX_CHARACTERS,
    UNBOUNDED,
    family_of,
    hash60,
    row_text,
    summed,
    value_of,
)
from reconciler.ports import Figures, Published, Row, Tally, Uncomparable, Window
from tidemark.tables import Pair, Table

DAY_US = 86_400_000_000
Values = Mapping[str, Any]
Rows = Mapping[str, Sequence[Values]]


def text_of(kind: str, value: Any) -> str:
    """A Python value's canonical text: str, int, Decimal, datetime without zone (UTC), bool or None."""
    family, scale = family_of(kind)
    if value is None:
        return "~"
    if family in UNBOUNDED:
        text = value if family == "string" else _bare_uuid(str(value).lower())
        return f"{len(text)}:{text}"
    if family == "decimal":
        number = Decimal(value).quantize(Decimal(1).scaleb(-scale))
        return f"{abs(number) if number == 0 else number:f}"
    if family == "date":
        return str(value)
    if family == "timestamp":
        return str(micros(value))
    return str(int(value))


def _bare_uuid(text: str) -> str:
    return text[1:-1] if text[:1] == "{" and text[-1:] == "}" else text


def micros(value: datetime) -> int:
    """Epoch microseconds, exactly."""
    since = value.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


class _MemorySide:
    """Tables of rows, and the four questions that both sides answer."""

    def __init__(self, tables: Rows) -> None:
        self.tables: dict[str, Sequence[Mapping[str, Any]]] = dict(tables)

    def _counting(self, pair: Pair, window: Window) -> list[tuple[str, Row]]:
        """The rows that count, by key; for totals those that their base's rows add up to."""
        base = pair.totals_of
        rows = _totals(pair, base, self._values(base, window)) if base else self._values(pair, window)
        return [_row(pair, values) for values in rows]

    def _values(self, pair: Pair, window: Window) -> list[Values]:
        raise NotImplementedError

    def _versions(self, pair: Pair, window: Window) -> list[Values]:
        """All rows that say something of the keys, older versions too."""
        return self._values(pair, window)

    def _unsettled(self, pair: Pair, window: Window) -> Callable[[str, Row], bool]:
        """Whether a row counts as one that is not settled: by its own event time."""
        return lambda key, row: row.event_us is None or row.event_us >= window.settled_us

    def _table(self, pair: Pair) -> str:
        raise NotImplementedError

    def check(self, pair: Pair) -> None:
        """Uncomparable unless the table is there with all columns."""
        if self._table(pair) not in self.tables:
            raise Uncomparable(f"there is no {self._table(pair)}")
        for row in self.tables[self._table(pair)]:
            if missing := [name for name in (pair.totals_of or pair).columns if name not in row]:
                raise Uncomparable(f"{self._table(pair)}: no column {', '.join(missing)}")

    def fingerprints(self, pair: Pair, window: Window) -> Mapping[str, Tally]:
        """Tally per ending of the settled keys, of all their versions."""
        rows = [(values, *_row(pair, values)) for values in self._versions(pair, window)]
        unsettled = self._unsettled(pair, window)
        hashed = (
            (_ending(pair, row), f"{row.event_us}|{values.get(pair.version)}|{row_text(row.texts.values())}")
            for values, key, row in rows
            if not unsettled(key, row)
        )
        return _tallied(hashed)

    def sums(self, pair: Pair, window: Window, endings: Collection[str] | None = None) -> Mapping[str, Tally]:
        """Tally per bucket, of settled keys only those with one of these endings."""
        return _tallied((bucket, _text(row)) for bucket, _, row in self._placed(pair, window, endings))

    def keys(
        self, pair: Pair, window: Window, buckets: Sequence[str], endings: Collection[str] | None = None
    ) -> Mapping[str, Tally]:
        """Tally per key of these buckets, of settled keys only those with one of these endings."""
        wanted = set(buckets)
        return _tallied((k, _text(row)) for bucket, k, row in self._placed(pair, window, endings) if bucket in wanted)

    def _placed(self, pair: Pair, window: Window, endings: Collection[str] | None) -> Iterator[tuple[str, str, Row]]:
        """Bucket, key and row of what lies inside the window."""
        unsettled = self._unsettled(pair, window)
        for key, row in self._inside(pair, window):
            if endings is None or unsettled(key, row) or _ending(pair, row) in endings:
                yield _bucket(pair, row, window, unsettled(key, row)), key, row

    def rows(self, pair: Pair, window: Window, keys: Collection[str]) -> Mapping[str, Sequence[Row]]:
        """The whole rows of these keys."""
        found: dict[str, list[Row]] = defaultdict(list)
        wanted = set(keys)
        for key, row in self._counting(pair, window):
            if key in wanted:
                found[key].append(row)
        return dict(found)

    def _inside(self, pair: Pair, window: Window) -> list[tuple[str, Row]]:
        upper = window.upper_ms * 1000
        return [(k, r) for k, r in self._counting(pair, window) if r.event_us is None or r.event_us <= upper]


class MemorySpeedLayer(_MemorySide):
    """SpeedLayer in memory; `away` makes every question raise it."""

    away: Exception | None = None

    def progress(self) -> int | None:
        """The newest processing time, epoch ms."""
        if self.away:
            raise self.away
        times = [micros(row["processing_time"]) // 1000 for rows in self.tables.values() for row in rows]
        return max(times, default=None)

    def _table(self, pair: Pair) -> str:
        if self.away:
            raise self.away
        return pair.speed

    def _values(self, pair: Pair, window: Window) -> list[Values]:
        """The rows of each key's latest version, without exact repeats."""
        latest: dict[str, tuple[datetime, dict[str, Values]]] = {}
        for values in self._versions(pair, window):
            version = values[pair.version]
            key, row = _row(pair, values)
            if key not in latest or version > latest[key][0]:
                latest[key] = (version, {})
            if version == latest[key][0]:
                latest[key][1][row_text(row.texts.values())] = values
        return [values for _, rows in latest.values() for values in rows.values()]

    def _versions(self, pair: Pair, window: Window) -> list[Values]:
        """What has been processed up to P."""
        rows = self.tables[self._table(pair)]
        return [values for values in rows if micros(values[pair.version]) // 1000 <= window.processed_ms]

    def _unsettled(self, pair: Pair, window: Window) -> Callable[[str, Row], bool]:
        """Whether a key counts as not settled: one of its versions is not."""
        of_a_row = super()._unsettled(pair, window)
        if pair.totals_of:
            return of_a_row
        rows = (_row(pair, values) for values in self._versions(pair, window))
        keys = {key for key, row in rows if of_a_row(key, row)}
        return lambda key, row: key in keys


class MemoryMarts(_MemorySide):
    """Marts in memory. `publications` are given out one after the other, the last one for ever; `layers` holds figures
    by (layer, table or mart)."""

    def __init__(
        self,
        tables: Rows,
        publications: Sequence[Published | None] = (),
        layers: Mapping[tuple[str, str], Figures] | None = None,
    ) -> None:
        super().__init__(tables)
        self.publications = list(publications)
        self.layers = dict(layers or {})

    def published(self, dataset: str) -> Published | None:
        """The newest publication."""
        if len(self.publications) > 1:
            return self.publications.pop(0)
        return self.publications[0] if self.publications else None

    def raw(self, name: str, table: Table, up_to_seq: int) -> Figures:
        """`changes` in RAW."""
        return self._figures("raw", name)

    def staging(self, name: str, table: Table) -> Figures:
        """Staging's totals."""
        return self._figures("staging", name)

    def live(self, name: str, table: Table, exclude_flagged: bool) -> Figures:
        """The live view's totals; without flagged rows they are the layer `kept`."""
        return self._figures("kept" if exclude_flagged else "live", name)

    def mart(self, mart: str, table: Table) -> Figures:
        """A mart's totals."""
        return self._figures("mart", mart)

    def _figures(self, layer: str, name: str) -> Figures:
        if (layer, name) not in self.layers:
            raise Uncomparable(f"there is no {layer} {name}")
        return self.layers[layer, name]

    def _table(self, pair: Pair) -> str:
        return pair.batch

    def _values(self, pair: Pair, window: Window) -> list[Values]:
        rows = self.tables[pair.batch]
        return [row for row in rows if all(row[c] == value for c, value in pair.batch_filter.items())]


def _totals(pair: Pair, base: Pair, rows: Sequence[Values]) -> list[Values]:
    """Rows and sums per day and group."""
    grouped: dict[tuple[Any, ...], list[Values]] = defaultdict(list)
    for values in rows:
        at = values[base.event_time]
        grouped[*(values[name] for name in pair.key[:-1]), at and at.date()].append(values)
    found: list[Values] = []
    for key, values_of_key in grouped.items():
        sums = {name: _sum(row[name] for row in values_of_key) for name in summed(pair, base)}
        end = key[-1] and datetime.combine(key[-1] + timedelta(days=1), time())
        found.append({**sums, **dict(zip(pair.key, key, strict=True)), "day_end": end, "row_count": len(values_of_key)})
    return found


def _sum(values: Iterable[Any]) -> Any:
    numbers = [value for value in values if value is not None]
    return sum(numbers) if numbers else None


def _row(pair: Pair, values: Mapping[str, Any]) -> tuple[str, Row]:
    texts = {name: text_of(kind, values[name]) for name, kind in pair.columns.items()}
    event = values[pair.event_time]
    return row_text(texts[name] for name in pair.key), Row(None if event is None else micros(event), texts)


def _bucket(pair: Pair, row: Row, window: Window, unsettled: bool) -> str:
    day = "~" if row.event_us is None else str(row.event_us // DAY_US)
    late = row.event_us is not None and row.event_us > window.cutoff_ms * 1000
    standing = "p" if late else "j" if unsettled else "s"
    return f"{day}:{_first(pair, row)[-SUFFIX_CHARACTERS:]}:{standing}"


def _ending(pair: Pair, row: Row) -> str:
    return _first(pair, row)[-ENDING_CHARACTERS:]


def _first(pair: Pair, row: Row) -> str:
    """The key's first column without its length, whose end says where the key belongs."""
    value = value_of(pair.columns[pair.key[0]], row.texts[pair.key[0]])
    return "~" if value is None else value


def _text(row: Row) -> str:
    return row_text(row.texts.values())


def _tallied(texts: Iterable[tuple[str, str]]) -> dict[str, Tally]:
    found: dict[str, Tally] = {}
    for name, text in texts:
        had = found.get(name, Tally(0, 0))
        found[name] = Tally(had.rows + 1, had.hash_sum + hash60(text))
    return found
