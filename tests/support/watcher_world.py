"""A watcher with twins around it, for its unit tests."""

from collections.abc import Sequence
from typing import Any

import clouds

from ingest_watcher.memory import MemoryLake, MemoryOfStates, MemorySource
from ingest_watcher.ports import History, Snapshot
from ingest_watcher.stage import Policy
from ingest_watcher.watcher import Watcher
from tidemark.events import (
    Event,
    LakeCurated,
    RunFailed,
    RunRequested,
    SnapshotCommitted,
    WatcherState,
)
from tidemark.tables import Column, Dataset, Registry, Table
from tidemark_lake.decisions import DecidedTable, Decision, MemoryDecisions, requests_done

SHOP = Registry(
    datasets={"shop": Dataset(source=clouds.own("shop"), curated="c", order="debezium", tables=["users", "orders"])},
    tables={n: Table(dataset="shop", key=["id"], columns={"id": Column("int")}) for n in ("users", "orders")},
    pairs={},
)


class World:
    """A watcher with twins around it and a clock in hand; `step` is one tick whose transaction stands."""

    def __init__(self) -> None:
        self.source: Any = MemorySource()
        self.decisions, self.lake = MemoryDecisions(), MemoryLake()
        self.memory = MemoryOfStates()
        self.now_ms = 1_000_000
        self.watcher = self.new_watcher()

    def lose_the_topic(self) -> None:
        """The watcher's own topic is gone, and a new process begins."""
        self.memory = MemoryOfStates()
        self.watcher = self.new_watcher()

    def new_watcher(self, registry: Registry = SHOP) -> Watcher:
        policy = Policy(settle_seconds=10, max_wait_seconds=60)
        return Watcher(self.source, self.decisions, self.lake, self.memory, registry, policy, lambda: self.now_ms)

    def commit(self, table: str, count: int, operation: str = "append", every_ms: int = 0) -> None:
        """The table now has `count` commits in a line, `every_ms` apart, the last one made now."""
        snapshots = {
            n: Snapshot(
                snapshot_id=n,
                parent_id=n - 1 or None,
                operation=operation,
                committed_at_ms=self.now_ms - (count - n) * every_ms,
                rows=5,
                files=1,
                schema_id=0,
            )
            for n in range(1, count + 1)
        }
        self.source.put("shop", table, History(uuid=table, current=count, snapshots=snapshots, schemas={0: {}}))

    def step(self, events: Sequence[Event] | None = None) -> list[Event]:
        sent = list(self.watcher.tick() if events is None else events)
        self.memory.keep(sent)
        self.watcher.committed(sent)
        return sent

    def cut(self) -> SnapshotCommitted | None:
        return next((e for e in self.step() if isinstance(e, SnapshotCommitted)), None)

    def must_cut(self) -> SnapshotCommitted:
        run = self.cut()
        assert run is not None
        return run

    def ask(self, *requests: RunRequested) -> None:
        for asked in requests:
            self.step(self.watcher.request(asked))

    def state(self) -> WatcherState:
        return self.memory.recall()["shop"]

    def decide(self, run: SnapshotCommitted) -> None:
        """The run is published."""
        curated = LakeCurated(
            dataset=run.dataset,
            run_id=run.run_id,
            run_seq=run.run_seq,
            kind=run.kind,
            generation=run.generation,
            decision=run.run_seq,
            tables=[],
            committed_at_ms=run.committed_at_ms,
            seconds=0,
            to_seq=run.to_seq,
        )
        self.decisions.put(
            Decision(
                number=run.run_seq,
                dataset=run.dataset,
                run_id=run.run_id,
                run_seq=run.run_seq,
                kind=run.kind,
                generation=run.generation,
                attempt="1",
                tables={
                    t.table: DecidedTable(
                        source_snapshot=t.to_snapshot,
                        source_uuid=self.source.history("shop", t.table).uuid,
                        snapshots={},
                        source_schema=t.to_schema,
                    )
                    for t in run.tables
                },
                curated=curated,
                requests=requests_done(self.decisions.newest(run.dataset), run),
            )
        )


def settled_world() -> World:
    """Both tables have one commit, made ten seconds ago."""
    world = World()
    world.commit("users", 1)
    world.commit("orders", 1)
    world.now_ms += 10_000
    return world


def request(kind: str = "process", request_id: str = "r1", to_run_id: str | None = None) -> RunRequested:
    return RunRequested(
        dataset="shop",
        request_id=request_id,
        kind=kind,  # type: ignore[arg-type]
        requested_by="me",
        to_run_id=to_run_id,
    )


def failure(generation: int = 0, run_id: str = "x") -> RunFailed:
    return RunFailed(
        dataset="shop",
        run_id=run_id,
        run_seq=1,
        kind="process",
        generation=generation,
        failed_stage="loader",
        error="E",
        message="m",
    )
