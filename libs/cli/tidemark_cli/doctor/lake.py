"""Checks of the lake: objects can be read and written, the catalog knows the source's tables.

The right to write is shown by a write that cannot succeed: it demands that an object that does not exist has an ETag.
S3 judges the right first, so a refusal is told from the answer that there is no such object.
"""

import uuid
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tidemark.settings import LakeSettings
from tidemark.tables import registry
from tidemark_cli.doctor.check import Amiss, Check
from tidemark_lake.objects import s3_client

TROUBLES = (BotoCoreError, ClientError)
NO_OBJECT = ("NoSuchKey", "PreconditionFailed", "404", "412")
REMEDIES = {
    "nocredentials": "give credentials by the standard AWS chain (environment, profile, role)",
    "partialcredentials": "give credentials whole: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "invalidaccesskeyid": "the access key is not known: renew the credentials",
    "signaturedoesnotmatch": "the secret key is wrong: renew the credentials",
    "expiredtoken": "the credentials have expired: renew them",
    "nosuchbucket": "create the bucket, or mend TIDEMARK_LAKE_WAREHOUSE and TIDEMARK_LAKE_STATE",
    "accessdenied": "let this identity do it (docs/production.md has the policy)",
    "could not connect": "see that S3 and Glue can be reached from here; in the lab TIDEMARK_S3_ENDPOINT and "
    "TIDEMARK_GLUE_ENDPOINT say where they are",
    "entitynotfound": "the source has written nothing yet, or the registry names another namespace (tables.toml)",
    "lacks": "see that the source writes there, or mend the registry (tables.toml, TIDEMARK_REGISTRY)",
}
OTHERWISE = "see that the bucket's region is TIDEMARK_AWS_REGION and that the lake can be reached from here"


def of_lake(settings: LakeSettings) -> Iterator[Check]:
    """Read and write in both folders, then the catalog's namespaces."""
    store = s3_client(settings.aws_region, settings.s3_endpoint)

    def readable(uri: str) -> str:
        place = urlsplit(uri)
        store.list_objects_v2(Bucket=place.netloc, Prefix=place.path.strip("/"), MaxKeys=1)
        return f"{uri} can be listed"

    def writable(uri: str) -> str:
        place, never = urlsplit(uri), uuid.uuid4().hex
        key = f"{place.path.strip('/')}/doctor-{never}"
        try:
            store.put_object(Bucket=place.netloc, Key=key, Body=b"", IfMatch=never)
        except ClientError as error:
            if error.response["Error"]["Code"] not in NO_OBJECT:
                raise
        return f"{uri} may be written"

    for what, uri in (("data", settings.lake_warehouse), ("state", settings.lake_state)):
        yield Check(f"lake: read {what}", partial(readable, uri), OTHERWISE, REMEDIES, TROUBLES)
        yield Check(f"lake: write {what}", partial(writable, uri), OTHERWISE, REMEDIES, TROUBLES)
    yield from _of_catalog(settings)


def _of_catalog(settings: LakeSettings) -> Iterator[Check]:
    quick = Config(retries={"total_max_attempts": 2}, connect_timeout=3, read_timeout=10)
    glue = boto3.client("glue", region_name=settings.aws_region, endpoint_url=settings.glue_endpoint, config=quick)

    def source(namespace: str, tables: list[str]) -> str:
        pages = glue.get_paginator("get_tables").paginate(DatabaseName=namespace)
        there = {table["Name"] for page in pages for table in page["TableList"]}
        if lacking := [name for name in tables if name not in there]:
            raise Amiss(f"{namespace} lacks {', '.join(lacking)}")
        return f"{namespace} has {', '.join(tables)}"

    def curated(namespace: str) -> str:
        try:
            glue.get_database(Name=namespace)
        except glue.exceptions.EntityNotFoundException:
            return f"{namespace} is not there yet: the first run makes it"
        return f"{namespace} is there"

    for known in registry().datasets.values():
        asked = partial(source, known.source, known.tables)
        yield Check(f"catalog: {known.source}", asked, OTHERWISE, REMEDIES, TROUBLES)
        yield Check(f"catalog: {known.curated}", partial(curated, known.curated), OTHERWISE, REMEDIES, TROUBLES)
