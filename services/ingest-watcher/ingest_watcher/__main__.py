"""Composition: settings -> adapters -> runner."""

import sys
import time

from ingest_watcher.glue import GlueSource
from ingest_watcher.kafka_memory import TopicMemory
from ingest_watcher.settings import WatcherSettings
from ingest_watcher.stage import STAGE, Policy
from ingest_watcher.watcher import Watcher
from tidemark import telemetry
from tidemark.errors import SettingsError
from tidemark.events import RunFailed, RunRequested
from tidemark.runner import Stage, run
from tidemark.settings import load
from tidemark.tables import registry
from tidemark_lake.catalog import open_catalog
from tidemark_lake.decisions import DecisionStore
from tidemark_lake.objects import Folder, s3_client

POLL_SECONDS = 1.0


def main() -> int:
    """Run the watcher until SIGTERM; returns the exit code."""
    try:
        settings = load(WatcherSettings)
        tables = registry()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - before telemetry stands, a person reads this
        return 2
    telemetry.setup(STAGE, settings)
    watcher = Watcher(
        source=GlueSource(open_catalog(settings.catalog_properties()), tables),
        decisions=DecisionStore(Folder(s3_client(settings.aws_region, settings.s3_endpoint), settings.lake_state)),
        memory=TopicMemory(settings),
        registry=tables,
        policy=Policy(settle_seconds=settings.settle_seconds, max_wait_seconds=settings.max_wait_seconds),
        now_ms=lambda: time.time_ns() // 1_000_000,
    )
    handlers: Handlers = {RunRequested: watcher.request, RunFailed: watcher.failure}
    stage = Stage(
        STAGE, handlers, tick=watcher.tick, tick_seconds=POLL_SECONDS, parks=False, committed=watcher.committed
    )
    return run(stage, settings)


if __name__ == "__main__":
    sys.exit(main())
