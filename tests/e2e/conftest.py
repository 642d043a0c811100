"""One lab in an empty folder for all of a module; its tests run in order and build on one another."""

from collections.abc import Iterator

import pytest
from chain_on_the_lab import Chain, running  # tests/support
from chromium import browser as browser


@pytest.fixture(scope="module")  # not the session: other tests of this process need neither lab nor its endpoints
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """The chain, up, with the initial load and one delta taken."""
    with running(tmp_path_factory.mktemp("lab") / ".tidemark") as chain:
        chain.upstream("delta", "--rows", "400")
        yield chain
