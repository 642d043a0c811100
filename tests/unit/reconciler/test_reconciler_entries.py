"""The life of an entry: pending, suspect, confirmed, resolved."""

import pytest

from reconciler.entries import Difference, Entry, Sighting, State, advance, counts, status_of

W = 1_000_000


def found(event_ms: int | None = W, key: str = "k") -> Difference:
    return Difference(key=key, kind="missing_in_speed", event_ms=event_ms)


def at(cutoff_ms: int = W, run: str = "run-1", now_ms: int = 50_000) -> Sighting:
    return Sighting("events", "transactions", run, cutoff_ms, now_ms)


def states(entries: list[Entry]) -> list[str]:
    return [entry.state for entry in entries]


def test_young_differences_wait() -> None:
    """A row younger than W is pending for as long as it is younger, and suspect from then on."""
    young = advance([], [found(W + 1)], at())
    still = advance(young, [found(W + 1)], at(run="run-2"))
    judged = advance(still, [found(W + 1)], at(W + 1, "run-3"))
    assert [states(young), states(still), states(judged)] == [["pending"], ["pending"], ["suspect"]]
    assert judged[0].judged_cutoff_ms == W + 1


def test_a_difference_is_confirmed_once_w_has_moved_on() -> None:
    """The same W again confirms nothing, a later W does."""
    first = advance([], [found()], at())
    again = advance(first, [found()], at(run="run-2"))
    later = advance(again, [found()], at(W + 1, "run-3"))
    assert [states(first), states(again), states(later)] == [["suspect"], ["suspect"], ["confirmed"]]
    assert (later[0].first_run_id, later[0].last_run_id) == ("run-1", "run-3")


def test_what_is_gone_is_resolved_with_the_time_it_took() -> None:
    """The entry ends with the seconds between its first sight and now."""
    (gone,) = advance(advance([], [found()], at(now_ms=50_000)), [], at(W + 1, "run-2", 62_500))
    assert (gone.state, gone.resolved_ms, gone.seconds_to_resolve) == ("resolved", 62_500, 12.5)


def test_what_comes_back_is_a_new_entry() -> None:
    """A difference that was resolved starts again as a suspect, under another id."""
    first = advance([], [found()], at())
    again = advance([], [found()], at(W + 5, "run-7"))
    assert states(again) == ["suspect"]
    assert again[0].entry_id != first[0].entry_id


def test_a_row_without_event_time_is_judged() -> None:
    """NULL event times never wait: nothing would ever make them old enough."""
    assert states(advance([], [found(None)], at())) == ["suspect"]


def test_same_sight_gives_same_ids() -> None:
    """A comparison that is done again after a crash writes the same entries."""
    assert advance([], [found()], at()) == advance([], [found()], at())


@pytest.mark.parametrize(
    ("present", "stalled", "overflow", "expected"),
    [
        ([], False, False, "CONVERGED"),
        (["pending", "resolved"], False, False, "CONVERGED"),
        (["suspect"], False, False, "CONVERGING"),
        (["suspect", "confirmed"], False, False, "DIVERGED"),
        ([], False, True, "CONVERGING"),
        ([], True, False, "STALLED"),
        (["confirmed"], True, False, "STALLED"),
    ],
)
def test_status(present: list[State], stalled: bool, overflow: bool, expected: str) -> None:
    """Suspects make a pair converging, confirmed entries diverged; a dead side never looks converged."""
    states_found = counts([]) | dict.fromkeys(present, 1)
    assert status_of(states_found, stalled, overflow) == expected
