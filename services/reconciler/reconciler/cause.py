"""Why two rows probably differ: a guess with its reason, for the person who looks first. Pure.

    late      not there yet, or there by now
    lost      one side never got the row, or stopped at an earlier version of it
    doubled   one side counts the same thing twice
    clock     the same moment, told by two clocks or in two zones
    rounding  the same number or moment, told with other places
    mapping   the same value, written in another way

A difference is judged by itself and by its siblings, the other differences of its pair: what is translated in one way
everywhere is a mapping, what is missing beside many others is a lost batch. To add a cause: a function here, in the
order in which `_missing` or `_column_cause` asks, and a case in its test.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from reconciler.canonical import family_of, value_of
from reconciler.entries import Difference, Entry
from tidemark.tables import Pair

Name = Literal["late", "lost", "doubled", "clock", "rounding", "mapping"]
SECOND_US = 1_000_000
QUARTER_US, HOUR_US, DAY_US = 900 * SECOND_US, 3600 * SECOND_US, 86_400 * SECOND_US
SKEW_US = 60 * SECOND_US  # two clocks that both are set differ by less
TRANSLATED_FROM = 3  # so many rows that say the same in the same other words are no chance
BATCH_FROM = 3


class Cause(NamedTuple):
    """A likely cause, and why it is thought to be one."""

    name: Name
    reason: str


class Siblings(NamedTuple):
    """What a pair's differences say together."""

    pair: Pair
    missing: dict[str, list[int]]  # kind -> event times of the rows that are missing and not pending, epoch ms
    translated: Counter[tuple[str, str, str]]  # (column, speed's text, batch's text) -> rows
    words: dict[tuple[str, str], set[str]]  # (column, speed's text) -> the batch side's texts for it
    halves: dict[tuple[str, ...], set[str]]  # a missing row's texts without its key -> the kinds that lack it


def causes(pair: Pair, entries: Sequence[Entry]) -> list[Cause]:
    """The likely cause of each entry of one pair, in their order."""
    known = siblings(pair, entries)
    return [cause(entry, known) for entry in entries]


def cause(entry: Entry, known: Siblings) -> Cause:
    """The likely cause of one entry."""
    found = entry.difference
    if found.kind == "doubled":
        return Cause("doubled", f"the mart holds {found.copies} rows of this key")
    if found.kind == "doubled_in_speed":
        return Cause("doubled", "the speed layer holds two different rows of this key, written at one moment")
    if entry.state == "resolved":
        return Cause("late", f"both sides agreed after {entry.seconds_to_resolve or 0:.0f} s")
    if entry.state == "pending":
        return Cause("late", f"the row is younger than the lateness bound of {known.pair.lateness_seconds} s")
    if known.pair.totals_of:
        return Cause("lost", f"the totals' own rows tell: see {known.pair.speed}, row by row")
    return _different(found, known) if found.kind == "different" else _missing(entry, known)


def siblings(pair: Pair, entries: Iterable[Entry]) -> Siblings:
    """What the differences of one pair say together."""
    known = Siblings(pair, defaultdict(list), Counter(), defaultdict(set), defaultdict(set))
    for entry in entries:
        found = entry.difference
        if found.kind == "different":
            for name in found.columns:
                known.translated[name, found.speed[name], found.batch[name]] += 1
                known.words[name, found.speed[name]].add(found.batch[name])
        elif found.kind in ("missing_in_speed", "missing_in_batch"):
            known.halves[_half(pair, found)].add(found.kind)
            if entry.state not in ("pending", "resolved") and found.event_ms is not None:
                known.missing[found.kind].append(found.event_ms)
    return known


def _half(pair: Pair, found: Difference) -> tuple[str, ...]:
    row = found.batch or found.speed
    return tuple(row[name] for name in pair.columns if name not in pair.key)


