"""What publishing promises, with pyiceberg on the lab's store and in memory alike."""

from typing import Any, Protocol

import pyarrow as pa
import pytest
from lab_parts import catalog_of
from pyiceberg.table.update import RemoveSnapshotRefUpdate

from spark_submitter.iceberg import IcebergLake
from spark_submitter.memory import MemoryLake
from tidemark.errors import Superseded
from tidemark.events import LakeCurated
from tidemark.settings import LakeSettings
from tidemark.tables import registry
from tidemark_lake.decisions import TABLE_KINDS, DecidedTable, Decision
from tidemark_lake.files import added_files

pytestmark = pytest.mark.lab
NOTHING: dict[str, int | None] = dict.fromkeys(TABLE_KINDS)


class Bench(Protocol):
    """A lake, and ways to write to its table `users` (kind current) past the port."""

    lake: Any

    def on_branch(self) -> int: ...

    def on_main(self) -> int: ...

    def gone(self) -> int: ...


class MemoryBench:
    def __init__(self) -> None:
        self.lake = MemoryLake()

    def on_branch(self) -> int:
        return self.lake.new_snapshot()

    def on_main(self) -> int:
        return self.lake.write("ecommerce", "users", "current")

    def gone(self) -> int:
        snapshot = self.lake.new_snapshot()
        self.lake.expired.add(snapshot)
        return snapshot


class IcebergBench:
    def __init__(self, settings: LakeSettings) -> None:
        self.catalog = catalog_of(settings.catalog_properties())
        self.catalog.create_namespace_if_not_exists("curated_ecommerce")
        if self.catalog.table_exists("curated_ecommerce.users"):
            self.catalog.drop_table("curated_ecommerce.users")
        self.rows = pa.table({"id": pa.array([1], pa.int32())})
        self.table = self.catalog.create_table("curated_ecommerce.users", self.rows.schema)
        self.lake = IcebergLake(self.catalog, registry())
        self.written = 0

    def on_branch(self) -> int:
        self.written += 1
        table = self.catalog.load_table("curated_ecommerce.users")
        branch = f"attempt_{self.written}"
        main = table.current_snapshot()
        if main is None:  # pyiceberg writes the first snapshot to main only
            table.append(self.rows)
            first = table.current_snapshot()
            assert first is not None
            table.manage_snapshots().create_branch(first.snapshot_id, branch).commit()
            self.catalog.commit_table(table, (), (RemoveSnapshotRefUpdate.model_validate({"ref-name": "main"}),))
            return first.snapshot_id
        table.manage_snapshots().create_branch(main.snapshot_id, branch).commit()
        table.append(self.rows, branch=branch)
        snapshot = table.snapshot_by_name(branch)
        assert snapshot is not None
        return snapshot.snapshot_id

    def on_main(self) -> int:
        table = self.catalog.load_table("curated_ecommerce.users")
        table.append(self.rows)
        snapshot = table.current_snapshot()
        assert snapshot is not None
        return snapshot.snapshot_id

    def gone(self) -> int:
        return 1  # an id that no commit ever got


@pytest.fixture(params=["memory", "iceberg"])
def bench(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryBench()
    return IcebergBench(request.getfixturevalue("lake_settings"))


def decision(number: int, current: int | None) -> Decision:
    curated = LakeCurated(
        dataset="ecommerce", run_id=f"r{number}", run_seq=number, kind="process", generation=0, decision=number,
        tables=[], committed_at_ms=1, seconds=1.0,
    )  # fmt: skip
    table = DecidedTable(source_snapshot=1, source_uuid="u", snapshots={**NOTHING, "current": current})
    return Decision(
        number=number, dataset="ecommerce", run_id=f"r{number}", run_seq=number, kind="process", generation=0,
        attempt="a", tables={"users": table}, curated=curated,
    )  # fmt: skip


def main_of(bench: Any) -> int | None:
    found: int | None = bench.lake.mains("ecommerce", ["users"])["users"]["current"]
    return found


def test_a_branch_becomes_main(bench: Any) -> None:
    """Nothing shows before; afterwards main holds the snapshot; again changes nothing."""
    first = bench.on_branch()
    assert main_of(bench) is None
    assert bench.lake.settle(decision(1, first), None) == []
    assert main_of(bench) == first
    second = bench.on_branch()
    assert main_of(bench) == first
    assert bench.lake.settle(decision(2, second), decision(1, first)) == []
    assert bench.lake.settle(decision(2, second), decision(1, first)) == []
    assert main_of(bench) == second


def test_a_strangers_snapshot_is_tagged_and_set_back(bench: Any) -> None:
    """What somebody else wrote to main is told once, and main is what the decision says."""
    first = bench.on_branch()
    bench.lake.settle(decision(1, first), None)
    strange = bench.on_main()
    (found,) = bench.lake.settle(decision(1, first), None)
    assert (found.snapshot, found.tag) == (strange, f"stranger_{strange}")
    assert main_of(bench) == first
    assert bench.lake.settle(decision(1, first), None) == []


def test_a_stranger_on_an_empty_table_is_taken_off_main(bench: Any) -> None:
    """Where the decision knows no snapshot, main holds none afterwards."""
    strange = bench.on_main()
    (found,) = bench.lake.settle(decision(1, None), None)
    assert found.snapshot == strange
    assert main_of(bench) is None


def test_a_stale_decision_does_not_set_main_back(bench: Any) -> None:
    """What a later decision published stays; settling an older one is superseded."""
    first = bench.on_branch()
    bench.lake.settle(decision(1, first), None)
    second = bench.on_branch()
    bench.lake.settle(decision(2, second), decision(1, first))
    with pytest.raises(Superseded):
        bench.lake.settle(decision(1, first), None)
    assert main_of(bench) == second


def test_a_rollback_sets_main_back_and_a_later_run_goes_on_from_there(bench: Any) -> None:
    """What was rolled back can no longer be settled; the next branch begins at the main that the rollback left."""
    first = bench.on_branch()
    bench.lake.settle(decision(1, first), None)
    second = bench.on_branch()
    bench.lake.settle(decision(2, second), decision(1, first))
    assert bench.lake.settle(decision(3, first), decision(2, second)) == []
    assert main_of(bench) == first
    with pytest.raises(Superseded):
        bench.lake.settle(decision(2, second), decision(1, first))
    third = bench.on_branch()
    assert bench.lake.settle(decision(4, third), decision(3, first)) == []
    assert main_of(bench) == third


def test_snapshots_that_are_gone_are_named(bench: Any) -> None:
    """So that nobody decides to go back to what cannot be had."""
    first = bench.on_branch()
    bench.lake.settle(decision(1, first), None)
    assert bench.lake.lost(decision(1, first)) == []
    assert bench.lake.lost(decision(2, None)) == []
    assert len(bench.lake.lost(decision(3, bench.gone()))) == 1


def test_publishing_tags_and_sweeps_in_one_commit(lake_settings: LakeSettings) -> None:
    """On Iceberg: one more metadata version, the run's tag, no attempt's branch; the files are that snapshot's own."""
    bench = IcebergBench(lake_settings)
    bench.on_branch()
    wanted = bench.on_branch()
    before = len(bench.catalog.load_table("curated_ecommerce.users").metadata.metadata_log)
    bench.lake.settle(decision(1, wanted), None)
    table = bench.catalog.load_table("curated_ecommerce.users")
    assert len(table.metadata.metadata_log) == before + 1
    assert {name: ref.snapshot_id for name, ref in table.refs().items()} == {"main": wanted, "run_1": wanted}
    assert [file.rows for file in added_files(table, wanted)] == [1]
