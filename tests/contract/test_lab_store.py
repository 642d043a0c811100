"""What the lab's object store and catalog promise to an Iceberg lake, against the stock clients."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import CommitFailedException
from unused_ports import unused_port

from tidemark_lab.components import Component, is_ready

pytestmark = pytest.mark.lab

ACCOUNT = {"region_name": "us-east-1", "aws_access_key_id": "lab", "aws_secret_access_key": "lab"}
ROWS = pa.table({"id": pa.array([1], pa.int64())})


class Store:
    """The store as a process of its own, so that it can be killed."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = unused_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = (sys.executable, "-m", "tidemark_lab.store", "--port", str(self.port), "--data", str(self.data))
        self.process = subprocess.Popen(command)
        asked = Component("store", command, ports={"store": self.port}, ready="/")
        deadline = time.monotonic() + 60
        while not is_ready(asked):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def s3(self) -> Any:
        config = Config(retries={"max_attempts": 1}, max_pool_connections=32)
        return boto3.client("s3", endpoint_url=self.url, config=config, **ACCOUNT)  # type: ignore[call-overload]

    def catalog(self) -> Catalog:
        return load_catalog(
            "lake",
            **{
                "type": "glue",
                "warehouse": "s3://lake/warehouse",
                "glue.endpoint": self.url,
                "glue.region": "us-east-1",
                "glue.access-key-id": "lab",
                "glue.secret-access-key": "lab",
                "s3.endpoint": self.url,
                "s3.region": "us-east-1",
                "s3.access-key-id": "lab",
                "s3.secret-access-key": "lab",
            },
        )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    running = Store(tmp_path / "store")
    running.start()
    running.s3().create_bucket(Bucket="lake")
    yield running
    running.kill()


def status_of(call: Callable[[], Any]) -> int:
    try:
        return int(call()["ResponseMetadata"]["HTTPStatusCode"])
    except ClientError as error:
        return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def body(s3: Any, key: str, **more: Any) -> bytes:
    return bytes(s3.get_object(Bucket="lake", Key=key, **more)["Body"].read())


def keys(s3: Any) -> list[str]:
    return [found["Key"] for found in s3.list_objects_v2(Bucket="lake").get("Contents", [])]


def test_of_many_conditional_writers_one_wins(store: Store) -> None:
    """If-None-Match: exactly one writer of a key is told that it was first, and its bytes stand."""
    s3 = store.s3()

    def write(number: int) -> int:
        return status_of(
            lambda: s3.put_object(Bucket="lake", Key=f"d/{number % 4}", Body=str(number).encode(), IfNoneMatch="*")
        )

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(write, range(64)))
    winners = {number % 4: str(number).encode() for number, answer in enumerate(answers) if answer == 200}
    assert (answers.count(200), answers.count(412)) == (4, 60)
    assert {key: body(s3, f"d/{key}") for key in range(4)} == winners


def test_objects_outlive_the_process(store: Store) -> None:
    """Every acknowledged write, delete and multipart upload is there after a kill -9, and conditions hold on it."""
    s3, large = store.s3(), bytes(range(256)) * 65_536
    s3.put_object(Bucket="lake", Key="a/b", Body=b"old")
    s3.put_object(Bucket="lake", Key="a/b", Body=b"new", ContentType="text/plain", Metadata={"run": "1"})
    s3.put_object(Bucket="lake", Key="a", Body=b"")
    for gone in ("gone/1", "gone/2", "gone/3"):
        s3.put_object(Bucket="lake", Key=gone, Body=b"x")
    s3.delete_object(Bucket="lake", Key="gone/1")
    s3.delete_objects(Bucket="lake", Delete={"Objects": [{"Key": "gone/2"}, {"Key": "gone/3"}]})
    parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    s3.upload_fileobj(BytesIO(large), "lake", "large ü+&?.bin", Config=parts)
    s3.copy_object(Bucket="lake", Key="copy", CopySource={"Bucket": "lake", "Key": "a/b"})
    before = [s3.head_object(Bucket="lake", Key=key) for key in keys(s3)]
    store.kill()
    store.start()
    assert keys(s3) == ["a", "a/b", "copy", "large ü+&?.bin"]
    assert (body(s3, "a/b"), body(s3, "a"), body(s3, "copy")) == (b"new", b"", b"new")
    assert body(s3, "large ü+&?.bin") == large
    assert body(s3, "large ü+&?.bin", Range="bytes=5-9") == large[5:10]
    facts = ("ETag", "ContentLength", "LastModified", "ContentType", "Metadata")
    after = [s3.head_object(Bucket="lake", Key=key) for key in keys(s3)]
    assert [[said[fact] for fact in facts] for said in after] == [[said[fact] for fact in facts] for said in before]
    assert status_of(lambda: s3.put_object(Bucket="lake", Key="a", Body=b"2", IfNoneMatch="*")) == 412
    assert status_of(lambda: s3.put_object(Bucket="lake", Key="gone/1", Body=b"2", IfNoneMatch="*")) == 200


def test_an_upload_that_the_restart_forgot_is_unknown(store: Store) -> None:
    """The client is told so (404) instead of asking for ever."""
    s3 = store.s3()
    upload = s3.create_multipart_upload(Bucket="lake", Key="big")["UploadId"]
    store.kill()
    store.start()
    assert status_of(lambda: s3.upload_part(Bucket="lake", Key="big", UploadId=upload, PartNumber=1, Body=b"1")) == 404


def test_no_acknowledged_commit_is_lost(store: Store) -> None:
    """Writers race on one table: every append that was acknowledged is in the table at the end."""
    table = store.catalog()
    table.create_namespace("shop")
    table.create_table("shop.orders", schema=ROWS.schema)

    def write(_: int) -> int:
        mine, done = store.catalog().load_table("shop.orders"), 0
        while done < 4:
            try:
                mine.append(ROWS)
                done += 1
            except CommitFailedException:
                mine.refresh()
        return done

    with ThreadPoolExecutor(4) as pool:
        acknowledged = sum(pool.map(write, range(4)))
    found = store.catalog().load_table("shop.orders")
    assert (found.scan().to_arrow().num_rows, len(found.metadata.snapshots)) == (acknowledged, acknowledged)


def test_the_catalog_outlives_the_process(store: Store) -> None:
    """Tables, their versions and dropped ones are as they were; commits go on."""
    catalog = store.catalog()
    catalog.create_namespace("shop")
    catalog.create_table("shop.dropped", schema=ROWS.schema)
    catalog.drop_table("shop.dropped")
    table = catalog.create_table("shop.orders", schema=ROWS.schema)
    table.append(ROWS)
    store.kill()
    store.start()
    after = store.catalog()
    assert after.list_tables("shop") == [("shop", "orders")]
    table.append(ROWS)  # the old client's version of the table is still the current one
    after.load_table("shop.orders").append(ROWS)
    assert after.load_table("shop.orders").scan().to_arrow().num_rows == 3
