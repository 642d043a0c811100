"""A watcher over a source that goes through everything, on real Iceberg commits and on the twin alike."""

from typing import Any

import pytest
from watcher_sources import DATASET, TABLE
from watcher_world import World, request

from tidemark.events import AlertRaised, SnapshotCommitted, TableCut
from tidemark.tables import Column, Dataset, Registry, Table

pytestmark = pytest.mark.lab
ONE_TABLE = Registry(
    datasets={DATASET: Dataset(source=DATASET, curated="c", order="debezium", tables=[TABLE])},
    tables={TABLE: Table(dataset=DATASET, key=["id"], columns={"id": Column("int")})},
    pairs={},
)


class Shop:
    """The watcher's world around a bench. `found` lets the source settle and tells what the watcher makes of it."""

    def __init__(self, bench: Any) -> None:
        self.bench, self.world = bench, World()
        self.world.source = bench.source
        self.world.watcher = self.world.new_watcher(ONE_TABLE)

    def found(self) -> list[SnapshotCommitted | AlertRaised]:
        commits = [self.bench.source.history(DATASET, TABLE).snapshots] if self.bench.source.pointers(DATASET) else []
        times = [snapshot.committed_at_ms for snapshots in commits for snapshot in snapshots.values()]
        self.world.now_ms = max([self.world.now_ms, *times]) + 10_000
        told = [event for event in self.world.step() if isinstance(event, SnapshotCommitted | AlertRaised)]
        for run in told:
            if isinstance(run, SnapshotCommitted):
                self.world.decide(run)
        return told

    def cut(self) -> TableCut:
        (run,) = self.found()
        assert isinstance(run, SnapshotCommitted)
        return run.tables[0]

    def stop(self) -> str:
        (alert,) = self.found()
        assert isinstance(alert, AlertRaised)
        assert self.found() == []
        return alert.detail

    def rebuild(self) -> TableCut:
        self.world.ask(request("rebuild"))
        return self.cut()


@pytest.fixture
def shop(bench: Any) -> Shop:
    """One commit is published."""
    shop = Shop(bench)
    first = bench.append(1)
    assert shop.cut() == TableCut(table=TABLE, from_snapshot=None, to_snapshot=first, rows=1, files=1)
    return shop


def test_appends_become_runs_and_what_brings_nothing_does_not(shop: Shop) -> None:
    """A compaction, an empty commit and another branch's are passed over by the next run."""
    base = shop.bench.append(2)
    shop.cut()
    for nothing in (shop.bench.compact, shop.bench.append, lambda: shop.bench.append(9, branch="side")):
        nothing()
        assert shop.found() == []
    last = shop.bench.append(3, 4)
    assert shop.cut() == TableCut(table=TABLE, from_snapshot=base, to_snapshot=last, rows=2, files=1)


def overwritten(bench: Any) -> str:
    """A file is written anew without one of its rows."""
    bench.append(5, 6)
    bench.delete(5, whole_file=False)
    return "is a overwrite"


def deleted(bench: Any) -> str:
    """A file is taken away."""
    bench.delete(1, whole_file=True)
    return "is a delete"


def expired(bench: Any) -> str:
    """Commits come, and what was published expires."""
    published = bench.source.history(DATASET, TABLE).current
    bench.append(7)
    bench.expire(published)
    return "has expired"


def made_again(bench: Any) -> str:
    """The table is dropped and made again."""
    bench.drop()
    bench.create()
    bench.append(1)
    return "dropped and made again"


def rolled_back(bench: Any) -> str:
    """The table goes back behind what was published."""
    first = bench.source.history(DATASET, TABLE).current
    behind = bench.source.history(DATASET, TABLE).snapshots[first].parent_id
    bench.roll_back(behind)
    return "was rolled back"


@pytest.mark.parametrize("happens", [overwritten, deleted, expired, made_again, rolled_back])
def test_what_must_not_be_guessed_about_stops_until_a_rebuild(shop: Shop, happens: Any) -> None:
    """One alert names the rebuild, later commits wait, the rebuild reads what stands there, and runs go on from it."""
    shop.bench.append(2)
    shop.cut()
    told = happens(shop.bench)
    detail = shop.stop()
    assert told in detail
    assert f"tidemark publish --dataset {DATASET} --rebuild" in detail
    last = shop.bench.append(3)
    assert shop.found() == []
    cut = shop.rebuild()
    assert (cut.from_snapshot, cut.to_snapshot) == (None, last)
    after = shop.bench.append(4, 5)
    assert shop.cut() == TableCut(table=TABLE, from_snapshot=last, to_snapshot=after, rows=2, files=1)


def test_a_table_that_is_gone_stops_until_it_is_back(shop: Shop) -> None:
    """The alert says that it is to be brought back; made anew it is another table."""
    shop.bench.drop()
    assert f"lost its source tables {TABLE}" in shop.stop()
    shop.bench.create()
    last = shop.bench.append(1)
    cut = shop.rebuild()
    assert (cut.from_snapshot, cut.to_snapshot) == (None, last)
