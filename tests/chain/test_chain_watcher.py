"""The watcher in the chain: its topic gone, its offsets gone, killed at every place, asleep while another took over."""

from collections.abc import Callable
from pathlib import Path

import pytest
from chain_of_twins import Chain

from tidemark.endings import Outcome
from tidemark.events import AlertRaised, RunFailed, RunRequested, SnapshotCommitted
from tidemark.failpoints import ARMED, LOG
from tidemark.loop import Loop
from tidemark.memory_bus import FencedError
from tidemark.parking import Parking
from tidemark.worker import InlineWorker

WATCHER = "ingest-watcher"
PLACES = ["after-commit", "before-produce", "after-produce"]


@pytest.mark.parametrize("offsets", [False, True])
def test_a_lost_topic_loses_no_run_under_way(offsets: bool) -> None:
    """What the submitter has not decided is known from its event: it is not cut again, and what came since waits."""
    chain = Chain("spark-submitter")
    chain.step("ecommerce")
    chain.lose_the_topic(offsets=offsets)
    chain.step("ecommerce")
    assert chain.cuts("ecommerce") == [1]
    chain.start("spark-submitter")
    chain.settle()
    chain.step("ecommerce")
    assert chain.done("ecommerce") == [1, 2, 3]
    assert chain.stores.differences() == {}
    assert chain.bus.events(RunFailed) == []


@pytest.mark.parametrize("offsets", [False, True])
@pytest.mark.parametrize("forward", [False, True])
def test_a_rebuild_is_made_once_whatever_the_watcher_forgets(chain: Chain, offsets: bool, forward: bool) -> None:
    """Its request is read again, but the lake remembers it; later runs are of the generation that it raised."""
    chain.step("ecommerce")
    chain.ask("rebuild")
    chain.settle()
    if forward:
        chain.step("ecommerce")
    before = chain.bus.events(SnapshotCommitted)
    for _ in range(2):
        chain.lose_the_topic(offsets=offsets)
        chain.settle()
    assert chain.bus.events(SnapshotCommitted) == before
    chain.step("ecommerce")
    assert [run.generation for run in chain.bus.events(SnapshotCommitted)[1:]] == [1] * len(before)
    assert chain.stores.differences() == {}
    chain.ask("rebuild")
    chain.settle()
    assert chain.bus.events(SnapshotCommitted)[-1].generation == 2


@pytest.mark.parametrize("offsets", [False, True])
def test_a_rollback_is_made_once_and_pauses_whatever_the_watcher_forgets(chain: Chain, offsets: bool) -> None:
    """The dataset stays where it was taken back to until it is resumed, and goes forward once."""
    chain.step("ecommerce")
    held = chain.stores.rows()
    chain.step("ecommerce")
    chain.ask("rollback", to_run_id=chain.runs()[0])
    chain.settle()
    for _ in range(2):
        chain.lose_the_topic(offsets=offsets)
        chain.step("ecommerce")
    assert chain.cuts("ecommerce") == [1, 2, 3]
    assert chain.stores.rows() == held
    chain.ask("resume")
    chain.settle()
    chain.lose_the_topic(offsets=offsets)
    chain.step("ecommerce")
    assert chain.done("ecommerce") == [1, 2, 3, 4, 5]
    assert [run.kind for run in chain.bus.events(SnapshotCommitted)].count("rollback") == 1
    assert chain.stores.differences() == {}


