"""One emulator for the transformer's contracts; on it a database for publications, and one in which dbt builds."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from publication_benches import Bench, RealBench, TwinBench
from transformer_bench import Bench as DbtBench
from transformer_bench import Database, emulator


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The emulator; the environment of a service that works on it."""
    with emulator(tmp_path_factory.mktemp("transformer-stack")) as found:
        yield found


@pytest.fixture(scope="session")
def database(environment: dict[str, str]) -> Iterator[Database]:
    """A database without models."""
    with closing(Database(environment)) as made:
        yield made


@pytest.fixture(params=["twin", "real"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Each promise is checked on the twin and on the real adapter."""
    if request.param == "twin":
        yield TwinBench()
        return
    with closing(RealBench(request.getfixturevalue("database"))) as real:
        yield real


@pytest.fixture(scope="session")
def project(environment: dict[str, str]) -> Iterator[DbtBench]:
    """One database for all tests of the models, so that the project is parsed once."""
    with closing(DbtBench(environment)) as made:
        yield made


@pytest.fixture
def dbt(project: DbtBench) -> DbtBench:
    """That database without rows."""
    project.empty()
    return project
