"""Runs that cannot go on: the dataset halts there and nowhere else, and goes on by resume or by a rebuild."""

from pathlib import Path

import pytest
from chain_of_twins import Chain

from tidemark.codec import encode
from tidemark.events import AlertRaised, LakeCurated, LayersReconciled, MartsBuilt, RunFailed, SnapshotCommitted
from tidemark.failpoints import ARMED, LOG
from tidemark.records import Message
from tidemark.tables import registry

DATASETS = list(registry().datasets)
REFUSALS = [("spark-submitter", "TypedStop"), ("loader", "TypedStop"), ("transformer", "DataTestFailed")]
each_refusal = pytest.mark.parametrize(("stage", "error"), REFUSALS)


def down(stage: str) -> Chain:
    """The stage is down during three commits; up again, it will refuse run 2 of ecommerce."""
    chain = Chain(stage)
    chain.stores.refuse(stage, 2)
    for _ in range(3):
        chain.step(*DATASETS)
    return chain


def halted(stage: str) -> Chain:
    """The stage is up again, and has refused run 2 of ecommerce."""
    chain = down(stage)
    chain.start(stage)
    chain.settle()
    return chain


@each_refusal
def test_a_run_that_cannot_go_on_halts_its_dataset_there(stage: str, error: str) -> None:
    """run.failed, dead letter and alert say so; what comes later is parked in order; no store takes it."""
    chain = halted(stage)
    (failed,) = chain.bus.events(RunFailed)
    assert (failed.failed_stage, failed.error, failed.run_seq) == (stage, error, 2)
    assert [dict(r.headers)["tidemark-error"] for r in chain.bus.dead_letters()] == [error.encode()]
    assert [(a.severity, a.run_id, a.resolved) for a in chain.bus.events(AlertRaised)] == [
        ("critical", failed.run_id, False)
    ]
    assert chain.bus.parking(stage).of("ecommerce").halted
    assert chain.parked(stage) == chain.runs()[1:]
    assert chain.done("ecommerce") == [1]


@each_refusal
def test_the_watcher_cuts_no_more_and_the_other_dataset_goes_on(stage: str, error: str) -> None:
    """New commits of the halted dataset wait in the source; the other's become runs."""
    chain = halted(stage)
    cuts = chain.cuts("ecommerce")
    done = len(chain.done("events"))
    for _ in range(2):
        chain.step(*DATASETS)
    assert (chain.cuts("ecommerce"), chain.done("ecommerce")) == (cuts, [1])
    assert len(chain.done("events")) == done + 2
    assert {e.status for e in chain.bus.events(LayersReconciled)} == {"CONVERGED"}


@each_refusal
@pytest.mark.parametrize("restarted", [False, True])
def test_resume_goes_on_in_order(stage: str, error: str, restarted: bool) -> None:
    """Also after a restart of the stage: the failed run first, then the parked ones, then what waits in the source."""
    chain = halted(stage)
    chain.step(*DATASETS)
    chain.stores.heal()
    if restarted:
        chain.start(stage)
    chain.ask("resume")
    chain.settle()
    assert chain.done("ecommerce") == chain.cuts("ecommerce") == list(range(1, len(chain.runs()) + 1))
    assert (chain.parked(stage), chain.bus.parking(stage).of("ecommerce").halted) == ([], False)
    assert [a.resolved for a in chain.bus.events(AlertRaised)] == [False, True]
    assert chain.stores.differences() == {}


@each_refusal
def test_a_resume_that_does_not_help_halts_again(stage: str, error: str) -> None:
    """Nothing is lost, nothing overtakes; the next resume goes on."""
    chain = halted(stage)
    parked = chain.parked(stage)
    chain.ask("resume")
    chain.settle()
    assert (chain.parked(stage), chain.done("ecommerce")) == (parked, [1])
    chain.stores.heal()
    chain.ask("resume")
    chain.settle()
    assert chain.done("ecommerce") == chain.cuts("ecommerce")


def test_the_row_that_heals_a_failed_test_can_arrive() -> None:
    """After one resume the watcher cuts again; the failed run is then published together with the later one."""
    chain = Chain()
    chain.step("ecommerce")
    chain.stores.refuse("transformer", 2, healed_by=3)
    chain.step("ecommerce")
    assert chain.parked("transformer") == chain.runs()[1:]
    chain.step("ecommerce")
    chain.ask("resume")
    chain.settle()
    assert chain.done("ecommerce") == chain.cuts("ecommerce") == [1, 2, 3]
    assert [(e.from_seq, e.to_seq) for e in chain.bus.events(MartsBuilt)] == [(0, 1), (1, 3), (3, 3)]
    assert chain.bus.parking("transformer").of("ecommerce").parked == ()
    chain.step("ecommerce")
    assert chain.done("ecommerce") == [1, 2, 3, 4]


