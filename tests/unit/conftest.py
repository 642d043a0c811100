"""What several packages' unit tests share."""

from pathlib import Path

import pytest

from tidemark.tables import registry
from tidemark_lineage import Edges, edges_of


@pytest.fixture(scope="session")
def edges() -> Edges:
    """Every column and what it is made from, as the repository stands."""
    return edges_of(registry(), Path(__file__).parents[2] / "dbt")
