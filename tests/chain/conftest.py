"""The chain with twins (tests/support/chain_of_twins.py), and what an undisturbed one leads to."""

from collections.abc import Callable

import pytest
from chain_of_twins import Chain

Rows = dict[str, list[str]]


@pytest.fixture
def chain() -> Chain:
    """All services up, nothing in the source."""
    return Chain()


@pytest.fixture(scope="session")
def undisturbed() -> Callable[[int], Rows]:
    """The rows of a chain to which nothing happened, after so many commits to both datasets."""

    def rows(commits: int) -> Rows:
        chain = Chain()
        for _ in range(commits):
            chain.step("ecommerce", "events")
        return chain.stores.rows()

    return rows
