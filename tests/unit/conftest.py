"""What several packages' unit tests share; they know of no service that other tests of this process have named."""

import os
from pathlib import Path

import pytest

from tidemark.tables import registry
from tidemark_lineage import Edges, edges_of, read_project


@pytest.fixture(autouse=True)
def no_endpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoints and credentials are not theirs; where the jars are cached stays known."""
    for name in list(os.environ):
        if name.startswith(("TIDEMARK_", "AWS_")) and name != "TIDEMARK_CACHE":
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def edges() -> Edges:
    """Every column and what it is made from, as the repository stands."""
    return edges_of(registry(), read_project(Path(__file__).parents[2] / "dbt"))
