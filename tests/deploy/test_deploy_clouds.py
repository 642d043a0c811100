"""What `make cloud-check` does before it reaches any account: what it asks for, and where its places are."""

from pathlib import Path

import boto3
import clouds
import pytest

from tidemark.tables import read_registry

NAMED = {
    "TIDEMARK_LAKE_WAREHOUSE": "s3://bucket/checks/",
    "TIDEMARK_AWS_REGION": "eu-central-1",
    "TIDEMARK_SNOWFLAKE_ACCOUNT": "org-account",
    "TIDEMARK_SNOWFLAKE_USER": "TIDEMARK",
    "TIDEMARK_SNOWFLAKE_PASSWORD": "x",
    "TIDEMARK_CLICKHOUSE_HOST": "speed.example",
    "TIDEMARK_CLICKHOUSE_PORT": "8443",
}


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS's clients find credentials."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")


@pytest.mark.parametrize("name", NAMED)
def test_what_is_not_named_is_asked_for(keys: None, name: str) -> None:
    """Each variable by its name; a check that lacks one is skipped."""
    assert clouds.missing(NAMED) == []
    lacking = clouds.missing({key: value for key, value in NAMED.items() if key != name})
    assert len(lacking) == 1
    assert name in lacking[0]


def test_credentials_of_aws_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever AWS's clients look, there are none."""
    monkeypatch.setattr(boto3.Session, "get_credentials", lambda self: None)
    assert clouds.missing(NAMED) == ["S3 and Glue: credentials of AWS"]


def test_every_place_bears_the_checks_name(tmp_path: Path) -> None:
    """Folders, databases of every store, and the namespaces of the registry; the registry is otherwise the same."""
    found = clouds.places(NAMED, "check_1", tmp_path)
    assert found["TIDEMARK_LAKE_WAREHOUSE"] == "s3://bucket/checks/check_1/warehouse"
    assert found["TIDEMARK_LAKE_STATE"] == "s3://bucket/checks/check_1/tidemark"
    assert found["TIDEMARK_SNOWFLAKE_DATABASE"] == "CHECK_1"
    assert found["TIDEMARK_CLICKHOUSE_DATABASE"] == "check_1"
    known = read_registry(Path(found["TIDEMARK_REGISTRY"]))
    places = {place for dataset in known.datasets.values() for place in (dataset.source, dataset.curated)}
    assert places == {"check_1_ecommerce", "check_1_curated_ecommerce", "check_1_events", "check_1_curated_events"}
