"""The state folder of these suites, on the lab's store, one for each test, and a job on Kubernetes."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from job_benches import KubernetesBench, on_kubernetes

from tidemark.settings import LakeSettings
from tidemark_lake.objects import Folder, s3_client

NUMBERS = count(1)


@pytest.fixture
def folder(lake_settings: LakeSettings) -> Folder:
    """Manifests and results."""
    client = s3_client(lake_settings.aws_region, lake_settings.s3_endpoint)
    return Folder(client, f"s3://lake/state_{next(NUMBERS)}")


@pytest.fixture
def bench(folder: Folder, tmp_path: Path) -> Iterator[KubernetesBench]:
    """A cluster whose operator takes applications up at once."""
    with on_kubernetes(folder, tmp_path) as kubernetes:
        yield kubernetes
