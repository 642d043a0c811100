"""W, and when a pair is stalled."""

import pytest

from reconciler.ports import PairStanding
from reconciler.progress import cutoff_ms, stall, step
from tidemark.tables import Pair

PAIR = Pair(
    dataset="events", batch="b", speed="s", key=["id"], event_time="at", version="v",
    lateness_seconds=900, stalled_seconds=7200, columns={"id": "int"},
)  # fmt: skip
HOUR = 3_600_000
T = 1_767_225_600_000


def standing(speed_ms: int = T, batch_ms: int = T, moved_ms: int = 0) -> PairStanding:
    return PairStanding(
        cutoff_ms=cutoff_ms(PAIR, speed_ms, batch_ms), speed_ms=speed_ms, batch_ms=batch_ms, moved_ms=moved_ms
    )


def test_w_is_the_lesser_progress_less_the_lateness() -> None:
    """The slower side decides; a side without anything gives no W."""
    assert cutoff_ms(PAIR, T + 5, T) == T - 900_000
    assert cutoff_ms(PAIR, None, T) is None


def test_a_standing_keeps_the_moment_w_last_moved() -> None:
    """While W stands still its moment and the progress of then are kept."""
    before = standing(moved_ms=7)
    assert step(PAIR, before, T + HOUR, T, 99) == before
    assert step(PAIR, before, T + HOUR, T + HOUR, 99).moved_ms == 99


@pytest.mark.parametrize(
    ("speed_ms", "batch_ms", "waited_ms", "expected"),
    [
        (T, T, 9 * HOUR, None),  # a quiet night: neither side moved
        (T + HOUR, T, HOUR, None),  # the marts are only late
        (T + HOUR, T, 3 * HOUR, "marts do"),  # the speed layer got on, the marts did not
        (T, T + HOUR, 3 * HOUR, "speed layer does"),  # marts were built, the speed layer stood still
        (T, T + 3 * HOUR, 0, "behind the marts"),  # simulated time: no need to wait for the wall clock
        (None, T, 0, "speed layer holds nothing"),
        (T, None, 0, "batch side holds nothing"),
    ],
)
def test_a_dead_side_stalls_and_a_quiet_night_does_not(
    speed_ms: int | None, batch_ms: int | None, waited_ms: int, expected: str | None
) -> None:
    """W must stand still for longer than its bound while one side moves."""
    why = stall(PAIR, step(PAIR, standing(moved_ms=0), speed_ms, batch_ms, waited_ms), speed_ms, batch_ms, waited_ms)
    assert (why is None) if expected is None else (expected in (why or ""))
