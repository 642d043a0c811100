"""Prepares the lab's stores for the services: bucket, topics, the warehouse's objects. Idempotent; run at every start.

`python -m tidemark_lab.initialise`, with the lab's environment. Production does the same by `tidemark init`.
"""

import sys
from urllib.parse import urlparse

import boto3

from tidemark.kafka import ensure_topics
from tidemark.settings import KafkaSettings, LakeSettings, SnowflakeSettings, load
from tidemark_warehouse import connect, initialise


class InitialiseSettings(KafkaSettings, LakeSettings, SnowflakeSettings):
    """Where the stores are."""


def main() -> None:
    """The command line."""
    settings = load(InitialiseSettings)
    create_bucket(settings)
    ensure_topics(settings)
    connection = connect(settings)
    try:
        for change in initialise(connection, settings):
            sys.stdout.write(f"{change}\n")
    finally:
        connection.close()


def create_bucket(settings: LakeSettings) -> None:
    """The bucket of the lake, if it is not there."""
    client = boto3.client("s3", endpoint_url=settings.s3_endpoint, region_name=settings.aws_region)
    name = urlparse(settings.lake_warehouse).netloc
    if name not in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
        client.create_bucket(Bucket=name)


if __name__ == "__main__":
    main()
