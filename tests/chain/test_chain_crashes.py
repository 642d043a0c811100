"""Services that die and start again, and two of one kind at once: the same rows as if nothing had happened."""

from collections.abc import Callable
from pathlib import Path

import pytest
from chain_of_twins import Chain
from places import PLACES, SERVICES

from tidemark.events import SnapshotCommitted
from tidemark.failpoints import ARMED, LOG
from tidemark.memory_bus import FencedError
from tidemark.tables import registry

DATASETS = list(registry().datasets)
Rows = Callable[[int], dict[str, list[str]]]
DEATHS = 3


@pytest.mark.parametrize("place", PLACES)
def test_a_service_that_dies_leads_to_the_same_rows(
    place: str, chain: Chain, undisturbed: Rows, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Before, between and after its sink's commit and its produce, several times in a row: no row differs."""
    stage = place.partition(".")[0]
    expected = undisturbed(2)
    chain.step(*DATASETS)
    monkeypatch.setenv(LOG, str(tmp_path / "hits"))
    monkeypatch.setenv(ARMED, f"{place}=raise*{DEATHS}")
    chain.stores.commit(*DATASETS)
    assert chain.settle_through_deaths(stage) >= 1
    assert chain.wrong(expected, runs=2) == []


@pytest.mark.parametrize("stage", SERVICES[1:])
def test_what_was_done_before_the_death_is_not_done_again(
    stage: str, chain: Chain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A stage that dies after its sink's commit finds its receipt and writes nothing a second time."""
    other = Chain()
    other.step("ecommerce")
    monkeypatch.setenv(LOG, str(tmp_path / "hits"))
    monkeypatch.setenv(ARMED, f"{stage}.before-produce=raise")
    chain.stores.commit("ecommerce")
    assert chain.settle_through_deaths(stage) == 1
    assert chain.stores.writes() == other.stores.writes()


def test_a_second_watcher_takes_over_and_never_cuts_twice(chain: Chain) -> None:
    """What the first cut is known to the second, though it was composed before; the first one can send no more."""
    second = chain.stage("ingest-watcher")
    first = chain.bus.transports["ingest-watcher"]
    chain.stores.commit("ecommerce")
    chain.clock.advance(15)
    chain.bus.run()
    chain.bus.restart(second)
    chain.settle()
    assert chain.cuts("ecommerce") == [1]
    with pytest.raises(FencedError):
        first.commit([], None)
    chain.step("ecommerce")
    assert chain.done("ecommerce") == [1, 2]


def test_a_cut_that_an_older_watcher_has_in_hand_is_lost_with_it(chain: Chain) -> None:
    """Both have found the same cut; only the one that took over sends it, and it is the same run."""
    old, fenced = chain.stage("ingest-watcher"), chain.bus.transports["ingest-watcher"]
    chain.stores.commit("ecommerce")
    chain.clock.advance(15)
    assert old.tick is not None
    (found,) = (event for event in old.tick() if isinstance(event, SnapshotCommitted))
    chain.start("ingest-watcher")
    chain.settle()
    with pytest.raises(FencedError):
        fenced.commit([], None)
    assert chain.bus.events(SnapshotCommitted) == [found]
