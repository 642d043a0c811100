"""The passes on twins: everything that differs is kept and counted, a bounded sample is given back."""

from datetime import datetime, timedelta
from typing import Any

from reconciler.entries import Difference
from reconciler.memory_sides import MemoryMarts, MemorySpeedLayer, micros
from reconciler.passes import compare_pair
from reconciler.ports import Window
from tidemark.tables import Pair

PAIR = Pair(
    dataset="events", batch="b", speed="s", key=["id"], event_time="at", version="v",
    lateness_seconds=900, stalled_seconds=7200, columns={"id": "int", "name": "string", "at": "timestamp"},
)  # fmt: skip
NOON = datetime.fromisoformat("2026-03-01 12:00:00")
WINDOW = Window(*(micros(NOON + timedelta(hours=hours)) // 1000 for hours in (0, 2, 3)))


def row(number: int, name: str = "a", hours: float = -1) -> dict[str, Any]:
    at = NOON + timedelta(hours=hours)
    return {"id": number, "name": name, "at": at, "v": NOON}


def test_judged_keys_come_before_young_ones_and_known_before_both() -> None:
    """What has no room is counted and kept; a known key that is equal again leaves room for nothing else."""
    young, judged = [row(n, hours=1) for n in range(5)], [row(n) for n in range(10, 15)]
    speed, marts = MemorySpeedLayer({"s": [*young, *judged, row(99)]}), MemoryMarts({"b": [row(99)]})
    kept: list[Difference] = []
    compared = compare_pair(PAIR, speed, marts, WINDOW, ("14", "99"), kept.extend, most_entries=5)
    assert [one.key for one in compared.differences] == ["14", "10", "11", "12"]
    assert (dict(compared.counts), compared.left_over, len(kept)) == ({"missing_in_batch": 10}, 6, 10)


def test_a_key_in_two_buckets_is_found_once() -> None:
    """Its event time lies on another day on the other side."""
    speed, marts = MemorySpeedLayer({"s": [row(1)]}), MemoryMarts({"b": [row(1, hours=-49)]})
    compared = compare_pair(PAIR, speed, marts, WINDOW, ())
    assert [(one.kind, one.columns) for one in compared.differences] == [("different", ("at",))]


def test_a_latest_version_that_says_two_things_is_doubled() -> None:
    """Repeats and older versions are none; two rows of one key and one version are."""
    older = row(1, "old") | {"v": NOON - timedelta(seconds=1)}
    marts = MemoryMarts({"b": [row(1)]})
    same = compare_pair(PAIR, MemorySpeedLayer({"s": [row(1), row(1), older]}), marts, WINDOW, ())
    doubled = compare_pair(PAIR, MemorySpeedLayer({"s": [row(1), row(1, "b"), older]}), marts, WINDOW, ())
    assert (same.differences, dict(doubled.counts)) == ([], {"doubled_in_speed": 1})


def test_a_late_row_reopens_only_its_bucket() -> None:
    """Bucket sums of other days and of other ends of keys stay as they were."""
    rows = [row(n, hours=-24 * (n % 5)) for n in range(40)]
    before = MemoryMarts({"b": rows}).sums(PAIR, WINDOW)
    after = MemoryMarts({"b": [*rows, row(107, hours=-48.5)]}).sums(PAIR, WINDOW)
    changed = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
    assert len(changed) == 1