def test_a_rebuild_whose_place_the_failed_run_took_after_all_is_made(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It passed the failed run; the submitter reads of a resume first and decides that run: the rebuild follows it."""
    chain.stores.refuse("spark-submitter", 2)
    for _ in range(2):
        chain.step("ecommerce")
    chain.stores.heal()
    with monkeypatch.context() as slow:
        slow.setattr(chain.bus.transports["spark-submitter"], "poll", lambda _: None)
        chain.ask("rebuild")
        chain.settle()
        chain.ask("resume")
        chain.settle()
    chain.bus.log.sort(key=lambda record: record.topic != RunRequested.topic)
    chain.settle()
    sent = [(run.run_seq, run.kind, run.generation) for run in chain.bus.events(SnapshotCommitted)]
    assert sent == [(1, "process", 0), (2, "process", 0), (2, "rebuild", 1), (3, "rebuild", 1)]
    assert chain.done("ecommerce") == [1, 2, 3]
    assert chain.stores.differences() == {}


def test_a_stream_of_commits_is_one_run_once_it_ends(chain: Chain) -> None:
    """A commit a second for five minutes."""
    for _ in range(300):
        chain.stores.commit("ecommerce")
        chain.bus.run()
    assert chain.cuts("ecommerce") == []
    chain.settle()
    assert chain.done("ecommerce") == [1]
    assert chain.stores.differences() == {}


def test_a_stream_of_commits_while_the_submitter_is_away_is_one_more_run() -> None:
    """What came before it went is under way, all that came since is the next run."""
    chain = Chain("spark-submitter")
    chain.step("ecommerce")
    for _ in range(300):
        chain.stores.commit("ecommerce")
        chain.bus.run()
    chain.settle(600)
    assert chain.cuts("ecommerce") == [1]
    chain.start("spark-submitter")
    chain.settle()
    assert chain.done("ecommerce") == [1, 2]
    assert chain.stores.differences() == {}


def asks_a_run(chain: Chain) -> None:
    """A person asks for a run of what has just come."""
    chain.stores.commit("ecommerce")
    chain.ask("process")


def asks_a_rebuild(chain: Chain) -> None:
    """A person asks for a rebuild."""
    chain.ask("rebuild")


def asks_for_nothing(chain: Chain) -> None:
    """A person asks for a run, and there is nothing new."""
    chain.ask("process")


def fails(chain: Chain) -> None:
    """The next run fails in the loader."""
    chain.stores.refuse("loader", 3)
    chain.stores.commit("ecommerce")


def resumes(chain: Chain) -> None:
    """What made it fail is mended, and somebody resumes."""
    chain.stores.heal()
    chain.ask("resume")


STORIES = {"run": [asks_a_run], "rebuild": [asks_a_rebuild], "nothing": [asks_for_nothing], "halt": [fails, resumes]}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("story", STORIES)
def test_a_watcher_that_dies_over_it_leads_to_the_same(
    story: str, place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The same runs, alerts and rows as without its deaths; the generation is raised once."""
    told, deaths = [], 0
    for armed in (False, True):
        chain = Chain()
        for _ in range(2):
            chain.step("ecommerce")
        monkeypatch.setenv(LOG, str(tmp_path / f"hits {armed}"))
        monkeypatch.setenv(ARMED, f"{WATCHER}.{place}=raise*3" if armed else "")
        for happens in STORIES[story]:
            happens(chain)
            deaths += chain.settle_through_deaths(WATCHER)
        runs = [(run.run_id, run.run_seq, run.generation) for run in chain.bus.events(SnapshotCommitted)]
        alerts = [alert.incident for alert in chain.bus.events(AlertRaised)]
        told.append((runs, alerts, chain.stores.rows(), chain.done("ecommerce"), chain.stores.differences()))
        monkeypatch.delenv(ARMED)
    assert deaths >= 1
    assert told[0] == told[1]


class Sleeper(InlineWorker):
    """A worker that has done its work, and sleeps over it."""

    asleep = True

    def result(self, seconds: float) -> Outcome | None:
        """Nothing, until it wakes."""
        return None if self.asleep else super().result(seconds)


def commits(chain: Chain) -> None:
    """A commit that has settled."""
    chain.stores.commit("ecommerce")
    chain.clock.advance(15)


@pytest.mark.parametrize("happens", [commits, asks_a_run, asks_a_rebuild])
def test_a_stale_watcher_that_wakes_up_late_is_fenced(chain: Chain, happens: Callable[[Chain], None]) -> None:
    """It has an event or a cut in hand while another takes over and does all: it can send nothing of it, and ends."""
    chain.step("ecommerce")
    sleeper, transport = Sleeper(), chain.bus.transports[WATCHER]
    stale = Loop(chain.stage(WATCHER), transport, Parking(WATCHER), sleeper, chain.clock)
    happens(chain)
    stale.step(0.0)
    assert stale.job is not None
    chain.start(WATCHER)
    chain.settle()
    sent, rows = list(chain.bus.log), chain.stores.rows()
    sleeper.asleep = False
    with pytest.raises(FencedError):
        for _ in range(10):
            stale.step(0.0)
    assert (chain.bus.log, chain.stores.rows(), chain.stores.differences()) == (sent, rows, {})
    assert chain.done("ecommerce") == chain.cuts("ecommerce") == [1, 2]
