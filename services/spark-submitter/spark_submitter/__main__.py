"""`python -m spark_submitter`: snapshot.committed in, lake.curated out."""

import sys
import time
import uuid
from functools import partial

from spark_submitter.application import read_template
from spark_submitter.iceberg import IcebergLake
from spark_submitter.kubernetes import KubernetesJob
from spark_submitter.ports import Job
from spark_submitter.resident import ResidentJob
from spark_submitter.settings import SubmitterSettings
from spark_submitter.stage import NAME, Ports, curate
from tidemark.events import SnapshotCommitted
from tidemark.runner import Stage, serve
from tidemark.tables import registry
from tidemark_lake.catalog import open_catalog
from tidemark_lake.decisions import DecisionStore
from tidemark_lake.objects import Folder, s3_client


def submitter_stage(ports: Ports) -> Stage:
    """The stage with whatever ports: the real ones here, the twins in tests of the chain."""
    return Stage(NAME, {SnapshotCommitted: partial(curate, ports=ports)})


def real_ports(settings: SubmitterSettings) -> Ports:
    """The lake and the way to Spark that the settings name."""
    tables = registry()
    folder = Folder(s3_client(settings.aws_region, settings.s3_endpoint), settings.lake_state)
    return Ports(
        decisions=DecisionStore(folder),
        lake=IcebergLake(open_catalog(settings.catalog_properties()), tables),
        job=spark_job(settings, folder),
        registry=tables,
        state=folder.uri,
        new_attempt=lambda: uuid.uuid4().hex[:12],
        now_ms=lambda: time.time_ns() // 1_000_000,
        rollback_runs=settings.rollback_runs,
        most_executors=settings.spark_most_executors,
        memory_mib=settings.spark_memory_mib,
    )


def spark_job(settings: SubmitterSettings, folder: Folder) -> Job:
    """Kubernetes or a resident driver: the settings hold one of the two."""
    if settings.spark_template is not None:
        return KubernetesJob(read_template(settings.spark_template), folder)
    return ResidentJob(settings.spark_driver_url or "", folder)


def main() -> int:
    """Run until stopped; the exit code."""
    return serve(SubmitterSettings, lambda settings: submitter_stage(real_ports(settings)))


if __name__ == "__main__":
    sys.exit(main())
