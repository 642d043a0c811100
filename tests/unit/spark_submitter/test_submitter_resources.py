"""How much Spark a run gets."""

import pytest

from spark_submitter.resources import resources
from tidemark.events import Kind, SnapshotCommitted, TableCut
from tidemark_lake.manifest import Resources


def cut_of(rows: int, kind: Kind = "process") -> SnapshotCommitted:
    """An event whose two tables have so many rows together."""
    tables = [
        TableCut(table=name, from_snapshot=None, to_snapshot=1, rows=n)
        for name, n in (("users", rows // 2), ("orders", rows - rows // 2))
    ]
    return SnapshotCommitted(
        dataset="ecommerce",
        kind=kind,
        run_id="r1",
        run_seq=1,
        generation=0,
        tables=tables,
        committed_at_ms=0,
    )


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (0, (1, 0, 512)),
        (10_000, (1, 0, 512)),
        (10_001, (2, 0, 1024)),
        (1_000_000, (2, 0, 1024)),
        (1_000_001, (2, 1, 1024)),
        (5_000_000, (2, 3, 1024)),
    ],
)
def test_resources_grow_with_the_cut_up_to_the_limit(rows: int, expected: tuple[int, int, int]) -> None:
    """Cores, executors, MiB of heap."""
    given = resources(cut_of(rows), most_executors=3, memory_mib=1024)
    assert (given.cores, given.executors, given.memory_mib) == expected


def test_maintenance_rewrites_whole_tables_and_gets_the_limit() -> None:
    given = resources(cut_of(0, "maintain"), most_executors=3, memory_mib=1024)
    assert given == Resources(cores=2, executors=3, memory_mib=1024)


def test_no_executor_where_the_limit_is_none() -> None:
    assert resources(cut_of(50_000_000), most_executors=0, memory_mib=1024).executors == 0