def test_a_run_under_way_can_bring_the_row_that_heals() -> None:
    """A run that reaches the halted stage after the test was tried is reason enough to try it again, with that run."""
    chain = Chain("loader")
    chain.step("ecommerce")
    chain.stores.refuse("transformer", 1, healed_by=3)
    for _ in range(2):
        chain.step("ecommerce")
    chain.start("loader")
    chain.settle()
    assert [failed.run_seq for failed in chain.bus.events(RunFailed)] == [1]
    assert chain.bus.parking("transformer").of("ecommerce").parked == ()
    assert chain.done("ecommerce") == chain.cuts("ecommerce")


@each_refusal
def test_a_rebuild_passes_the_halt(stage: str, error: str) -> None:
    """It supersedes what is parked; every row that was curated is in RAW, once, and the marts are what they must be."""
    chain = halted(stage)
    skipped = chain.parked(stage)
    chain.stores.heal()
    chain.ask("rebuild")
    chain.settle()
    rebuild = chain.bus.events(SnapshotCommitted)[-1]
    assert (rebuild.kind, rebuild.generation) == ("rebuild", 1)
    assert [e.run_id for e in chain.bus.events(LayersReconciled) if e.dataset == "ecommerce"][1:] == [rebuild.run_id]
    assert (chain.parked(stage), chain.bus.parking(stage).of("ecommerce").halted) == ([], False)
    loaded = {row["_run_id"] for row in chain.stores.raw.rows("orders")}
    assert loaded == set(chain.runs()) - (set(skipped) if stage == "spark-submitter" else {rebuild.run_id})
    assert chain.stores.differences() == {}
    assert chain.bus.events(LayersReconciled)[-1].status == "CONVERGED"


@each_refusal
def test_a_rebuild_that_fails_too_waits_alone(stage: str, error: str) -> None:
    """It has superseded what was parked; once healed, resume brings it to its end."""
    chain = halted(stage)
    chain.ask("rebuild")
    chain.settle()
    (rebuild,) = chain.runs()[-1:]
    assert (chain.parked(stage), chain.done("ecommerce")) == ([rebuild], [1])
    chain.stores.heal()
    chain.ask("resume")
    chain.settle()
    assert [e.run_id for e in chain.bus.events(LayersReconciled) if e.dataset == "ecommerce"][1:] == [rebuild]
    assert (chain.parked(stage), chain.stores.differences()) == ([], {})


@each_refusal
def test_a_stage_that_dies_while_it_parks_or_resumes_loses_nothing(
    stage: str, error: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Dead before or after each of its transactions: the same order, every run once."""
    for place in ("before-produce", "after-produce"):
        chain = down(stage)
        monkeypatch.setenv(ARMED, f"{stage}.{place}=raise*3")
        monkeypatch.setenv(LOG, str(tmp_path / f"{place} parks"))
        chain.start(stage)
        assert chain.settle_through_deaths(stage) == 3
        assert chain.parked(stage) == chain.runs()[1:]
        chain.stores.heal()
        chain.ask("resume")
        monkeypatch.setenv(LOG, str(tmp_path / f"{place} resumes"))
        assert chain.settle_through_deaths(stage) >= 2
        assert chain.done("ecommerce") == chain.cuts("ecommerce")
        assert (chain.parked(stage), chain.stores.differences()) == ([], {})
        monkeypatch.delenv(ARMED)


@pytest.mark.parametrize("name", ["", "unknown"])
def test_a_record_that_is_no_event_is_put_aside(chain: Chain, name: str) -> None:
    """A body that does not parse, or an unknown dataset: dead letter with the reason, and the chain goes on."""
    chain.step(*DATASETS)
    good = encode(chain.bus.events(LakeCurated)[0])
    body = (good.value or b"").replace(b'"ecommerce"', b'"unknown"') if name else b"{"
    chain.bus.send([Message(good.topic, good.partition, good.key, body, good.headers)])
    chain.step(*DATASETS)
    (dead,) = chain.bus.dead_letters()
    about = dict(dead.headers)
    assert (dead.value, about["tidemark-stage"], about["tidemark-error"]) == (body, b"loader", b"DecodeError")
    expected = b"the registry knows no dataset 'unknown'" if name else b"the body is no LakeCurated: "
    assert (about["tidemark-reason"] or b"").startswith(expected)
    assert [chain.done(dataset) for dataset in DATASETS] == [[1, 2], [1, 2]]
    assert chain.bus.events(RunFailed) == []
