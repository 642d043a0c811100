"""Real accounts for `make cloud-check`: what has to be named, places of the check's own in them, and their removal.

Every place bears the check's name: a prefix under TIDEMARK_LAKE_WAREHOUSE, Glue databases, Snowflake databases, a
ClickHouse database. tests/cloud/check.py makes and removes them; the tests that it runs find them in their environment.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any

import boto3
import clickhouse_connect
from pyiceberg.catalog import Catalog

from tidemark.settings import ClickHouseSettings, LakeSettings, SnowflakeSettings, load
from tidemark_lake.catalog import open_catalog
from tidemark_lake.objects import s3_client
from tidemark_warehouse import connect, execute, quote

NAME = "CLOUD_CHECK_NAME"
NEEDED = {
    "S3 and Glue": ("TIDEMARK_LAKE_WAREHOUSE", "TIDEMARK_AWS_REGION"),
    "Snowflake": ("TIDEMARK_SNOWFLAKE_ACCOUNT", "TIDEMARK_SNOWFLAKE_USER"),
    "ClickHouse": ("TIDEMARK_CLICKHOUSE_HOST", "TIDEMARK_CLICKHOUSE_PORT"),
}
SECRETS = ("TIDEMARK_SNOWFLAKE_PASSWORD", "TIDEMARK_SNOWFLAKE_PRIVATE_KEY_FILE")
_NAMESPACE = re.compile(r'^(source|curated) = "(\w+)"', re.MULTILINE)


def missing(environment: Mapping[str, str]) -> list[str]:
    """What is not named, one sentence an account; credentials of AWS may come from wherever its clients find them."""
    lacking = {what: [n for n in names if not environment.get(n)] for what, names in NEEDED.items()}
    if not any(environment.get(name) for name in SECRETS):
        lacking["Snowflake"].append(f"one of {' and '.join(SECRETS)}")
    if boto3.Session().get_credentials() is None:
        lacking["S3 and Glue"].append("credentials of AWS")
    return [f"{what}: {', '.join(names)}" for what, names in lacking.items() if names]


def places(environment: Mapping[str, str], name: str, folder: Path) -> dict[str, str]:
    """Settings that lead everything to places called `name`; `folder` gets a registry with databases of that name."""
    tables = folder / "tables.toml"
    text = files("tidemark").joinpath("tables.toml").read_text()
    tables.write_text(_NAMESPACE.sub(rf'\1 = "{name}_\2"', text))
    under = f"{environment['TIDEMARK_LAKE_WAREHOUSE'].rstrip('/')}/{name}"
    return {
        NAME: name,
        "TIDEMARK_REGISTRY": str(tables),
        "TIDEMARK_LAKE_WAREHOUSE": f"{under}/warehouse",
        "TIDEMARK_LAKE_STATE": f"{under}/tidemark",
        "TIDEMARK_SNOWFLAKE_DATABASE": name.upper(),
        "TIDEMARK_CLICKHOUSE_DATABASE": name,
    }


def make() -> None:
    """The databases that nothing of the chain makes: Snowflake's, and the speed layer's with its tables."""
    make_database(load(SnowflakeSettings))
    known = load(ClickHouseSettings)
    text = files("tidemark_lab").joinpath("sql/speed.sql").read_text()
    statements = re.sub(r"\bspeed(?=[.;])", known.clickhouse_database, text).split(";")
    client = clickhouse_connect.get_client(**known.client_arguments() | {"database": "default"})
    for statement in filter(str.strip, statements):
        client.command(statement)


def make_database(settings: SnowflakeSettings) -> None:
    """A database for the check, or for one of its tests."""
    with closing(connect(settings)) as session:
        execute(session, f"CREATE DATABASE IF NOT EXISTS {quote(settings.snowflake_database)}")


def remove(name: str) -> list[str]:
    """Take away all that bears the name; what was taken, one a line."""
    return [*_from_glue(name), *_from_s3(), *_from_snowflake(name), *_from_clickhouse(name)]


def _from_glue(name: str) -> Iterator[str]:
    catalog: Catalog = open_catalog(load(LakeSettings).catalog_properties())
    for (database,) in catalog.list_namespaces():
        if database.startswith(f"{name}_"):
            for table in catalog.list_tables(database):
                catalog.drop_table(table)
            catalog.drop_namespace(database)
            yield f"Glue's database {database}"


def _from_s3() -> Iterator[str]:
    lake = load(LakeSettings)
    client: Any = s3_client(lake.aws_region, lake.s3_endpoint)
    for place in (lake.lake_warehouse, lake.lake_state):
        bucket, _, prefix = place.removeprefix("s3://").partition("/")
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/"):
            for found in page.get("Contents", []):
                client.delete_object(Bucket=bucket, Key=found["Key"])
        yield f"all objects of {place}"


def _from_snowflake(name: str) -> Iterator[str]:
    with closing(connect(load(SnowflakeSettings))) as session:
        rows = execute(session, "SELECT DATABASE_NAME FROM INFORMATION_SCHEMA.DATABASES")
        for (database,) in rows:
            if str(database).startswith(name.upper()):
                execute(session, f"DROP DATABASE {quote(str(database))}")
                yield f"Snowflake's database {database}"


def _from_clickhouse(name: str) -> Iterator[str]:
    client = clickhouse_connect.get_client(**load(ClickHouseSettings).client_arguments() | {"database": "default"})
    client.command(f"DROP DATABASE IF EXISTS {quote(name)}")
    yield f"ClickHouse's database {name}"


def name() -> str | None:
    """The check's name, in a test that it runs; None: the tests run on the lab."""
    return os.environ.get(NAME)


def own(word: str) -> str:
    """A word as the name of a place: as it is on the lab, the check's own in an account."""
    return f"{name()}_{word}" if name() else word
