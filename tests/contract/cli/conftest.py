"""A warehouse of its own on the lab's emulator, as `tidemark init` leaves it."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from transformer_bench import Database, emulator


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database without rows in RAW."""
    with emulator(tmp_path_factory.mktemp("cli-stack")) as environment, closing(Database(environment)) as made:
        yield made
