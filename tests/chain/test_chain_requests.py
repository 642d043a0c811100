"""Requests in the chain: each is done once, however often it is read, and whatever is lost beside the lake."""

import pytest
from chain_of_twins import Chain
from msgspec.structs import replace

from tidemark.events import RequestKind, RunFailed, RunRequested, Selection, SnapshotCommitted

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
