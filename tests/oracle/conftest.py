"""An emulator and a database in which dbt builds, for the whole folder; without rows for each test."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from transformer_bench import Bench, emulator


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One database for all tests, so that the project is parsed once."""
    with emulator(tmp_path_factory.mktemp("oracle-stack")) as environment, closing(Bench(environment)) as made:
        yield made


@pytest.fixture
def dbt(project: Bench) -> Bench:
    """That database without rows."""
    project.empty()
    return project
