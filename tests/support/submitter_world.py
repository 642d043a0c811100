"""The submitter's stage on twins: a world of decisions, lake and job, and events of runs one after the other."""

import dataclasses
from collections.abc import Callable
from itertools import count

from msgspec.structs import replace

from spark_submitter.memory import MemoryJob, MemoryLake
from spark_submitter.stage import Ports, curate
from tidemark.events import SnapshotCommitted, TableCut, run_id_of
from tidemark.tables import registry
from tidemark_lake.decisions import MemoryDecisions
from tidemark_lake.manifest import Manifest, Result

TABLES = ["users", "products", "orders", "order_items"]
Change = Callable[[Manifest, Result], Result]


class World:
    """Twins, and events of runs one after the other."""

    def __init__(self, change: Change = lambda _, result: result) -> None:
        self.decisions, self.lake = MemoryDecisions(), MemoryLake()
        self.job = MemoryJob(self.lake, change=change)
        attempts, clock = count(1), count(1000, 500)
        self.ports = Ports(
            decisions=self.decisions,
            lake=self.lake,
            job=self.job,
            registry=registry(),
            state="s3://lake/tidemark",
            new_attempt=lambda: f"a{next(attempts)}",
            now_ms=lambda: next(clock),
        )

    def event(self, seq: int, begin: int | None, end: int, **more: object) -> SnapshotCommitted:
        """A run of the users table alone."""
        cuts = [TableCut(table="users", from_snapshot=begin, to_snapshot=end, to_schema=4)]
        plain = SnapshotCommitted(
            dataset="ecommerce",
            run_id=run_id_of("ecommerce", "process", 0, cuts),
            run_seq=seq,
            kind="process",
            generation=0,
            tables=cuts,
            committed_at_ms=1,
        )
        return replace(plain, **more)  # type: ignore[arg-type]

    def mains(self) -> dict[str, dict[str, int | None]]:
        return self.lake.mains("ecommerce", TABLES)


def replace_ports(ports: Ports, **more: object) -> Ports:
    return dataclasses.replace(ports, **more)  # type: ignore[arg-type]


def after_runs(count: int) -> World:
    """So many runs of the users table."""
    world = World()
    for seq in range(1, count + 1):
        curate(world.event(seq, 10 + seq - 1 if seq > 1 else None, 10 + seq), world.ports)
    return world
