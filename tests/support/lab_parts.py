"""Parts of the lab as processes of their own, for tests that need neither its keeper nor a broker."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from pyiceberg.catalog import Catalog
from waiting import until_answered

from tidemark_lab.ports import choose
from tidemark_lake.catalog import open_catalog

KEYS = {"AWS_ACCESS_KEY_ID": "lab", "AWS_SECRET_ACCESS_KEY": "lab", "AWS_REGION": "us-east-1"}
READY = {"store": "/", "warehouse": "/", "clickhouse": "/ping"}


def address(port: int) -> str:
    """Of what listens at a port of this machine."""
    return f"http://127.0.0.1:{port}"


def made_bucket(endpoint: str, name: str) -> Any:
    """A client of the store, which has this bucket now."""
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=KEYS["AWS_REGION"],
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
    )
    client.create_bucket(Bucket=name)
    return client


def catalog_of(properties: Mapping[str, str]) -> Catalog:
    """The catalog, opened once per process: a client of Glue takes a tenth of a second to make."""
    return _opened(frozenset(properties.items()))


@cache
def _opened(properties: frozenset[tuple[str, str]]) -> Catalog:
    return open_catalog(dict(properties))


@contextmanager
def lab_parts(home: Path, *names: str, patience: tuple[str, ...] = ()) -> Iterator[dict[str, int]]:
    """Their ports, once all of them answer. A warehouse copies from the store beside it; `patience` is its own."""
    ports = choose({"parts": names}, {})["parts"]
    more = {"warehouse": [*(["--s3-endpoint", address(ports["store"])] if "store" in ports else []), *patience]}
    commands = [
        [f"tidemark_lab.{name}", "--port", str(port), "--data", str(home / name), *more.get(name, [])]
        for name, port in ports.items()
    ]
    environment = os.environ | KEYS | {"MALLOC_ARENA_MAX": "2"}
    with (home / "log").open("w") as log:
        started = [
            subprocess.Popen([sys.executable, "-m", *command], env=environment, stdout=log, stderr=log)
            for command in commands
        ]
        try:
            for name, port in ports.items():
                until_answered(address(port) + READY[name], home / "log")
            yield ports
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(20)


def warehouse_environment(port: int) -> dict[str, str]:
    """The settings of a service that works on the warehouse at this port."""
    return {
        "TIDEMARK_SNOWFLAKE_ACCOUNT": "lab",
        "TIDEMARK_SNOWFLAKE_USER": "tidemark",
        "TIDEMARK_SNOWFLAKE_PASSWORD": "lab",
        "TIDEMARK_SNOWFLAKE_HOST": "127.0.0.1",
        "TIDEMARK_SNOWFLAKE_PORT": str(port),
        "TIDEMARK_SNOWFLAKE_PROTOCOL": "http",
    }
