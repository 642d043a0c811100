"""One lab in an empty folder for all of a module; its tests run in order and build on one another."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from chain_on_the_lab import Chain  # tests/support

from tidemark_lab import lab


@pytest.fixture(scope="module")  # not the session: other tests of this process need neither lab nor its endpoints
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """The chain, up, with the initial load and one delta taken."""
    home: Path = tmp_path_factory.mktemp("lab") / ".tidemark"
    before = dict(os.environ)
    lab.up(home)
    try:
        chain = Chain(home)
        chain.upstream("initial", "--scale", "0.1")
        chain.upstream("delta", "--rows", "400")
        yield chain
    finally:
        lab.down(home)
        os.environ.clear()
        os.environ.update(before)