def _missing(entry: Entry, known: Siblings) -> Cause:
    found = entry.difference
    side = "the speed layer" if found.kind == "missing_in_speed" else "the mart"
    if len(known.halves[_half(known.pair, found)]) > 1:
        return Cause("mapping", "the other side has the same row under another key")
    if entry.state == "suspect":
        return Cause("late", f"{side} lacked it once; the next comparison tells whether it is lost")
    times = known.missing[found.kind]
    if len(times) >= BATCH_FROM:
        between = f"{_moment(min(times))} and {_moment(max(times))}"
        return Cause("lost", f"{side} lacks {len(times)} rows between {between}: probably a whole batch")
    return Cause("lost", f"{side} still lacks it after the lateness bound")


def _different(found: Difference, known: Siblings) -> Cause:
    told = [_column_cause(name, found.speed[name], found.batch[name], known) for name in found.columns]
    names = {one.name for one in told if one}
    if len(names) == 1 and all(told):
        return Cause(names.pop(), "; ".join(one.reason for one in told if one))
    return Cause("lost", "one side holds another version of the row: an update did not arrive")


def _column_cause(name: str, speed: str, batch: str, known: Siblings) -> Cause | None:
    kind = known.pair.columns[name]
    family, scale = family_of(kind)
    left, right = value_of(kind, speed), value_of(kind, batch)
    if left is None or right is None:
        empty = (left or right or "") in ("", "0", f"{0:.{scale}f}")  # a number's nothing is zero
        return Cause("mapping", f"{name}: NULL on one side, nothing on the other") if empty else None
    if family == "timestamp":
        return _of_times(name, int(left), int(right))
    if family in ("decimal", "int", "long"):
        found = _of_numbers(name, Decimal(left), Decimal(right), scale)
    else:
        found = _of_texts(name, left, right) if family == "string" else None
    return found or _translated(name, speed, batch, known)


def _of_times(name: str, left: int, right: int) -> Cause | None:
    apart, later = abs(left - right), "speed layer" if left > right else "mart"
    if any(apart < unit and (left % unit == 0) != (right % unit == 0) for unit in (1000, SECOND_US)):
        return Cause("rounding", f"{name}: one side keeps fewer places of the second")
    if apart % QUARTER_US == 0 and apart <= DAY_US:
        return Cause("clock", f"{name}: the {later}'s is {apart / HOUR_US:g} h later, as in another time zone")
    if apart <= SKEW_US:
        return Cause("clock", f"{name}: the {later}'s is {apart / SECOND_US:g} s later")
    return None


def _of_numbers(name: str, left: Decimal, right: Decimal, scale: int) -> Cause | None:
    apart, (less, more) = abs(left - right), sorted((left, right), key=abs)
    if scale and (apart <= Decimal(1).scaleb(-scale) or (apart < 1 and (left % 1 == 0) != (right % 1 == 0))):
        return Cause("rounding", f"{name}: {apart} apart, one side rounds otherwise")
    if less and more == 2 * less:
        return Cause("doubled", f"{name}: the {'speed layer' if left == more else 'mart'}'s is exactly twice as much")
    if less and more in (100 * less, 1000 * less):
        return Cause("mapping", f"{name}: one side counts in another unit, {more / less} to 1")
    return None


def _of_texts(name: str, left: str, right: str) -> Cause | None:
    if _plain(left) == _plain(right):
        return Cause("mapping", f"{name}: the same but for case, spaces, invisible characters or Unicode form")
    garbled = [text.encode().decode("latin-1") for text in (left, right)]
    if garbled[0] == right or garbled[1] == left:
        return Cause("mapping", f"{name}: UTF-8 read as Latin-1 on one side")
    return None


def _plain(text: str) -> str:
    seen = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c)[0] != "C" or c.isspace())
    return " ".join(seen.casefold().split())


def _translated(name: str, speed: str, batch: str, known: Siblings) -> Cause | None:
    rows = known.translated[name, speed, batch]
    if rows < TRANSLATED_FROM or len(known.words[name, speed]) > 1:
        return None
    return Cause("mapping", f"{name}: one value always stands for the same other one, in {rows} rows")


def _moment(epoch_ms: int) -> str:
    return f"{datetime.fromtimestamp(epoch_ms / 1000, UTC):%Y-%m-%d %H:%M}"
