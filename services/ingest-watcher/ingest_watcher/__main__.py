"""`python -m ingest_watcher`: the source's commits and people's requests in, snapshot.committed out."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ingest_watcher.glue import GlueLake, GlueSource
from ingest_watcher.kafka_memory import TopicMemory
from ingest_watcher.settings import WatcherSettings
from ingest_watcher.stage import STAGE, Policy
from ingest_watcher.watcher import Watcher
from tidemark.events import Event, RunFailed, RunRequested
from tidemark.runner import Stage, serve
from tidemark.tables import registry
from tidemark_lake.catalog import open_catalog
from tidemark_lake.decisions import DecisionStore
from tidemark_lake.objects import Folder, s3_client

POLL_SECONDS = 1.0


def watcher_stage(watcher: Watcher) -> Stage:
    """The stage with whatever ports the watcher holds: the real ones here, the twins in tests of the chain."""
    handlers: Mapping[type[Event], Callable[[Any], Sequence[Event]]] = {
        RunRequested: watcher.request,
        RunFailed: watcher.failure,
    }
    return Stage(
        STAGE, handlers, tick=watcher.tick, tick_seconds=POLL_SECONDS, parks=False, committed=watcher.committed
    )


def compose(settings: WatcherSettings) -> Stage:
    """The source, the decisions and the topic that the settings name."""
    tables, catalog = registry(), open_catalog(settings.catalog_properties())
    watcher = Watcher(
        source=GlueSource(catalog, tables),
        decisions=DecisionStore(Folder(s3_client(settings.aws_region, settings.s3_endpoint), settings.lake_state)),
        lake=GlueLake(catalog, tables),
        memory=TopicMemory(settings),
        registry=tables,
        policy=Policy(
            settle_seconds=settings.settle_seconds,
            max_wait_seconds=settings.max_wait_seconds,
            maintain_every_runs=settings.maintain_every_runs,
            maintain_after_rows=settings.maintain_after_rows,
        ),
        now_ms=lambda: time.time_ns() // 1_000_000,
    )
    return watcher_stage(watcher)


if __name__ == "__main__":
    sys.exit(serve(WatcherSettings, compose))
