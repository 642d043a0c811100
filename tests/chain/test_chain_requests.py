"""Requests in the chain: each is done once, however often it is read, and whatever is lost beside the lake."""

import pytest
from chain_of_twins import Chain
from msgspec.structs import replace

from tidemark.events import AlertRaised, RequestKind, RunFailed, RunRequested, Selection, SnapshotCommitted

ORDERS = Selection(table="orders", keys=["7"])
LAKE_KINDS: tuple[RequestKind, ...] = ("maintain", "replay", "drop")


def asked_and_done(chain: Chain, kind: RequestKind) -> RunRequested:
    """Run 2 is the one that was asked for."""
    chain.step("ecommerce")
    request = chain.ask(kind, selection=None if kind == "maintain" else ORDERS)
    chain.settle()
    return request


def goes_on(chain: Chain, runs: list[int]) -> None:
    """The next commit is a run of its own, through all stages; these are all."""
    chain.step("ecommerce")
    assert chain.done("ecommerce") == chain.cuts("ecommerce") == runs
    assert chain.stores.differences() == {}
    assert chain.bus.events(RunFailed) == []


@pytest.mark.parametrize("kind", LAKE_KINDS)
@pytest.mark.parametrize("forward", [False, True])
def test_a_lake_run_is_made_once_though_topic_and_offsets_are_lost(
    chain: Chain, kind: RequestKind, forward: bool
) -> None:
    """Its request is read again, and the lake's decisions know that it is done, also behind later runs."""
    asked_and_done(chain, kind)
    if forward:
        chain.step("ecommerce")
    for _ in range(2):
        chain.lose_the_topic(offsets=True)
        chain.settle()
    goes_on(chain, [1, 2, 3, 4] if forward else [1, 2, 3])


@pytest.mark.parametrize("kind", LAKE_KINDS)
def test_a_lake_run_is_made_once_though_its_request_comes_after_a_rebuild_and_a_loss(
    chain: Chain, kind: RequestKind
) -> None:
    """In another generation the run would have another name; it is the request that is done."""
    asked_and_done(chain, kind)
    chain.ask("rebuild")
    chain.settle()
    chain.lose_the_topic(offsets=True)
    chain.settle()
    goes_on(chain, [1, 2, 3, 4])


@pytest.mark.parametrize("kind", LAKE_KINDS)
def test_a_lake_run_is_made_once_though_a_hundred_later_requests_came_between(chain: Chain, kind: RequestKind) -> None:
    """The watcher remembers only so many."""
    request = asked_and_done(chain, kind)
    for _ in range(101):
        chain.ask("resume")
    chain.settle()
    chain.bus.publish(request)
    chain.settle()
    goes_on(chain, [1, 2, 3])


@pytest.mark.parametrize("kind", LAKE_KINDS)
def test_a_lake_run_that_was_decided_before_is_superseded_under_a_new_number(chain: Chain, kind: RequestKind) -> None:
    """Whoever sent it: the submitter decides nothing, and the dataset goes on."""
    asked_and_done(chain, kind)
    again = replace(chain.bus.events(SnapshotCommitted)[-1], run_seq=3)  # as a watcher would that forgot
    chain.bus.publish(again)
    chain.settle()
    assert chain.done("ecommerce") == [1, 2]
    chain.step("ecommerce")
    assert chain.done("ecommerce") == [1, 2, 3]
    assert chain.stores.differences() == {}


def kinds(chain: Chain) -> list[str]:
    """What the runs that were begun are."""
    return [run.kind for run in chain.bus.events(SnapshotCommitted)]


@pytest.mark.parametrize("offsets", [False, True])
def test_a_request_that_waits_is_made_once_though_the_topic_is_lost(offsets: bool) -> None:
    """Accepted behind a run under way, and told by no decision: the topics of requests and runs know that it waits."""
    chain = Chain("spark-submitter")
    chain.step("ecommerce")
    asked = [chain.ask("drop", selection=ORDERS), chain.ask("maintain"), chain.ask("rebuild")]
    chain.settle()
    chain.lose_the_topic(offsets=offsets)
    chain.start("spark-submitter")
    chain.settle()
    assert kinds(chain) == ["process", "rebuild", "drop", "maintain"]
    assert [run.asked for run in chain.bus.events(SnapshotCommitted)[1:]] == [asked[2], asked[0], asked[1]]
    chain.lose_the_topic(offsets=offsets)
    goes_on(chain, [1, 2, 3, 4, 5])


@pytest.mark.parametrize("offsets", [False, True])
@pytest.mark.parametrize("stage", ["spark-submitter", "loader", "transformer"])
def test_a_halt_and_what_waits_behind_it_stand_though_the_topic_is_lost(stage: str, offsets: bool) -> None:
    """The failure has been read already; the stage that halted tells of it until somebody resumes."""
    chain = Chain()
    chain.stores.refuse(stage, 2)
    for _ in range(2):
        chain.step("ecommerce")
    chain.ask("replay", selection=ORDERS)
    chain.settle()
    before, halted = chain.cuts("ecommerce"), chain.recall()["ecommerce"].halted
    chain.lose_the_topic(offsets=offsets)
    chain.step("ecommerce")
    assert chain.cuts("ecommerce") == before
    assert chain.recover("ecommerce").halted == halted
    chain.stores.heal()
    chain.ask("resume")
    chain.settle()
    assert (chain.done("ecommerce"), kinds(chain)[2:]) == ([1, 2, 3, 4], ["replay", "process"])
    chain.lose_the_topic(offsets=offsets)
    chain.step("ecommerce")
    assert chain.done("ecommerce") == [1, 2, 3, 4, 5]
    assert chain.stores.differences() == {}


def test_an_old_resume_that_is_read_again_does_not_lift_a_rollback_s_pause(chain: Chain) -> None:
    """It was asked for before the rollback; one that was asked for since has lifted the pause, and that stays so."""
    chain.step("ecommerce")
    chain.ask("resume")
    chain.step("ecommerce")
    chain.ask("rollback", to_run_id=chain.runs()[0])
    chain.settle()
    chain.lose_the_topic(offsets=True)
    chain.settle()
    assert kinds(chain) == ["process", "process", "rollback"]
    assert chain.recover("ecommerce").halted is not None
    chain.ask("resume")
    chain.settle()
    chain.lose_the_topic(offsets=True)
    goes_on(chain, [1, 2, 3, 4, 5])


@pytest.mark.parametrize("offsets", [False, True])
def test_an_answered_request_is_not_answered_again_though_the_topic_is_lost(chain: Chain, offsets: bool) -> None:
    """There was nothing new, or no such table: the topic of alerts tells that somebody has said so."""
    chain.step("ecommerce")
    chain.ask("process")
    chain.ask("drop", selection=Selection(table="nobody"))
    chain.settle()
    alerts = chain.bus.events(AlertRaised)
    chain.lose_the_topic(offsets=offsets)
    chain.settle()
    assert (len(alerts), chain.bus.events(AlertRaised)) == (2, alerts)
    goes_on(chain, [1, 2])
