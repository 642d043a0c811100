"""What a pair's earlier comparisons know changes what is read, and never what is found."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from reconciler.memory_sides import MemoryMarts, MemorySpeedLayer, micros
from reconciler.passes import compare_pair
from reconciler.ports import Tally, Window
from reconciler.settled import MOST_ENDINGS, SAMPLED, Settled, is_known_by_endings
from tidemark.tables import Pair

PAIR = Pair(
    dataset="events", batch="b", speed="s", key=["id"], event_time="at", version="v",
    lateness_seconds=900, stalled_seconds=7200, columns={"id": "int", "name": "string", "at": "timestamp"},
)  # fmt: skip
NOON = datetime.fromisoformat("2026-03-05 12:00:00")
DAYS = (0, 1, 3, None)  # before noon's; None: a NULL
Rows = list[dict[str, Any]]


class Counting(MemoryMarts):
    """Marts that know how many rows their last bucket sums were made of, and how many keys they have given."""

    summed = 0
    given = 0

    def sums(self, pair: Pair, window: Window, endings: Collection[str] | None = None) -> Mapping[str, Tally]:
        found = super().sums(pair, window, endings)
        self.summed = sum(tally.rows for tally in found.values())
        return found

    def keys(
        self, pair: Pair, window: Window, buckets: Sequence[str], endings: Collection[str] | None = None
    ) -> Mapping[str, Tally]:
        found = super().keys(pair, window, buckets, endings)
        self.given += len(found)
        return found


def window(days: int = 0) -> Window:
    """W is noon, P an hour later; `days` later."""
    return Window(*(micros(NOON + timedelta(days=days, hours=hours)) // 1000 for hours in (0, 1, 1)))


def row(number: int, days: float | None = 3, name: str | None = "a", version: int = 0) -> dict[str, Any]:
    at = None if days is None else NOON - timedelta(days=days, minutes=1)
    return {"id": number, "name": name, "at": at, "v": NOON + timedelta(minutes=version)}


changes = st.lists(
    st.tuples(
        st.sampled_from(["speed", "batch", "both"]),
        st.sampled_from(["write", "write", "write", "remove"]),
        st.integers(0, 5),
        st.sampled_from(DAYS),
        st.sampled_from(["a", "b", "", None]),
        st.sampled_from([1, 2, 90]),  # the last is processed after P
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(changes, st.integers(0, 1)), min_size=2, max_size=6), st.integers(0, 2 * SAMPLED))
def test_what_is_found_is_what_a_whole_comparison_finds(history: list[tuple[Any, int]], looks: int) -> None:
    """After any changes to either side, event times that move between settled and other days, older versions, NULLs,
    removed rows, and time that goes on or stands still: the same differences, classes and rows."""
    settled, speed, batch, day = Settled(), [row(n) for n in range(4)], [row(n) for n in range(4)], 0
    for _ in range(looks):  # whichever ending the sample is at
        settled.begin(1, 0)
    for changed, later in history:
        day += later
        for change in changed:
            _change(speed, batch, *change)
        sides = MemorySpeedLayer({"s": speed}), MemoryMarts({"b": batch})
        settled.begin(1, window(day).settled_us)
        found = compare_pair(PAIR, *sides, window(day), (), settled=settled)
        settled.keep()
        assert found == compare_pair(PAIR, *sides, window(day), ())


def _change(speed: Rows, batch: Rows, side: str, what: str, number: int, *values: Any) -> None:
    new = row(number, *values)
    if side != "batch":
        if what == "remove":
            speed[:] = [one for one in speed if one["id"] != number]
        else:
            speed.append(new)
    if side != "speed":
        batch[:] = [one for one in batch if one["id"] != number] + ([new] if what == "write" else [])


def test_rows_that_agreed_and_have_not_changed_are_not_summed_again() -> None:
    """But for the sample: after a change to one old row, its ending's rows and those of days that are not settled."""
    rows = [row(10_000 + n) for n in range(2000)] + [row(99_000 + n, days=0) for n in range(10)]
    marts, settled = Counting({"b": rows}), Settled()

    def summed(speed: Rows, batch: Rows) -> tuple[int, int]:
        marts.tables["b"] = batch
        settled.begin(1, window().settled_us)
        compared = compare_pair(PAIR, MemorySpeedLayer({"s": speed}), marts, window(), (), settled=settled)
        settled.keep()
        assert not compared.differences
        return marts.summed, compared.rows

    assert summed(rows, rows) == (2010, 2010)
    unchanged, judged = summed(rows, rows)
    changed, _ = summed([*rows, row(10_500, name="b", version=1)], [*rows[:500], row(10_500, name="b"), *rows[501:]])
    assert (10 <= unchanged < 10 + 3 * 2000 / SAMPLED, judged) == (True, 2010)
    assert 11 <= changed < 11 + 3 * 2000 / SAMPLED


