"""A warehouse of its own on the lab's emulator, as `tidemark init` leaves it."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
from transformer_bench import Database, emulator


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database without rows in RAW."""
    with emulator(tmp_path_factory.mktemp("cli-stack")) as environment, closing(Database(environment)) as made:
        yield made


@pytest.fixture
def unused_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
