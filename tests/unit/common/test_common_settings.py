"""Settings come from the environment and complain once, about everything."""

import pytest

from tidemark.errors import SettingsError
from tidemark.settings import ClickHouseSettings, LakeSettings, RunnerSettings, SnowflakeSettings, SparkSettings, load


class Everything(RunnerSettings, SnowflakeSettings, ClickHouseSettings, LakeSettings):
    """A service that needs all groups."""


def test_all_missing_and_wrong_names_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One error names every variable; an empty one counts as missing; no value is shown."""
    monkeypatch.setenv("TIDEMARK_CLICKHOUSE_PORT", "hunter2")
    monkeypatch.setenv("TIDEMARK_SNOWFLAKE_USER", "")
    with pytest.raises(SettingsError) as caught:
        load(Everything)
    message = str(caught.value)
    expected = [
        "TIDEMARK_KAFKA_BOOTSTRAP is missing",
        "TIDEMARK_SNOWFLAKE_ACCOUNT is missing",
        "TIDEMARK_SNOWFLAKE_USER is missing",
        "TIDEMARK_SNOWFLAKE_PASSWORD",
        "TIDEMARK_CLICKHOUSE_HOST is missing",
        "TIDEMARK_CLICKHOUSE_PORT: Input should be a valid integer",
    ]
    assert expected == [part for part in expected if part in message]
    assert "hunter2" not in message


def test_a_stand_in_warehouse_gives_up_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time-outs are set only when a host of its own is given; unset values are not passed on."""
    for name, value in {"ACCOUNT": "a", "USER": "u", "PASSWORD": "p"}.items():
        monkeypatch.setenv(f"TIDEMARK_SNOWFLAKE_{name}", value)
    real = load(SnowflakeSettings).connect_arguments()
    monkeypatch.setenv("TIDEMARK_SNOWFLAKE_HOST", "127.0.0.1")
    monkeypatch.setenv("TIDEMARK_SNOWFLAKE_PORT", "8084")
    lab = load(SnowflakeSettings).connect_arguments()
    assert real == {"account": "a", "user": "u", "password": "p", "database": "TIDEMARK"}
    assert lab == {**real, "host": "127.0.0.1", "port": 8084, "network_timeout": 1, "socket_timeout": 900}


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Printing settings does not print the password."""
    for name, value in {"ACCOUNT": "a", "USER": "u", "PASSWORD": "hunter2"}.items():
        monkeypatch.setenv(f"TIDEMARK_SNOWFLAKE_{name}", value)
    assert "hunter2" not in repr(load(SnowflakeSettings))


def test_the_catalog_talks_to_aws_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoints are passed on only when given."""
    plain = load(LakeSettings).catalog_properties()
    monkeypatch.setenv("TIDEMARK_S3_ENDPOINT", "http://127.0.0.1:1")
    assert "s3.endpoint" not in plain
    assert load(LakeSettings).catalog_properties()["s3.endpoint"] == "http://127.0.0.1:1"


@pytest.mark.parametrize("given", [(), ("DRIVER_URL", "TEMPLATE")])
def test_spark_runs_in_exactly_one_place(given: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a resident driver nor a template for Kubernetes, and both of them, are one clear message."""
    for name in given:
        monkeypatch.setenv(f"TIDEMARK_SPARK_{name}", "x")
    with pytest.raises(SettingsError) as caught:
        load(SparkSettings)
    needed = "exactly one of TIDEMARK_SPARK_DRIVER_URL and TIDEMARK_SPARK_TEMPLATE is needed"
    assert str(caught.value) == f"settings: TIDEMARK_SPARK_TEMPLATE: {needed}"


@pytest.mark.parametrize("given", ["DRIVER_URL", "TEMPLATE"])
def test_either_place_for_spark_is_enough(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the two alone; the other, empty, counts as missing."""
    for name in ("DRIVER_URL", "TEMPLATE"):
        monkeypatch.setenv(f"TIDEMARK_SPARK_{name}", "x" if name == given else "")
    settings = load(SparkSettings)
    assert [settings.spark_driver_url is None, settings.spark_template is None].count(True) == 1
