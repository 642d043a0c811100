"""The state folder of these suites, on the lab's store, one for each test."""

from itertools import count

import pytest

from tidemark.settings import LakeSettings
from tidemark_lake.objects import Folder, s3_client

NUMBERS = count(1)


@pytest.fixture
def folder(lake_settings: LakeSettings) -> Folder:
    """Manifests and results."""
    client = s3_client(lake_settings.aws_region, lake_settings.s3_endpoint)
    return Folder(client, f"s3://lake/state_{next(NUMBERS)}")
