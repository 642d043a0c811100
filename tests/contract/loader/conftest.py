"""The loader's contract runs on twins and on the lab's store and warehouse emulator."""

import os
from collections.abc import Iterator

import clouds  # tests/support
import pytest
from lab_parts import KEYS, address, lab_parts, made_bucket, warehouse_environment
from loader_benches import RealBench, TwinBench
from loader_runs import Bench

PATIENCE = ("--lock-seconds", "6", "--idle-seconds", "2")  # a lock is waited for, and a silent holder borne, so long


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The store and the warehouse emulator, real ones in cloud-check; the environment of a service on them."""
    if clouds.name():
        yield dict(os.environ)
        return
    with lab_parts(tmp_path_factory.mktemp("loader-stack"), "store", "warehouse", patience=PATIENCE) as ports:
        endpoint = address(ports["store"])
        made_bucket(endpoint, "lake")
        s3 = {"TIDEMARK_S3_ENDPOINT": endpoint, "TIDEMARK_GLUE_ENDPOINT": endpoint}
        yield KEYS | s3 | warehouse_environment(ports["warehouse"])


@pytest.fixture(params=["twin", "real"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """Each promise is checked on the twin and on the real adapters."""
    return TwinBench() if request.param == "twin" else RealBench(request.getfixturevalue("stack"))


@pytest.fixture
def real(stack: dict[str, str]) -> RealBench:
    """For what only the real adapters can show."""
    return RealBench(stack)
