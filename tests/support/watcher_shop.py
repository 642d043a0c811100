"""A watcher over one source table, in the hands of a bench (watcher_sources.py)."""

from itertools import count
from typing import Any

from watcher_sources import DATASET, TABLE
from watcher_world import World, request

from tidemark.events import AlertRaised, SnapshotCommitted, TableCut
from tidemark.tables import Column, Dataset, Registry, Table

ONE_TABLE = Registry(
    datasets={DATASET: Dataset(source=DATASET, curated="c", order="debezium", tables=[TABLE])},
    tables={TABLE: Table(dataset=DATASET, key=["id"], columns={"id": Column("int")})},
    pairs={},
)


class Shop:
    """The watcher's world around a bench. `found` lets the source settle and tells what the watcher makes of it."""

    def __init__(self, bench: Any) -> None:
        self.bench, self.world, self._requests = bench, World(), count(1)
        self.world.source = bench.source
        self.world.watcher = self.world.new_watcher(ONE_TABLE)

    def found(self) -> list[SnapshotCommitted | AlertRaised]:
        commits = [self.bench.source.history(DATASET, TABLE).snapshots] if self.bench.source.pointers(DATASET) else []
        times = [snapshot.committed_at_ms for snapshots in commits for snapshot in snapshots.values()]
        self.world.now_ms = max([self.world.now_ms, *times]) + 10_000
        told = [event for event in self.world.step() if isinstance(event, SnapshotCommitted | AlertRaised)]
        for run in told:
            if isinstance(run, SnapshotCommitted):
                self.world.decide(run)
        return told

    def cut(self) -> TableCut:
        (run,) = self.found()
        assert isinstance(run, SnapshotCommitted)
        return run.tables[0]

    def stop(self) -> str:
        (alert,) = self.found()
        assert isinstance(alert, AlertRaised)
        assert self.found() == []
        return alert.detail

    def rebuild(self) -> TableCut:
        self.world.ask(request("rebuild", f"rebuild {next(self._requests)}"))
        return self.cut()
