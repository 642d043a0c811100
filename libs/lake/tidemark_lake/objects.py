"""Small JSON objects beside the lake, on S3.

`Folder` is all that decisions, manifests and results need of an object store. An outage leaves it as Retryable; the
client itself tries a request three times, so nothing above it retries again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tidemark.errors import Retryable

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_TAKEN = frozenset({"PreconditionFailed", "412"})
_MISSING = frozenset({"NoSuchKey", "404", "NotFound"})


def s3_client(region: str, endpoint: str | None) -> "S3Client":
    """An S3 client; credentials come from the standard chain, `endpoint` only differs in the lab."""
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 3},
        connect_timeout=3,
        read_timeout=20,
        s3={"addressing_style": "path"} if endpoint else {},
    )
    return boto3.client("s3", region_name=region, endpoint_url=endpoint, config=config)


class Folder:
    """The objects below one `s3://bucket/prefix`. Names are relative to it; every method raises Retryable."""

    def __init__(self, client: "S3Client", uri: str) -> None:
        parts = urlsplit(uri)
        self._client = client
        self._bucket = parts.netloc
        self._prefix = parts.path.strip("/")
        self.uri = uri.rstrip("/")

    def read(self, name: str) -> bytes | None:
        """The object's bytes, or None if there is no such object."""
        with _outages(name):
            try:
                return self._client.get_object(Bucket=self._bucket, Key=self._key(name))["Body"].read()
            except ClientError as error:
                if _code(error) in _MISSING:
                    return None
                raise

    def write(self, name: str, body: bytes) -> None:
        """Write the object, over an older one if need be."""
        with _outages(name):
            self._client.put_object(Bucket=self._bucket, Key=self._key(name), Body=body)

    def create(self, name: str, body: bytes) -> bool:
        """Write the object only if nobody has; False if somebody has. Our own retried request counts as ours."""
        with _outages(name):
            try:
                self._client.put_object(Bucket=self._bucket, Key=self._key(name), Body=body, IfNoneMatch="*")
            except ClientError as error:
                if _code(error) in _TAKEN:
                    return self.read(name) == body
                raise
            return True

    def names(self, below: str, after: str = "") -> list[str]:
        """Names that start with `below`, in order, those after `after` only."""
        found: list[str] = []
        with _outages(below):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._key(below), StartAfter=self._key(after) if after else ""
            )
            for page in pages:
                found += [item["Key"][len(self._prefix) + 1 :] for item in page.get("Contents", [])]
        return found

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name


@contextmanager
def _outages(name: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise Retryable(f"the object store did not answer for {name}: {error}") from error


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
