"""Both engines as the reconciler meets them: the lab's ClickHouse front and the warehouse emulator, empty."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import boto3
import clickhouse_connect
import pytest
from click.testing import Result
from clickhouse_connect.driver.client import Client
from pydantic import SecretStr
from reconciler_engines import Engines
from rich.console import Console
from snowflake.connector import SnowflakeConnection
from typer.testing import CliRunner
from unused_ports import unused_port
from waiting import until_answered

from reconciler.command import app
from tidemark.settings import ClickHouseSettings, LakeSettings, SnowflakeSettings
from tidemark_lab.ports import choose
from tidemark_lake.objects import Folder, s3_client
from tidemark_warehouse import connect, initialise

KEYS = {"AWS_ACCESS_KEY_ID": "lab", "AWS_SECRET_ACCESS_KEY": "lab", "AWS_REGION": "us-east-1"}


class WarehouseSettings(SnowflakeSettings, LakeSettings):
    """What initialise() needs."""


@pytest.fixture(scope="session")
def store() -> str:
    """The address of S3 and Glue."""
    return f"http://127.0.0.1:{unused_port()}"


@pytest.fixture(scope="session")
def ports(tmp_path_factory: pytest.TempPathFactory, store: str) -> Iterator[tuple[int, int]]:
    """The ports of ClickHouse and of the warehouse."""
    home = tmp_path_factory.mktemp("reconciler-engines")
    clickhouse, warehouse = choose({"stack": ["clickhouse", "warehouse"]}, {})["stack"].values()
    port = store.rsplit(":", 1)[1]
    commands = [
        ["tidemark_lab.store", "--port", port, "--data", str(home / "store")],
        ["tidemark_lab.clickhouse", "--port", str(clickhouse), "--data", str(home / "clickhouse")],
        ["tidemark_lab.warehouse", "--port", str(warehouse), "--data", str(home / "warehouse"), "--s3-endpoint", store],
    ]
    with (home / "log").open("w") as log:
        environment = os.environ | KEYS | {"MALLOC_ARENA_MAX": "2"}
        started = [
            subprocess.Popen([sys.executable, "-m", *command], env=environment, stdout=log, stderr=log)
            for command in commands
        ]
        try:
            until_answered(store, home / "log")
            until_answered(f"http://127.0.0.1:{clickhouse}/ping", home / "log")
            until_answered(f"http://127.0.0.1:{warehouse}/", home / "log")
            yield clickhouse, warehouse
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(20)


@pytest.fixture(scope="session")
def clickhouse_settings(ports: tuple[int, int]) -> ClickHouseSettings:
    return ClickHouseSettings(clickhouse_host="127.0.0.1", clickhouse_port=ports[0])


@pytest.fixture(scope="session")
def speed(clickhouse_settings: ClickHouseSettings) -> Client:
    """A client for the tests' own statements."""
    return clickhouse_connect.get_client(**clickhouse_settings.client_arguments(), autogenerate_session_id=False)


@pytest.fixture(scope="session")
def snowflake_settings(ports: tuple[int, int], store: str) -> SnowflakeSettings:
    return WarehouseSettings(
        snowflake_account="fakesnow",
        snowflake_user="tidemark",
        snowflake_password=SecretStr("lab"),
        snowflake_host="127.0.0.1",
        snowflake_port=ports[1],
        snowflake_protocol="http",
        s3_endpoint=store,
    )


@pytest.fixture(scope="session")
def warehouse(snowflake_settings: WarehouseSettings) -> SnowflakeConnection:
    """A session for the tests' own statements, in a database with all of tidemark's objects."""
    connection = connect(snowflake_settings)
    initialise(connection, snowflake_settings)
    return connection


@pytest.fixture(scope="session")
def lake(store: str, ports: tuple[int, int]) -> Iterator[LakeSettings]:
    """An empty lake; the environment holds its keys."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        boto3.client("s3", endpoint_url=store, region_name="us-east-1").create_bucket(Bucket="lake")
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
    ports: tuple[int, int], store: str, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """`tidemark reconcile` with the settings of these engines, in a terminal of 80 columns."""
    settings = {
        "CLICKHOUSE_HOST": "127.0.0.1", "CLICKHOUSE_PORT": str(ports[0]), "SNOWFLAKE_ACCOUNT": "fakesnow",
        "SNOWFLAKE_USER": "tidemark", "SNOWFLAKE_PASSWORD": "lab", "SNOWFLAKE_HOST": "127.0.0.1",
        "SNOWFLAKE_PORT": str(ports[1]), "SNOWFLAKE_PROTOCOL": "http", "S3_ENDPOINT": store,
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(f"TIDEMARK_{name}", value)
    monkeypatch.setattr("reconciler.command.console", Console(width=80, force_terminal=False))
    return lambda *words, **more: CliRunner().invoke(app, words, catch_exceptions=False, **more)
