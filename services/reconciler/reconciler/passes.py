"""The passes of one comparison: bucket sums, then keys inside the buckets that differ, then whole rows.

Both engines are asked at the same time. What one comparison looks at is bounded, judged rows first; what is left over
is said, and looked at by a later comparison once the first differences are gone.
"""

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from msgspec import Struct

from reconciler.compare import differences, differing, judged_rows, within
from reconciler.entries import Difference
from reconciler.ports import Marts, Side, SpeedLayer, Window
from tidemark.tables import Pair
from tidemark.telemetry import span

T = TypeVar("T")
MOST_ROWS = 200_000
MOST_ENTRIES = 10_000


class Compared(Struct, frozen=True):
    """What the passes found; `left_over`: keys or whole buckets that differ and were not looked at."""

    rows: int
    differences: list[Difference]
    left_over: str = ""


def compare_pair(
    pair: Pair,
    speed: SpeedLayer,
    marts: Marts,
    window: Window,
    known: Collection[str],
    most_entries: int = MOST_ENTRIES,
) -> Compared:
    """Every key on which the sides differ inside the window, and what has become of the `known` keys."""
    both("check", speed, marts, lambda side: side.check(pair))
    speed_sums, batch_sums = both("bucket sums", speed, marts, lambda side: side.sums(pair, window))
    rows = judged_rows(speed_sums, batch_sums)
    buckets = differing(speed_sums, batch_sums)
    chosen, buckets_left = within(buckets, speed_sums, batch_sums, MOST_ROWS)
    new: list[str] = []
    if chosen:
        speed_keys, batch_keys = both("keys", speed, marts, lambda side: side.keys(pair, window, chosen))
        new = [key for key in differing(speed_keys, batch_keys) if key not in known]
    keys_left = len(new) - max(most_entries - len(known), 0)
    keys = [*known, *new[: max(most_entries - len(known), 0)]]
    found: list[Difference] = []
    if keys:
        speed_rows, batch_rows = both("rows", speed, marts, lambda side: side.rows(pair, window, keys))
        found = differences(pair, keys, speed_rows, batch_rows)
    return Compared(rows, found, _left_over(buckets_left, keys_left))


def both(name: str, speed: SpeedLayer, marts: Marts, ask: Callable[[Side], T]) -> tuple[T, T]:
    """The same question to both engines at the same time; the first error of either is raised."""

    def one(engine: str, side: Side) -> T:
        with span(f"{name} {engine}", engine=engine):
            return ask(side)

    with ThreadPoolExecutor(2) as pool:
        asked = [
            pool.submit(copy_context().run, one, engine, side) for engine, side in (("speed", speed), ("batch", marts))
        ]
        return asked[0].result(), asked[1].result()


def _left_over(buckets: int, keys: int) -> str:
    parts = [f"{buckets} buckets" * (buckets > 0), f"{keys} keys" * (keys > 0)]
    said = " and ".join(filter(None, parts))
    return f"{said} that differ were not looked at" if said else ""
