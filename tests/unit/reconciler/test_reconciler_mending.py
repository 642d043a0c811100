"""Repairs on the twins: what is written is what the marts hold now, in batches, once; each batch is told before."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from reconciler_day import PAIR, Day, status

from reconciler import mending
from reconciler.memory_repairs import MemorySpeedRepairs
from reconciler.memory_sides import MemorySpeedLayer
from reconciler.mending import Mended, mend
from reconciler.ports import Uncomparable


@pytest.fixture
def day() -> Day:
    """A day whose speed layer lost half an hour, and holds a row too many and a wrong one."""
    day = Day()
    day.step()
    day.step(losing="speed")
    day.speed[3]["total_amount"] = Decimal("9.99")
    day.batch.pop(5)
    day.step()
    assert status(day.step()) == "DIVERGED"
    return day


def mended(day: Day, said: list[str]) -> Mended:
    entries = [entry for entry in day.ledger.open_entries("transactions") if entry.state == "confirmed"]
    sides = (day.speed_layer, day.marts)
    done = mend(PAIR, [e.difference.key for e in entries], sides, MemorySpeedRepairs(day.speed_layer), said.append)
    day.speed = list(day.speed_layer.tables[PAIR.speed])
    return done


def test_the_speed_layer_then_says_what_the_marts_say(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches of ten, each told; the next comparison finds nothing, and a second time writes nothing."""
    monkeypatch.setattr(mending, "BATCH", 10)
    said: list[str] = []
    assert mended(day, said) == Mended(corrected=31, removed=1)
    assert len(said) == 4
    assert mended(day, said) == Mended(agreed=32)
    assert len(said) == 4
    assert status(day.step()) == "CONVERGED"


def test_a_batch_is_told_before_it_is_written(day: Day) -> None:
    """Whoever dies in between leaves a row too many in the audit, never a change without one."""
    told: list[str] = []

    class Dying(MemorySpeedRepairs):
        def correct(self, *_: object) -> None:
            raise KeyboardInterrupt

    keys = [entry.difference.key for entry in day.ledger.open_entries("transactions")]
    with pytest.raises(KeyboardInterrupt):
        mend(PAIR, keys, (day.speed_layer, day.marts), Dying(day.speed_layer), told.append)
    assert len(told) == 1


def test_a_moment_finer_than_the_speed_layer_is_left(day: Day) -> None:
    """It would be written again for ever."""
    row = day.batch[0]
    row["created_at"] += timedelta(microseconds=7)
    assert keyed(day, [row["transaction_id"]]) == Mended(left=1)


def test_a_doubled_key_is_left(day: Day) -> None:
    """The mart is wrong, not the speed layer."""
    day.batch.append(dict(day.batch[0]))
    assert keyed(day, [day.batch[0]["transaction_id"]]) == Mended(left=1)


def test_an_empty_speed_layer_is_no_case_for_repairs(day: Day) -> None:
    """It is filled by its own pipeline."""
    empty = MemorySpeedLayer({PAIR.speed: []})
    with pytest.raises(Uncomparable, match="holds nothing"):
        mend(PAIR, ["k"], (empty, day.marts), MemorySpeedRepairs(empty), lambda _: None)


def keyed(day: Day, ids: Sequence[str]) -> Mended:
    keys = [f"36:{one}|36:{day.batch[0]['product_id']}" for one in ids]
    return mend(PAIR, keys, (day.speed_layer, day.marts), MemorySpeedRepairs(day.speed_layer), lambda _: None)
