"""A person's decision about rows in quarantine is a run: through all stages, in the dataset's turn, once."""

from chain_of_twins import Chain

from tidemark.events import AlertRaised, LakeCurated, LayersReconciled, Selection, SnapshotCommitted

ORDERS = Selection(table="orders", keys=["7"], rule="status_known")


def test_it_passes_every_stage_and_tells_who_asked(chain: Chain) -> None:
    """The job is told which rows; the lake's event, and so the audit, tells who asked and why."""
    chain.step("ecommerce")
    chain.ask("replay", selection=ORDERS, reason="the rule was wrong")
    chain.settle()
    chain.ask("drop", selection=ORDERS)
    chain.settle()
    assert [run.kind for run in chain.bus.events(LayersReconciled)] == ["process", "replay", "drop"]
    assert [m.selection for m in chain.stores.job.manifests if m.dataset == "ecommerce"] == [None, ORDERS, ORDERS]
    asked = [run.asked for run in chain.bus.events(LakeCurated)]
    assert [(a.requested_by, a.reason) if a else None for a in asked] == [
        None,
        ("ada", "the rule was wrong"),
        ("ada", ""),
    ]
    chain.step("ecommerce")
    assert chain.done("ecommerce") == [1, 2, 3, 4]
    assert chain.stores.differences() == {}


def test_two_requests_are_two_runs_and_a_repeated_one_is_one(chain: Chain) -> None:
    """Named by their requests, for they have no cut."""
    chain.step("ecommerce")
    first = chain.ask("replay", selection=ORDERS)
    chain.ask("replay", selection=ORDERS)
    chain.settle()
    chain.bus.publish(first)
    chain.settle()
    assert [run.kind for run in chain.bus.events(SnapshotCommitted)] == ["process", "replay", "replay"]
    assert len(set(chain.runs())) == 3


def test_one_that_names_no_rows_or_no_table_makes_no_run(chain: Chain) -> None:
    """A dead letter, or an answer; the dataset goes on."""
    chain.step("ecommerce")
    chain.ask("drop")
    chain.ask("drop", selection=Selection(table="nobody"))
    chain.settle()
    chain.step("ecommerce")
    assert [run.kind for run in chain.bus.events(SnapshotCommitted)] == ["process", "process"]
    assert "it has users" in chain.bus.events(AlertRaised)[-1].detail
    assert len(chain.bus.dead_letters()) == 1
