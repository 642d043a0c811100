"""Both engines as the reconciler meets them: the lab's ClickHouse front and the warehouse emulator, empty."""

from collections.abc import Callable, Iterator
from contextlib import closing

import clickhouse_connect
import pytest
from click.testing import Result
from clickhouse_connect.driver.client import Client
from lab_parts import KEYS, address, lab_parts, made_bucket, warehouse_environment
from pydantic import SecretStr
from reconciler_engines import Engines
from rich.console import Console
from snowflake.connector import SnowflakeConnection
from typer.testing import CliRunner

from reconciler.command import app
from tidemark.settings import ClickHouseSettings, LakeSettings, SnowflakeSettings
from tidemark_lake.objects import Folder, s3_client
from tidemark_warehouse import connect, initialise


class WarehouseSettings(SnowflakeSettings, LakeSettings):
    """What initialise() needs."""


@pytest.fixture(scope="session")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """The ports of store, ClickHouse and warehouse."""
    with lab_parts(tmp_path_factory.mktemp("reconciler-engines"), "store", "clickhouse", "warehouse") as found:
        yield found


@pytest.fixture(scope="session")
def store(ports: dict[str, int]) -> str:
    """The address of S3 and Glue."""
    return address(ports["store"])


@pytest.fixture(scope="session")
def clickhouse_settings(ports: dict[str, int]) -> ClickHouseSettings:
    return ClickHouseSettings(clickhouse_host="127.0.0.1", clickhouse_port=ports["clickhouse"])


@pytest.fixture(scope="session")
def speed(clickhouse_settings: ClickHouseSettings) -> Client:
    """A client for the tests' own statements."""
    return clickhouse_connect.get_client(**clickhouse_settings.client_arguments(), autogenerate_session_id=False)


@pytest.fixture(scope="session")
def snowflake_settings(ports: dict[str, int], store: str) -> SnowflakeSettings:
    return WarehouseSettings(
        snowflake_account="fakesnow",
        snowflake_user="tidemark",
        snowflake_password=SecretStr("lab"),
        snowflake_host="127.0.0.1",
        snowflake_port=ports["warehouse"],
        snowflake_protocol="http",
        s3_endpoint=store,
    )


@pytest.fixture(scope="session")
def warehouse(snowflake_settings: WarehouseSettings) -> Iterator[SnowflakeConnection]:
    """A session for the tests' own statements, in a database with all of tidemark's objects."""
    with closing(connect(snowflake_settings)) as connection:
        initialise(connection, snowflake_settings)
        yield connection


@pytest.fixture(scope="session")
def lake(store: str) -> Iterator[LakeSettings]:
    """An empty lake; the environment holds its keys."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        made_bucket(store, "lake")
        yield LakeSettings(s3_endpoint=store, glue_endpoint=store)


@pytest.fixture
def engines(
    speed: Client,
    warehouse: SnowflakeConnection,
    clickhouse_settings: ClickHouseSettings,
    snowflake_settings: SnowflakeSettings,
    lake: LakeSettings,
) -> Engines:
    """Both engines, emptied, and the reconciler on them."""
    folder = Folder(s3_client(lake.aws_region, lake.s3_endpoint), lake.lake_state)
    return Engines(speed, warehouse, (clickhouse_settings, snowflake_settings), folder)


@pytest.fixture
def commands(
    ports: dict[str, int], store: str, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """`tidemark reconcile` with the settings of these engines, in a terminal of 80 columns."""
    speed = {"TIDEMARK_CLICKHOUSE_HOST": "127.0.0.1", "TIDEMARK_CLICKHOUSE_PORT": str(ports["clickhouse"])}
    settings = {**speed, **warehouse_environment(ports["warehouse"]), "TIDEMARK_S3_ENDPOINT": store}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("reconciler.command.console", Console(width=80, force_terminal=False))
    return lambda *words, **more: CliRunner().invoke(app, words, catch_exceptions=False, **more)
