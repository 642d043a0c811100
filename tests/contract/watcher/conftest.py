"""The watcher's two benches over one suite."""

from typing import Any

import pytest
from watcher_shop import Shop
from watcher_sources import TABLE, GlueBench, MemoryBench

from tidemark.events import TableCut


@pytest.fixture(params=["memory", "glue"])
def bench(request: pytest.FixtureRequest) -> Any:
    """A source with one empty table, `users` of the dataset `shop`."""
    if request.param == "memory":
        return MemoryBench()
    return GlueBench(request.getfixturevalue("lake_settings"))


@pytest.fixture
def shop(bench: Any) -> Shop:
    """One commit is published."""
    shop = Shop(bench)
    first = bench.append(1)
    assert shop.cut() == TableCut(table=TABLE, from_snapshot=None, to_snapshot=first, to_schema=0, rows=1, files=1)
    return shop
