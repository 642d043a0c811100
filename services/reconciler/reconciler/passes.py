"""The passes of one comparison: bucket sums (of settled rows only where something has changed), then keys inside the
buckets that differ, then whole rows.

Both engines are asked at the same time. Every differing key is found and counted; the buckets are gone through in
portions, so that memory does not grow with what differs. All of it goes to `keep`, a bounded sample, judged rows first,
to the ledger.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from itertools import chain, islice
from typing import TypeVar

from msgspec import Struct, field

from reconciler.compare import SETTLED, differences, differing, judged_rows, portions, suffix_of
from reconciler.entries import Difference, is_judged
from reconciler.ports import Marts, Side, SpeedLayer, Tally, Window
from reconciler.settled import Settled, is_known_by_endings
from tidemark import signals
from tidemark.tables import Pair
from tidemark.telemetry import span

T = TypeVar("T")
MOST_ENTRIES = 10_000
PORTION_ROWS = 50_000  # rows of the buckets whose keys are held at once
PART_KEYS = 2_000  # differing keys whose whole rows are held at once; rows of some kB are a few MB


class Compared(Struct, frozen=True):
    """What the passes found: rows up to W, differing keys by class, and those of them that go into the ledger."""

    rows: int
    differences: list[Difference]
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def left_over(self) -> int:
        """How many differing keys do not go into the ledger."""
        return sum(self.counts.values()) - len(self.differences)


def compare_pair(
    pair: Pair,
    speed: SpeedLayer,
    marts: Marts,
    window: Window,
    known: Collection[str],
    keep: Callable[[Sequence[Difference]], None] = lambda part: None,
    most_entries: int = MOST_ENTRIES,
    settled: Settled | None = None,
) -> Compared:
    """Every key on which the sides differ inside the window, and what has become of the `known` keys.

    `keep` is given all of them, part by part; of those not known `most_entries` less the known ones are given back.
    `settled` knows which rows need not be summed again.
    """
    both("check", speed, marts, lambda side: side.check(pair))
    endings, (speed_sums, batch_sums), judged = _sums(pair, speed, marts, window, settled)
    buckets = differing(speed_sums, batch_sums)
    chosen = portions(buckets, speed_sums, batch_sums, PORTION_ROWS)
    looked_at = _looked_at(pair, speed, marts, window, known, chosen, endings)
    sample, counts = _Sample(window.cutoff_ms, known, most_entries), Counter[str]()
    for part in _parts(looked_at, PART_KEYS):
        keep(part)
        counts.update(one.kind for one in part)
        sample.add(part)
    return Compared(judged, sample.differences(), counts)


def both(name: str, speed: SpeedLayer, marts: Marts, ask: Callable[[Side], T]) -> tuple[T, T]:
    """The same question to both engines at the same time; the first error of either is raised."""

    def one(engine: str, side: Side) -> T:
        with span(signals.ASK_SIDE.format(question=name, engine=engine), engine=engine):
            return ask(side)

    with ThreadPoolExecutor(2) as pool:
        asked = [
            pool.submit(copy_context().run, one, engine, side) for engine, side in (("speed", speed), ("batch", marts))
        ]
        return asked[0].result(), asked[1].result()


def _sums(
    pair: Pair, speed: SpeedLayer, marts: Marts, window: Window, settled: Settled | None
) -> tuple[Collection[str] | None, tuple[Mapping[str, Tally], Mapping[str, Tally]], int]:
    """The endings to be looked at among settled keys (None: all), both sides' bucket sums of them and of all that is
    not settled, and how many rows are judged with those that are known to agree."""
    if settled is None or not is_known_by_endings(pair):
        sums = both("bucket sums", speed, marts, lambda side: side.sums(pair, window))
        return None, sums, judged_rows(*sums)
    prints = both("fingerprints", speed, marts, lambda side: side.fingerprints(pair, window))
    endings = settled.to_look_at(*prints)
    sums = both("bucket sums", speed, marts, lambda side: side.sums(pair, window, endings))
    unlike = {suffix_of(name) for name in differing(*sums) if name.endswith(SETTLED)}
    settled.learn(*prints, endings, unlike)
    known = 0 if endings is None else sum(tally.rows for name, tally in prints[1].items() if name not in endings)
    return endings, sums, judged_rows(*sums) + known


def _looked_at(
    pair: Pair,
    speed: SpeedLayer,
    marts: Marts,
    window: Window,
    known: Collection[str],
    chosen: Iterable[Sequence[str]],
    endings: Collection[str] | None,
) -> Iterator[Difference]:
    """The known keys that differ, then those found in each portion of the buckets."""

    def keys(buckets: Sequence[str]) -> list[str]:
        sides = both("keys", speed, marts, lambda side: side.keys(pair, window, buckets, endings))
        return [key for key in differing(*sides) if key not in known]

    def rows(part: Collection[str]) -> list[Difference]:
        sides = both("rows", speed, marts, lambda side: side.rows(pair, window, part))
        return differences(pair, part, *sides)

    for found in chain([known], map(keys, chosen)):
        for part in _parts(found, PART_KEYS):
            yield from rows(part)


class _Sample:
    """The known keys, and the first of the others: judged ones before those that are younger than W."""

    def __init__(self, cutoff_ms: int, known: Collection[str], most: int) -> None:
        self._cutoff_ms, self._known, self._room = cutoff_ms, known, max(most - len(known), 0)
        self._kept: list[Difference] = []
        self._new: dict[bool, list[Difference]] = {True: [], False: []}

    def add(self, part: Iterable[Difference]) -> None:
        for one in part:
            new = self._new[is_judged(one, self._cutoff_ms)]
            if one.key in self._known:
                self._kept.append(one)
            elif len(new) < self._room:
                new.append(one)

    def differences(self) -> list[Difference]:
        return self._kept + (self._new[True] + self._new[False])[: self._room]


def _parts(names: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(names)
    while part := list(islice(rest, size)):
        yield part
