"""The watcher's two benches over one suite."""

from typing import Any

import pytest
from watcher_sources import GlueBench, MemoryBench


@pytest.fixture(params=["memory", "glue"])
def bench(request: pytest.FixtureRequest) -> Any:
    """A source with one empty table, `users` of the dataset `shop`."""
    if request.param == "memory":
        return MemoryBench()
    return GlueBench(request.getfixturevalue("lake_settings"))
