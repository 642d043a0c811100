"""Comparing without engines: buckets, keys, rows."""

from decimal import Decimal

import pytest

from reconciler.compare import difference, differing, judged_rows, portions, suffix_of, unlike_figures
from reconciler.ports import Row, Tally
from tidemark.tables import Pair

PAIR = Pair(
    dataset="events", batch="b", speed="s", key=["id"], event_time="at", version="v",
    lateness_seconds=900, stalled_seconds=7200, columns={"id": "int", "name": "string", "at": "timestamp"},
)  # fmt: skip


def row(name: str = "4:gold", at_ms: int | None = 5_000) -> Row:
    at_us = None if at_ms is None else at_ms * 1000
    return Row(at_us, {"id": "1", "name": name, "at": str(at_us)})


def test_a_bucket_differs_by_rows_or_by_hash() -> None:
    """Equal tallies are equal sides; another count, another sum or a lost bucket is not."""
    speed = {"a": Tally(1, 5), "b": Tally(1, 5), "c": Tally(2, 5), "d": Tally(1, 5)}
    batch = {"a": Tally(1, 5), "b": Tally(1, 6), "c": Tally(1, 5), "e": Tally(1, 5)}
    assert differing(speed, batch) == ["b", "c", "d", "e"]


def test_rows_up_to_w_are_counted_on_the_fuller_side() -> None:
    """Young rows do not count, and an empty side does not make the comparison look empty."""
    assert judged_rows({}, {"1:aa:j": Tally(3, 0), "1:aa:p": Tally(9, 0)}) == 3


def test_buckets_come_in_portions_of_whole_suffixes() -> None:
    """A key that lies in two buckets is met once; a portion ends before it grows too large, but never holds nothing."""
    tallies = {name: Tally(60, 0) for name in ("1:aa:p", "2:aa:j", "1:bb:j", "2:bb:j", "1:cc:j")}
    assert list(portions(list(tallies), tallies, {}, 180)) == [["1:aa:p", "2:aa:j"], ["1:bb:j", "2:bb:j", "1:cc:j"]]
    assert list(portions(["1:aa:j", "1:bb:j"], tallies, {}, 5)) == [["1:aa:j"], ["1:bb:j"]]
    assert [suffix_of(name) for name in ("1:aa:p", "~:::::j", "-3::j")] == ["aa", ":::", ""]


@pytest.mark.parametrize(
    ("speed", "batch", "expected"),
    [
        ([row()], [row()], None),
        ([], [], None),
        ([row()], [], ("missing_in_batch", (), 0)),
        ([], [row()], ("missing_in_speed", (), 1)),
        ([row("4:gold")], [row("~")], ("different", ("name",), 1)),
        ([row(at_ms=1)], [row(at_ms=2)], ("different", ("at",), 1)),
        ([row()], [row(), row()], ("doubled", (), 2)),
        ([row()], [row(), row("0:")], ("doubled", ("name",), 2)),
        ([], [row(), row()], ("doubled", (), 2)),
        ([row("1:b"), row("1:a")], [row("1:a")], ("doubled_in_speed", ("name",), 1)),
        ([row("1:b"), row("1:a")], [], ("missing_in_batch", (), 0)),
        ([row("1:b"), row("1:a")], [row("1:a"), row("1:a")], ("doubled", ("name",), 2)),
    ],
)
def test_classes_of_difference(speed: list[Row], batch: list[Row], expected: tuple[object, ...] | None) -> None:
    """Each pair of rows falls into one class, with the columns that differ."""
    found = difference(PAIR, "1", speed, batch)
    assert (found and (found.kind, found.columns, found.copies)) == expected


def test_the_earlier_event_time_counts() -> None:
    """A row that one side holds as judged is judged; NULL says nothing."""
    found = difference(PAIR, "1", [row(at_ms=9_000)], [row(at_ms=4_000)])
    nothing = difference(PAIR, "1", [row(at_ms=None)], [])
    assert (found and found.event_ms, nothing and nothing.event_ms) == (4_000, None)


def test_figures_that_differ_become_sentences() -> None:
    """Only figures that both layers have are compared."""
    lake = {"changes": Decimal(5), "rows": Decimal(3), "price": Decimal("10.50")}
    assert unlike_figures(lake, {"rows": Decimal(3), "price": Decimal("10.5")}, ("lake", "staging")) == []
    assert unlike_figures(lake, {"changes": Decimal(4)}, ("lake", "RAW")) == ["changes: lake 5, RAW 4"]
