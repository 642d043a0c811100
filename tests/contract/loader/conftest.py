"""The loader's contract runs on twins and on the lab's store and warehouse emulator."""

import os
import subprocess
import sys
from collections.abc import Iterator

import boto3
import clouds  # tests/support
import pytest
from loader_benches import RealBench, TwinBench
from loader_runs import Bench
from waiting import until_answered

from tidemark_lab import ports

PATIENCE = ["--lock-seconds", "6", "--idle-seconds", "2"]  # a lock is waited for, and a silent holder borne, so long


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The store and the warehouse emulator, real ones in cloud-check; the environment of a service on them."""
    if clouds.name():
        yield dict(os.environ)
        return
    home = tmp_path_factory.mktemp("loader-stack")
    store, warehouse = ports.choose({"stack": ["store", "warehouse"]}, {})["stack"].values()
    endpoint = f"http://127.0.0.1:{store}"
    aws = {"AWS_ACCESS_KEY_ID": "lab", "AWS_SECRET_ACCESS_KEY": "lab", "AWS_REGION": "us-east-1"}
    commands = [
        ["tidemark_lab.store", "--port", str(store), "--data", str(home / "store")],
        [
            "tidemark_lab.warehouse",
            "--port",
            str(warehouse),
            "--data",
            str(home / "wh"),
            "--s3-endpoint",
            endpoint,
            *PATIENCE,
        ],
    ]
    with (home / "log").open("w") as log:
        started = [
            subprocess.Popen([sys.executable, "-m", *command], env=os.environ | aws, stdout=log, stderr=log)
            for command in commands
        ]
        try:
            until_answered(endpoint, home / "log")
            until_answered(f"http://127.0.0.1:{warehouse}/", home / "log")
            boto3.client(
                "s3",
                endpoint_url=endpoint,
                region_name="us-east-1",
                aws_access_key_id="lab",
                aws_secret_access_key="lab",
            ).create_bucket(Bucket="lake")
            yield aws | {
                "TIDEMARK_S3_ENDPOINT": endpoint,
                "TIDEMARK_GLUE_ENDPOINT": endpoint,
                "TIDEMARK_SNOWFLAKE_ACCOUNT": "fakesnow",
                "TIDEMARK_SNOWFLAKE_USER": "tidemark",
                "TIDEMARK_SNOWFLAKE_PASSWORD": "lab",
                "TIDEMARK_SNOWFLAKE_HOST": "127.0.0.1",
                "TIDEMARK_SNOWFLAKE_PORT": str(warehouse),
                "TIDEMARK_SNOWFLAKE_PROTOCOL": "http",
            }
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(20)


@pytest.fixture(params=["twin", "real"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """Each promise is checked on the twin and on the real adapters."""
    return TwinBench() if request.param == "twin" else RealBench(request.getfixturevalue("stack"))


@pytest.fixture
def real(stack: dict[str, str]) -> RealBench:
    """For what only the real adapters can show."""
    return RealBench(stack)
