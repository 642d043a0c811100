"""Composition: settings -> adapters -> runner."""

import sys
import time
import uuid
from functools import partial

from spark_submitter.iceberg import IcebergLake
from spark_submitter.resident import ResidentJob
from spark_submitter.settings import SubmitterSettings
from spark_submitter.stage import NAME, Ports, curate
from tidemark import telemetry
from tidemark.errors import SettingsError
from tidemark.events import SnapshotCommitted
from tidemark.runner import Stage, run
from tidemark.settings import load
from tidemark.tables import registry
from tidemark_lake.catalog import open_catalog
from tidemark_lake.decisions import DecisionStore
from tidemark_lake.objects import Folder, s3_client


def main() -> int:
    """Run the submitter until SIGTERM; returns the exit code."""
    try:
        settings = load(SubmitterSettings)
        tables = registry()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - before telemetry stands, a person reads this
        return 2
    telemetry.setup(NAME, settings)
    folder = Folder(s3_client(settings.aws_region, settings.s3_endpoint), settings.lake_state)
    ports = Ports(
        decisions=DecisionStore(folder),
        lake=IcebergLake(open_catalog(settings.catalog_properties()), tables),
        job=ResidentJob(settings.spark_driver_url, folder),
        registry=tables,
        state=folder.uri,
        new_attempt=lambda: uuid.uuid4().hex[:12],
        now_ms=lambda: time.time_ns() // 1_000_000,
    )
    return run(Stage(NAME, {SnapshotCommitted: partial(curate, ports=ports)}), settings)


if __name__ == "__main__":
    sys.exit(main())