def test_every_ending_is_in_a_sample_in_its_turn() -> None:
    """In as many comparisons as one in so many, whatever is known."""
    prints, settled, seen = {f"{n:04x}": Tally(1, n) for n in range(500)}, Settled(), set[str]()
    settled.begin(1, 0)
    settled.learn(prints, prints, None, ())
    settled.keep()
    for _ in range(SAMPLED):
        settled.begin(1, 0)
        seen |= set(settled.to_look_at(prints, prints) or ())
    assert seen == set(prints)


def test_a_new_day_or_generation_knows_nothing() -> None:
    """All is looked at, as it is when more has changed than a statement may name."""
    prints, settled = {f"{n:04x}": Tally(1, n) for n in range(MOST_ENDINGS + 1)}, Settled()
    for generation, settled_us in ((1, 0), (1, 86_400_000_000), (2, 86_400_000_000)):
        settled.begin(generation, settled_us)
        assert settled.to_look_at(prints, prints) is None
        settled.learn(prints, prints, None, ())
        settled.keep()
        assert settled.to_look_at(prints, prints) is not None


def test_rows_that_differ_are_looked_at_until_they_agree() -> None:
    """Endings of a suffix whose settled rows are unlike are learned only once they are alike."""
    prints, settled = {"00aa": Tally(1, 1), "11aa": Tally(1, 2), "00bb": Tally(1, 3)}, Settled()
    settled.begin(1, 0)
    settled.learn(prints, prints, None, {"aa"})
    settled.keep()
    assert {"00aa", "11aa"} <= set(settled.to_look_at(prints, prints) or ())
    settled.learn(prints, prints, {"00aa", "11aa"}, ())
    settled.keep()
    assert len(settled.to_look_at(prints, prints) or ()) <= 1


def test_keys_are_asked_for_only_where_rows_were_summed() -> None:
    """A few rows that differ in large buckets do not bring all of their keys."""
    rows, settled = [row(10_000 + n) for n in range(2000)], Settled()
    for speed in (rows, [*rows, *(row(10_000 + n, name="b", version=1) for n in range(0, 2000, 100))]):
        marts = Counting({"b": rows})
        settled.begin(1, window().settled_us)
        compared = compare_pair(PAIR, MemorySpeedLayer({"s": speed}), marts, window(), (), settled=settled)
        settled.keep()
    assert (len(compared.differences), 20 <= marts.given < 20 + 3 * 2000 / SAMPLED) == (20, True)


def test_a_comparison_that_does_not_count_teaches_nothing() -> None:
    """The marts moved between fingerprints and sums, so the comparison began again: they may come back to what they
    were, and that was never compared."""
    speed, before, settled = MemorySpeedLayer({"s": [row(1)]}), {"b": [row(1, name="b")]}, Settled()

    class Moving(MemoryMarts):
        def sums(self, pair: Pair, window: Window, endings: Collection[str] | None = None) -> Mapping[str, Tally]:
            return MemoryMarts({"b": [row(1)]}).sums(pair, window, endings)

    for marts in (Moving(before), MemoryMarts(before)):
        settled.begin(1, window().settled_us)
        compared = compare_pair(PAIR, speed, marts, window(), (), settled=settled)
    assert [one.columns for one in compared.differences] == [("name",)]


def test_keys_of_free_text_are_compared_whole() -> None:
    """Their endings may be as many as they are."""
    texts = structs.replace(PAIR, columns={**PAIR.columns, "id": "string"})
    assert [is_known_by_endings(pair) for pair in (PAIR, texts)] == [True, False]
