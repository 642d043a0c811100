"""Mends moto's S3 so that objects outlive the process and conditional writes are atomic.

Stock, objects live in memory for the process's own life, and `If-None-Match: *` is checked in another step than the
write, so that two writers can both be told that they were first. Here an object's storage is its file in the index's
folder, and every request that writes holds one lock from its check to its end.
To mend another request, wrap it in `install`.
"""

import datetime
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.exceptions import MissingKey, NoSuchUpload
from moto.s3.models import FakeBucket, FakeKey, S3Backend, s3_backends
from moto.s3.responses import S3Response

from tidemark_lab.store_index import Index

_lock = threading.RLock()
_stock_value: Any = FakeKey.value


def install(index: Index) -> None:
    """Mends the classes and reads back what the index holds."""
    FakeKey.value = property(_value, _stock_value.fset)
    FakeKey.set_metadata = _kept_metadata(index, FakeKey.set_metadata)
    S3Backend.put_object = _kept_object(index, S3Backend.put_object)
    S3Backend.delete_object = _kept_deletion(index, S3Backend.delete_object)
    S3Backend.create_bucket = _kept_bucket(index, S3Backend.create_bucket)
    S3Backend.delete_bucket = _forgotten_bucket(index, S3Backend.delete_bucket)
    S3Backend.complete_multipart_upload = _finished(S3Backend.complete_multipart_upload)
    S3Backend.upload_part = _known(S3Backend.upload_part)
    for name in ("put_object", "copy_object", "_key_response_post", "_key_response_delete"):
        setattr(S3Response, name, _one_at_a_time(getattr(S3Response, name)))
    _read_back(index)


def _one_at_a_time(stock: Callable[..., Any]) -> Callable[..., Any]:
    def mended(*arguments: Any, **named: Any) -> Any:
        with _lock:
            return stock(*arguments, **named)

    return mended


def _value(key: FakeKey) -> bytes:
    file: Path | None = getattr(key, "file", None)
    if file is None:
        return bytes(_stock_value.fget(key))
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise MissingKey(key=key.name) from None


def _kept_object(index: Index, stock: Callable[..., FakeKey]) -> Callable[..., FakeKey]:
    def put_object(self: S3Backend, bucket_name: str, key_name: str, value: bytes, *rest: Any, **named: Any) -> FakeKey:
        if self.get_bucket(bucket_name).is_versioned:
            raise NotImplementedError("the lab's object store keeps no versions")
        key = stock(self, bucket_name, key_name, value, *rest, **named)
        modified = key.last_modified.replace(tzinfo=datetime.UTC).timestamp()
        _move_to_file(key, index.put_object(bucket_name, key_name, value, key.etag.strip('"'), modified))
        return key

    return put_object


def _move_to_file(key: FakeKey, file: Path) -> None:
    with key.lock:
        key.file = file
        key._value_buffer.close()


def _kept_metadata(index: Index, stock: Callable[..., None]) -> Callable[..., None]:
    def set_metadata(self: FakeKey, metadata: Any, replace: bool = False) -> None:
        stock(self, metadata, replace)
        if getattr(self, "file", None):
            index.set_metadata(str(self.bucket_name), self.name, dict(self.metadata))

    return set_metadata


def _kept_deletion(index: Index, stock: Callable[..., Any]) -> Callable[..., Any]:
    def delete_object(self: S3Backend, bucket_name: str, key_name: str, *rest: Any, **named: Any) -> Any:
        with _lock:
            answer = stock(self, bucket_name, key_name, *rest, **named)
            index.delete_object(bucket_name, key_name)
            return answer

    return delete_object


def _kept_bucket(index: Index, stock: Callable[..., FakeBucket]) -> Callable[..., FakeBucket]:
    def create_bucket(self: S3Backend, bucket_name: str, region_name: str, *rest: Any, **named: Any) -> FakeBucket:
        bucket = stock(self, bucket_name, region_name, *rest, **named)
        index.execute("INSERT OR REPLACE INTO bucket VALUES (?, ?)", bucket_name, region_name)
        return bucket

    return create_bucket


def _forgotten_bucket(index: Index, stock: Callable[..., Any]) -> Callable[..., Any]:
    def delete_bucket(self: S3Backend, bucket_name: str) -> Any:
        bucket = stock(self, bucket_name)
        if bucket is not None:
            index.execute("DELETE FROM bucket WHERE name = ?", bucket_name)
        return bucket

    return delete_bucket


def _finished(stock: Callable[..., FakeKey | None]) -> Callable[..., FakeKey | None]:
    """The parts are let go once the object stands; an upload that a restart has forgotten is said to be unknown."""

    def complete_multipart_upload(self: S3Backend, bucket_name: str, multipart_id: str, body: Any) -> FakeKey | None:
        if multipart_id not in self.get_bucket(bucket_name).multiparts:
            raise NoSuchUpload(upload_id=multipart_id)
        key = stock(self, bucket_name, multipart_id, body)
        if key is not None and key.multipart is not None:
            key.multipart.dispose()
            key.multipart.parts = {}
        return key

    return complete_multipart_upload


def _known(stock: Callable[..., FakeKey]) -> Callable[..., FakeKey]:
    def upload_part(self: S3Backend, bucket_name: str, multipart_id: str, *rest: Any, **named: Any) -> FakeKey:
        if multipart_id not in self.get_bucket(bucket_name).multiparts:
            raise NoSuchUpload(upload_id=multipart_id)
        return stock(self, bucket_name, multipart_id, *rest, **named)

    return upload_part


def _read_back(index: Index) -> None:
    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for name, region in index.execute("SELECT name, region FROM bucket"):
        backend.buckets[name] = FakeBucket(name, account_id=DEFAULT_ACCOUNT_ID, region_name=region)
    rows = index.execute("SELECT bucket, key, file, etag, bytes, modified, metadata FROM object ORDER BY bucket, key")
    for bucket, name, file, etag, size, modified, metadata in rows:
        key = FakeKey(name, b"", DEFAULT_ACCOUNT_ID, "us-east-1", etag=etag, version_id="null", bucket_name=bucket)
        key.contentsize = size
        key.last_modified = datetime.datetime.fromtimestamp(modified, datetime.UTC).replace(tzinfo=None)
        key._metadata.update(json.loads(metadata))
        _move_to_file(key, index.objects / file)
        backend.buckets[bucket].keys.setlist(name, [key])
