"""Maintenance takes its turn in the chain: it passes every stage and changes no row."""

from chain_of_twins import Chain

from tidemark.events import LakeCurated, LayersReconciled, MartsBuilt, RawLoaded, SnapshotCommitted


def test_maintenance_is_a_run_that_changes_no_row(chain: Chain) -> None:
    """Asked for by a person: a run of its own kind, through all stages, over the same rows."""
    chain.step("ecommerce")
    before = chain.stores.rows()
    chain.ask("maintain")
    chain.settle()
    last = chain.bus.events(LayersReconciled)[-1]
    assert (last.run_seq, last.kind, last.generation, last.status) == (2, "maintain", 0, "CONVERGED")
    assert sum(table.rows for table in chain.bus.events(RawLoaded)[-1].tables) == 0
    assert chain.bus.events(MartsBuilt)[-1].models == []
    assert chain.stores.rows() == before
    chain.step("ecommerce")
    assert chain.done("ecommerce") == [1, 2, 3]
    assert chain.stores.differences() == {}


def test_it_waits_its_turn_and_behind_a_halt(chain: Chain) -> None:
    """A dataset that is halted is not maintained; after the resume it is."""
    chain.stores.refuse("loader", 1)
    chain.step("ecommerce")
    chain.ask("maintain")
    chain.settle()
    assert chain.cuts("ecommerce") == [1]
    chain.stores.heal()
    chain.ask("resume")
    chain.settle()
    assert [run.kind for run in chain.bus.events(SnapshotCommitted)] == ["process", "maintain"]
    assert chain.done("ecommerce") == [1, 2]


def test_it_is_due_after_so_many_runs() -> None:
    """Every third run is followed by maintenance, once, also when the watcher starts again without its topic."""
    chain = Chain(maintain_every_runs=3)
    for _ in range(3):
        chain.step("ecommerce")
    chain.start("ingest-watcher")
    chain.settle()
    assert [run.kind for run in chain.bus.events(SnapshotCommitted)] == ["process", "process", "process", "maintain"]
    for _ in range(3):
        chain.step("ecommerce")
    assert chain.cuts("ecommerce") == [1, 2, 3, 4, 5, 6, 7, 8]
    assert chain.bus.events(SnapshotCommitted)[-1].kind == "maintain"


def test_it_is_due_after_so_many_rows() -> None:
    """Of all runs since the last maintenance together, however few they are."""
    chain = Chain(maintain_every_runs=100, maintain_after_rows=8)
    for _ in range(4):
        chain.step("ecommerce")
    waiting, expected = 0, []
    for run in chain.bus.events(LakeCurated):
        waiting = 0 if run.kind == "maintain" else waiting + sum(table.accepted for table in run.tables)
        expected += ["maintain"] if waiting >= 8 else []
    kinds = [run.kind for run in chain.bus.events(SnapshotCommitted)]
    assert [kind for kind in kinds if kind == "maintain"] == expected
    assert kinds[:3] == ["process", "process", "maintain"]


def test_a_dataset_without_tables_is_not_maintained(chain: Chain) -> None:
    """The request is answered, and nothing is halted."""
    chain.ask("maintain")
    chain.settle()
    chain.step("ecommerce")
    assert [run.kind for run in chain.bus.events(SnapshotCommitted)] == ["process"]
