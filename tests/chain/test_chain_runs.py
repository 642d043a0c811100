"""The whole chain without a fault: one run per settled source, the same rows in every layer."""

import random
from collections.abc import Callable

import pytest
from chain_of_twins import Chain
from places import SERVICES

from tidemark.events import CHAIN, AlertRaised, LayersReconciled, RunRequested, SnapshotCommitted
from tidemark.records import Message
from tidemark.tables import registry

DATASETS = list(registry().datasets)


def everything(chain: Chain) -> tuple[dict[str, list[str]], dict[str, int], dict[str, int]]:
    """The rows of every layer, and what shows that a store was written to again."""
    return chain.stores.rows(), chain.stores.writes(), chain.stores.comparisons()


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_settled_source_becomes_one_run_through_the_chain(chain: Chain, dataset: str) -> None:
    """One event at each stage, all of one run; every layer holds the commit's rows and the comparison says so."""
    chain.step(dataset)
    (run,) = chain.runs(dataset)
    assert [[e.run_id for e in chain.bus.events(event)] for event in CHAIN] == [[run]] * len(CHAIN)
    assert [e.status for e in chain.bus.events(LayersReconciled)] == ["CONVERGED"]
    rows = chain.stores.rows()
    for table in registry().tables_of(dataset):
        assert len(rows[f"lake {table}"]) == len(rows[f"raw {table}"]) == len(rows[f"mart stg_{table}"]) == 1
    assert (chain.bus.dead_letters(), chain.bus.events(AlertRaised)) == ([], [])


def test_later_commits_become_later_runs_over_the_same_rows(chain: Chain) -> None:
    """Runs count up per dataset; changes add up in lake and RAW, marts hold the latest version of every key."""
    for _ in range(3):
        chain.step(*DATASETS)
        chain.clock.advance(1800)  # past the lateness bound, so that the next run judges these rows
    assert [chain.done(dataset) for dataset in DATASETS] == [[1, 2, 3], [1, 2, 3]]
    judged = [pair.rows for e in chain.bus.events(LayersReconciled) for pair in e.pairs if pair.pair == "transactions"]
    assert judged == [0, 0, 1]
    assert {e.status for e in chain.bus.events(LayersReconciled)} == {"CONVERGED"}
    rows = chain.stores.rows()
    assert [len(rows[name]) for name in ("lake orders", "raw orders", "mart fct_orders")] == [5, 5, 3]
    assert [len(rows[name]) for name in ("raw transactions", "mart fct_transactions")] == [5, 3]


def test_commits_during_a_run_wait_for_one_later_run() -> None:
    """While the submitter is away the next cut is held back; then it takes all that has come."""
    chain = Chain("spark-submitter")
    for _ in range(3):
        chain.step("ecommerce")
    assert chain.cuts("ecommerce") == [1]
    chain.start("spark-submitter")
    chain.settle()
    assert chain.done("ecommerce") == [1, 2]


@pytest.mark.parametrize("seed", range(3))
def test_everything_sent_again_in_any_order_changes_nothing(chain: Chain, seed: int) -> None:
    """Every request and every stage's events once more, shuffled: no store is written to, no row differs."""
    chain.step(*DATASETS)
    chain.ask("rebuild")
    for _ in range(2):
        chain.step(*DATASETS)
    before = everything(chain)
    again = [Message(r.topic, r.partition, r.key, r.value, r.headers) for e in (RunRequested, *CHAIN)
             for r in chain.bus.records(e.topic)]  # fmt: skip
    random.Random(seed).shuffle(again)
    chain.bus.send(again)
    chain.settle()
    assert everything(chain) == before
    assert chain.bus.dead_letters() == []


@pytest.mark.parametrize("seed", range(3))
def test_offsets_that_are_lost_change_nothing(chain: Chain, seed: int) -> None:
    """Every service starts again at the beginning of its topics, in any order: the same rows, no new cut."""
    for _ in range(3):
        chain.step(*DATASETS)
    before = everything(chain)
    cuts = chain.bus.events(SnapshotCommitted)
    chain.bus.committed.clear()
    for name in random.Random(seed).sample(SERVICES, len(SERVICES)):
        chain.start(name)
        chain.bus.run()
    chain.settle()
    assert everything(chain) == before
    assert chain.bus.events(SnapshotCommitted) == cuts


@pytest.mark.parametrize("stage", SERVICES)
def test_an_aborted_transaction_is_sent_again(
    chain: Chain, stage: str, undisturbed: Callable[[int], dict[str, list[str]]]
) -> None:
    """The stage's answer comes once, nothing is done twice, and the rows are the same."""
    chain.bus.transports[stage].abort_next = 3
    chain.step(*DATASETS)
    assert [chain.done(dataset) for dataset in DATASETS] == [[1], [1]]
    assert (chain.bus.transports[stage].abort_next, chain.stores.rows()) == (0, undisturbed(1))
    assert chain.stores.writes()["attempts"] == len(DATASETS)
