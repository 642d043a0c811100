"""A store of its own, with the catalog, for the contract suites that need no more of the lab; a browser."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clouds  # tests/support
import pytest
from chromium import browser as browser
from unused_ports import unused_port

from tidemark.settings import LakeSettings, load
from tidemark_lab.components import Component, is_ready
from tidemark_lake.objects import s3_client


@pytest.fixture(scope="module")
def lake_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LakeSettings]:
    """The lab's object store and catalog, started for one module; a bucket named `lake`. Real ones in cloud-check."""
    if clouds.name():
        yield load(LakeSettings)
        return
    port = unused_port()
    data = tmp_path_factory.mktemp("store")
    command = (sys.executable, "-m", "tidemark_lab.store", "--port", str(port), "--data", str(Path(data)))
    process = subprocess.Popen(command)
    patch: Any = pytest.MonkeyPatch()
    try:
        asked, deadline = Component("store", command, ports={"store": port}, ready="/"), time.monotonic() + 60
        while not is_ready(asked):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for name in ("TIDEMARK_S3_ENDPOINT", "TIDEMARK_GLUE_ENDPOINT"):
            patch.setenv(name, f"http://127.0.0.1:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "lab")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        settings = load(LakeSettings)
        s3_client(settings.aws_region, settings.s3_endpoint).create_bucket(Bucket="lake")
        yield settings
    finally:
        patch.undo()
        process.kill()
        process.wait()
