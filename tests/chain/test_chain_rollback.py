"""A dataset is taken back to an earlier run, in every layer, and goes forward again; whatever happens meanwhile."""

import random
from pathlib import Path

import pytest
from chain_of_twins import Chain
from places import SERVICES

from tidemark.events import (
    CHAIN,
    AlertRaised,
    LayersReconciled,
    RunFailed,
    RunRequested,
    SnapshotCommitted,
    WatcherState,
)
from tidemark.failpoints import ARMED, LOG
from tidemark.records import Message

PLACES = [
    *(f"{stage}.{place}" for stage in SERVICES for place in ("before-produce", "after-produce")),
    *(f"{stage}.after-commit" for stage in SERVICES[1:]),
    "spark-submitter.before-commit",
    "spark-submitter.after-decision",
    "loader.after-copy",
    "loader.before-commit",
    "reconciler.before-commit",
]


def after_runs(count: int, chain: Chain, dataset: str = "ecommerce") -> list[dict[str, list[str]]]:
    """Let so many runs pass; what every layer held after each."""
    held = []
    for _ in range(count):
        chain.step(dataset)
        held.append(chain.stores.rows())
    return held


@pytest.mark.parametrize("to", [1, 2, 3])
def test_every_layer_is_as_it_was_and_goes_forward_again(chain: Chain, to: int) -> None:
    """Lake, RAW and marts hold what they held after the run, new commits wait for a resume, then nothing is missing."""
    held = after_runs(4, chain)
    chain.ask("rollback", to_run_id=chain.runs()[to - 1])
    chain.settle()
    assert chain.stores.rows() == held[to - 1]
    last = chain.bus.events(LayersReconciled)[-1]
    assert (last.run_seq, last.kind, last.generation, last.status) == (5, "rollback", 1, "CONVERGED")
    chain.step("ecommerce")
    assert chain.cuts("ecommerce") == [1, 2, 3, 4, 5]
    chain.ask("resume")
    chain.settle()
    assert chain.done("ecommerce") == [1, 2, 3, 4, 5, 6]
    assert chain.stores.differences() == {}
    assert len(set(chain.runs())) == 6


def test_back_and_back_again_and_forward(chain: Chain) -> None:
    """A rollback behind a rollback, and one to a run made after it: each leads to what that run left."""
    held = after_runs(3, chain)
    chain.ask("rollback", to_run_id=chain.runs()[1])
    chain.settle()
    chain.ask("resume")
    chain.settle()
    forward = chain.stores.rows()
    chain.ask("rollback", to_run_id=chain.runs()[0])
    chain.settle()
    assert chain.stores.rows() == held[0]
    chain.ask("resume")
    chain.step("ecommerce")
    assert chain.stores.differences() == {}
    chain.ask("rollback", to_run_id=chain.runs()[-2])
    chain.settle()
    assert chain.stores.rows() == held[0]
    assert forward != held[0]


def test_a_run_that_was_rolled_back_is_no_target(chain: Chain) -> None:
    """Its rows are gone from RAW: the request is answered with the reason, nothing changes, nothing is halted."""
    after_runs(3, chain)
    rolled_back = chain.runs()[2]
    chain.ask("rollback", to_run_id=chain.runs()[1])
    chain.settle()
    chain.ask("resume")
    chain.settle()
    before = chain.stores.rows()
    for wanted in (rolled_back, "ecommerce-process-g0-unknown"):
        chain.ask("rollback", to_run_id=wanted)
        chain.settle()
    assert [alert.title for alert in chain.bus.events(AlertRaised)] == ["No rollback run of ecommerce was made"] * 2
    assert chain.stores.rows() == before
    assert chain.bus.events(WatcherState)[-1].halted is None


