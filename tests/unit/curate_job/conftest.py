"""A local Spark once per test session, and empty lakes in it (tests/support/curate_lake.py)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from curate_lake import Lake, local_spark


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The session."""
    with local_spark(tmp_path_factory.mktemp("warehouse")) as session:
        yield session


@pytest.fixture(params=["few rows", "many rows"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The job treats small cuts and tables otherwise than large ones; what comes out must be the same."""
    if request.param == "many rows":
        monkeypatch.setattr("curate_job.main.SMALL_ROWS", 0)
        monkeypatch.setattr("curate_job.publish.REWRITTEN_ROWS", -1)
    return str(request.param)


@pytest.fixture
def merged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The job merges into the curated tables, as into large ones, and writes none of them anew."""
    monkeypatch.setattr("curate_job.publish.REWRITTEN_ROWS", -1)


@pytest.fixture
def large_tables(merged: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job takes the curated tables for large ones in all: it reads them by generated code as well."""
    monkeypatch.setattr("curate_job.tune.INTERPRETED_ROWS", -1)


@pytest.fixture
def lake(spark: Any, tmp_path: Path, request: pytest.FixtureRequest, size: str) -> Lake:
    """An empty lake of the ecommerce dataset."""
    return Lake(spark, tmp_path, re.sub(r"\W", "_", request.node.name).lower())


@pytest.fixture
def events(spark: Any, tmp_path: Path, request: pytest.FixtureRequest, size: str) -> Lake:
    """An empty lake of the events dataset."""
    return Lake(spark, tmp_path, re.sub(r"\W", "_", request.node.name).lower(), "events")
