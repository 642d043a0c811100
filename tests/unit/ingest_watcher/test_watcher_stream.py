"""A source that commits once a second for five minutes: few runs, no commit lost or taken twice, none left waiting."""

from collections.abc import Callable

import pytest
from watcher_world import World

from tidemark.events import SnapshotCommitted

SECONDS = 300
SETTLE, MAX_WAIT = 10, 60  # the world's policy, seconds
Runs = list[tuple[int, SnapshotCommitted]]


def stream(is_away: Callable[[int], bool]) -> Runs:
    """The runs of the stream and the second in which each was cut; while nobody is away a run is decided in 3 s."""
    world, runs = World(), Runs()
    decided, due = 0, 0
    for second in range(SECONDS + MAX_WAIT):
        if second < SECONDS:
            world.commit("users", second + 1, every_ms=1000)
            world.commit("orders", second // 7 + 1, every_ms=7000)
        if len(runs) > decided and second >= due and not is_away(second):
            world.decide(runs[decided][1])
            decided += 1
        run = world.cut()
        if run is not None:
            runs.append((second, run))
            due = second + 3
        world.now_ms += 1000
    assert decided == len(runs)
    return runs


def ends(runs: Runs) -> list[int]:
    """The users' newest commit of each cut; commit n is made in second n - 1."""
    return [cut.to_snapshot or 0 for _, run in runs for cut in run.tables if cut.table == "users"]


def assert_nothing_lost(runs: Runs) -> None:
    """Every cut begins where the one before ended, and the last ends at the newest commit."""
    for table, newest in (("users", SECONDS), ("orders", (SECONDS - 1) // 7 + 1)):
        cuts = [cut for _, run in runs for cut in run.tables if cut.table == table]
        assert [cut.from_snapshot for cut in cuts] == [None, *[cut.to_snapshot for cut in cuts[:-1]]]
        assert cuts[-1].to_snapshot == newest
        assert sum(cut.rows for cut in cuts) == 5 * newest
    assert [run.run_seq for _, run in runs] == list(range(1, len(runs) + 1))


def test_a_stream_leads_to_few_runs() -> None:
    """The longest wait bounds each commit's, and batches are as large as it allows; the last settles."""
    runs = stream(lambda _: False)
    assert_nothing_lost(runs)
    assert len(runs) <= SECONDS / MAX_WAIT + 1
    oldest = [0, *ends(runs)[:-1]]  # the second in which the oldest commit of each cut was made
    assert [second - made <= MAX_WAIT for (second, _), made in zip(runs, oldest, strict=True)] == [True] * len(runs)
    assert runs[-1][0] <= SECONDS - 1 + SETTLE


@pytest.mark.parametrize("begin", [0, 100, 200])
def test_a_submitter_that_is_away_makes_the_next_cut_larger(begin: int) -> None:
    """The one cut that waits for it holds all others back; then all that has waited is one run, at once."""
    end = begin + 140
    runs = stream(lambda second: begin <= second < end)
    assert_nothing_lost(runs)
    assert len(runs) <= SECONDS / MAX_WAIT + 1
    (waiting,) = (number for number, (second, _) in enumerate(runs) if begin + 3 <= second < end)
    assert runs[waiting + 1][0] == end


@pytest.mark.parametrize("begin", range(0, 120, 13))
def test_no_commit_waits_longer_than_it_may_once_the_submitter_is_there(begin: int) -> None:
    """Whenever it was away: a cut is late only as long as the run before it waits for its decision."""
    end = begin + 75
    runs = stream(lambda second: begin <= second < end)
    assert_nothing_lost(runs)
    oldest = [0, *ends(runs)[:-1]]
    for number, (second, _) in enumerate(runs):
        free = 0 if number == 0 else max(runs[number - 1][0] + 3, end if begin <= runs[number - 1][0] + 3 < end else 0)
        assert second <= max(oldest[number] + MAX_WAIT, free)