def test_a_run_whose_snapshots_have_been_expired_is_refused_and_halts_nothing(chain: Chain) -> None:
    """Also while its dataset is at work: whoever asked is told why, and the next run, or a newer target, is made."""
    held = after_runs(3, chain)
    first = chain.stores.decisions.get("ecommerce", 1)
    assert first is not None
    chain.stores.lake.expired = {s for t in first.tables.values() for s in t.snapshots.values() if s is not None}
    asked = chain.ask("rollback", to_run_id=chain.runs()[0])
    chain.settle()
    (alert,) = chain.bus.events(AlertRaised)
    assert (alert.incident, alert.severity) == (f"ecommerce/request/{asked.request_id}", "critical")
    assert "can no longer be had" in alert.detail
    assert (chain.bus.events(RunFailed), chain.bus.dead_letters(), chain.cuts("ecommerce")) == ([], [], [1, 2, 3])
    chain.step("ecommerce")
    assert chain.done("ecommerce") == [1, 2, 3, 4]
    chain.ask("rollback", to_run_id=chain.runs()[1])
    chain.settle()
    assert chain.stores.rows() == held[1]


def test_a_rollback_waits_for_the_run_under_way(chain: Chain) -> None:
    """A run that Spark has in hand is decided first; the commits that came meanwhile wait for the resume."""
    held = after_runs(1, chain)
    slow = Chain("spark-submitter")
    slow.step("ecommerce")
    slow.ask("rollback", to_run_id=slow.runs()[0])
    slow.step("ecommerce")
    assert slow.cuts("ecommerce") == [1]
    slow.start("spark-submitter")
    slow.settle()
    assert slow.done("ecommerce") == [1, 2]
    assert slow.stores.rows() == held[0]
    slow.ask("resume")
    slow.settle()
    assert slow.stores.differences() == {}


@pytest.mark.parametrize("stage", ["loader", "transformer"])
def test_a_rollback_passes_a_halt_and_supersedes_what_is_parked(chain: Chain, stage: str) -> None:
    """The failed run and those behind it are gone with it; after a resume they come again and find the cause mended."""
    held = after_runs(1, chain)
    chain.stores.refuse(stage, 2)
    chain.step("ecommerce")
    assert [failed.failed_stage for failed in chain.bus.events(RunFailed)] == [stage]
    chain.ask("rollback", to_run_id=chain.runs()[0])
    chain.settle()
    assert chain.stores.rows() == held[0]
    assert chain.parked(stage) == []
    chain.stores.heal()
    chain.ask("resume")
    chain.settle()
    assert chain.stores.differences() == {}


@pytest.mark.parametrize("seed", range(3))
def test_events_of_runs_that_were_rolled_back_change_nothing(chain: Chain, seed: int) -> None:
    """Every event so far once more, in any order, before and after the resume: superseded wherever it turns up."""
    after_runs(3, chain)
    chain.ask("rollback", to_run_id=chain.runs()[0])
    chain.settle()
    for _ in range(2):
        before = (chain.stores.rows(), chain.stores.writes(), chain.stores.comparisons())
        again = [Message(r.topic, r.partition, r.key, r.value, r.headers) for e in (RunRequested, *CHAIN)
                 for r in chain.bus.records(e.topic)]  # fmt: skip
        random.Random(seed).shuffle(again)
        chain.bus.send(again)
        chain.settle()
        assert (chain.stores.rows(), chain.stores.writes(), chain.stores.comparisons()) == before
        chain.ask("resume")
        chain.settle()
    assert chain.bus.dead_letters() == []
    assert chain.stores.differences() == {}


@pytest.mark.parametrize("place", PLACES)
def test_a_service_that_dies_in_a_rollback_leads_to_the_same_rows(
    place: str, chain: Chain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Before and after its own commit and its produce, several times in a row: no row differs."""
    held = after_runs(3, chain)
    monkeypatch.setenv(LOG, str(tmp_path / "hits"))
    monkeypatch.setenv(ARMED, f"{place}=raise*2")
    chain.ask("rollback", to_run_id=chain.runs()[1])
    assert chain.settle_through_deaths(place.partition(".")[0]) >= 1
    assert chain.stores.rows() == held[1]
    assert chain.bus.events(SnapshotCommitted)[-1].kind == "rollback"
