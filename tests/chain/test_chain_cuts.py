"""A source table that stands before what was published: the stop, and the remedy that takes the rows out again."""

from chain_of_twins import Chain
from msgspec.structs import replace

from tidemark.events import AlertRaised, SnapshotCommitted
from tidemark.tables import registry

TABLES = list(registry().tables_of("ecommerce"))


def roll_back_the_source(chain: Chain) -> None:
    """Every table of ecommerce loses its newest commit."""
    for name in TABLES:
        lost, _ = chain.stores.committed[name].pop()
        history = chain.stores.source.history("ecommerce", name)
        chain.stores.source.put("ecommerce", name, replace(history, current=lost.parent_id))


def test_a_source_that_was_rolled_back_is_healed_by_going_back_with_it(chain: Chain) -> None:
    """The stop names the rollback; after it and a resume every layer holds what the source holds, and goes on."""
    for _ in range(3):
        chain.step("ecommerce")
    roll_back_the_source(chain)
    chain.settle()
    assert chain.cuts("ecommerce") == [1, 2, 3]
    (alert,) = chain.bus.events(AlertRaised)
    assert "rolled back" in alert.detail
    assert "tidemark rollback --dataset ecommerce" in alert.detail
    chain.ask("rollback", to_run_id=chain.runs()[1])
    chain.settle()
    chain.ask("resume")
    chain.settle()
    assert chain.stores.differences() == {}
    chain.step("ecommerce")
    run = chain.bus.events(SnapshotCommitted)[-1]
    assert [(cut.from_snapshot, cut.to_snapshot) for cut in run.tables] == [(2, 3)] * len(TABLES)
    assert chain.done("ecommerce") == [1, 2, 3, 4, 5]
    assert chain.stores.differences() == {}


def test_a_source_that_was_rolled_back_before_it_was_read_needs_nothing(chain: Chain) -> None:
    """The commit that was taken back was in no run: the next one goes on from what is published."""
    for _ in range(2):
        chain.step("ecommerce")
    chain.stores.commit("ecommerce")
    roll_back_the_source(chain)
    chain.step("ecommerce")
    assert chain.done("ecommerce") == [1, 2, 3]
    assert chain.bus.events(AlertRaised) == []
    assert chain.stores.differences() == {}
