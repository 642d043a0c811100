"""A watcher over a source that goes through everything, on real Iceberg commits and on the twin alike."""

from typing import Any

import pytest
from watcher_shop import Shop
from watcher_sources import DATASET, TABLE

from tidemark.events import TableCut

pytestmark = pytest.mark.lab


def test_appends_become_runs_and_what_brings_nothing_does_not(shop: Shop) -> None:
    """A compaction, an empty commit and another branch's are passed over by the next run."""
    base = shop.bench.append(2)
    shop.cut()
    for nothing in (shop.bench.compact, shop.bench.append, lambda: shop.bench.append(9, branch="side")):
        nothing()
        assert shop.found() == []
    last = shop.bench.append(3, 4)
    assert shop.cut() == TableCut(table=TABLE, from_snapshot=base, to_snapshot=last, to_schema=0, rows=2, files=1)


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
    assert shop.cut() == TableCut(table=TABLE, from_snapshot=last, to_snapshot=after, to_schema=0, rows=2, files=1)


def test_a_table_that_is_gone_stops_until_it_is_back(shop: Shop) -> None:
    """The alert says that it is to be brought back; made anew it is another table."""
    shop.bench.drop()
    assert f"lost its source tables {TABLE}" in shop.stop()
    shop.bench.create()
    last = shop.bench.append(1)
    cut = shop.rebuild()
    assert (cut.from_snapshot, cut.to_snapshot) == (None, last)
