"""A store of its own, with the catalog, for the contract suites that need no more of the lab; a browser."""

from collections.abc import Iterator

import clouds  # tests/support
import pytest
from chromium import browser as browser
from lab_parts import KEYS, address, lab_parts, made_bucket

from tidemark.settings import LakeSettings, load


@pytest.fixture(scope="module")
def lake_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LakeSettings]:
    """The lab's object store and catalog, started for one module; a bucket named `lake`. Real ones in cloud-check."""
    if clouds.name():
        yield load(LakeSettings)
        return
    with lab_parts(tmp_path_factory.mktemp("store"), "store") as ports, pytest.MonkeyPatch.context() as patch:
        endpoint = address(ports["store"])
        for name in ("TIDEMARK_S3_ENDPOINT", "TIDEMARK_GLUE_ENDPOINT"):
            patch.setenv(name, endpoint)
        for name, value in (KEYS | {"AWS_DEFAULT_REGION": KEYS["AWS_REGION"]}).items():
            patch.setenv(name, value)
        made_bucket(endpoint, "lake")
        yield load(LakeSettings)
