"""The submitter's stage on twins: every way in which a run ends, and what a repeat changes."""

import pytest
from msgspec.structs import replace
from submitter_world import World, after_runs

from spark_submitter.stage import curate, make_manifest
from tidemark.errors import CheckFailed, TypedStop
from tidemark.events import LakeCurated, SnapshotCommitted, TableCut
from tidemark_lake.manifest import Check, Manifest, Result, Stop


def test_a_run_is_curated_decided_and_published() -> None:
    """One event gives one LakeCurated, one decision of its number, and mains that hold what the decision says."""
    world = World()
    (curated,) = curate(world.event(1, None, 11), world.ports)
    decision = world.decisions.newest("ecommerce")
    assert decision is not None
    assert decision.curated == curated
    users = decision.tables["users"]
    assert (decision.number, users.source_snapshot, users.source_schema) == (1, 11, 4)
    assert world.mains() == {name: table.snapshots for name, table in decision.tables.items()}
    assert isinstance(curated, LakeCurated)
    assert curated.committed_at_ms == world.event(1, None, 11).committed_at_ms
    assert curated.tables[0].changes_snapshot == decision.tables["users"].snapshots["changes"]
    assert curated.tables[1].changes_snapshot is None


def test_changes_of_columns_are_told_with_the_rows_that_have_them() -> None:
    """The source's within the cut; the lake's, which a table without accepted rows leaves to a later run."""

    def grown(_: Manifest, result: Result) -> Result:
        return replace(result, tables=[replace(t, schema_changes=["added note string"]) for t in result.tables])

    world = World(grown)
    cuts = [TableCut(table="users", from_snapshot=None, to_snapshot=11, schema_changes=["added note string?"])]
    (curated,) = curate(world.event(1, None, 11, tables=cuts), world.ports)
    assert isinstance(curated, LakeCurated)
    told = {table.table: table.schema_changes for table in curated.tables}
    assert told == {
        "users": ["source: added note string?", "lake: added note string"],
        "products": [],
        "orders": [],
        "order_items": [],
    }


def test_a_repeat_says_the_same_and_writes_nothing() -> None:
    """The same event again: the identical LakeCurated, no job, no commit."""
    world = World()
    first = curate(world.event(1, None, 11), world.ports)
    commits = world.lake.commits
    assert curate(world.event(1, None, 11), world.ports) == first
    assert (len(world.job.manifests), world.lake.commits) == (1, commits)
    curate(world.event(2, 11, 12), world.ports)
    assert curate(world.event(1, None, 11), world.ports) == first


@pytest.mark.parametrize(("seq", "begin"), [(2, 10), (2, None), (3, 11)])
def test_a_cut_that_does_not_connect_stops(seq: int, begin: int | None) -> None:
    """A cut must begin where the last decision ended, and be the next one."""
    world = World()
    curate(world.event(1, None, 11), world.ports)
    with pytest.raises(TypedStop, match="rebuild"):
        curate(world.event(seq, begin, 12), world.ports)


def test_a_rebuild_begins_anywhere() -> None:
    """A rebuild reads from the beginning, whatever has been published."""
    world = World()
    curate(world.event(1, None, 11), world.ports)
    event = world.event(2, None, 12, kind="rebuild", generation=1, run_id="ecommerce-rebuild-g1-x")
    (curated,) = curate(event, world.ports)
    assert isinstance(curated, LakeCurated)
    assert (curated.kind, curated.generation, curated.decision) == ("rebuild", 1, 2)


def test_a_stop_by_the_job_is_a_typed_stop_with_its_remedy() -> None:
    """What upstream did is said, and what to do about it."""

    def stopped(_: Manifest, result: Result) -> Result:
        return replace(result, status="stopped", stopped=Stop(reason="email is gone", remedy="ask for a rebuild"))

    world = World(stopped)
    with pytest.raises(TypedStop, match="email is gone; ask for a rebuild"):
        curate(world.event(1, None, 11), world.ports)
    assert world.decisions.newest("ecommerce") is None


def test_a_failed_check_publishes_nothing() -> None:
    """Numbers that differ stop the run before its decision."""

    def wrong(_: Manifest, result: Result) -> Result:
        return replace(result, checks=[Check(name="keys that stand twice", table="users", expected=0, actual=3)])

    world = World(wrong)
    with pytest.raises(CheckFailed, match="keys that stand twice: 0 expected, 3 found"):
        curate(world.event(1, None, 11), world.ports)
    assert world.decisions.newest("ecommerce") is None
    assert world.mains()["users"]["current"] is None


def test_the_manifest_says_the_cut_the_contract_and_the_base() -> None:
    """Tables outside the cut stand still at what was published; the branch is the attempt's own."""
    world = World()
    curate(world.event(1, None, 11), world.ports)
    newest = world.decisions.newest("ecommerce")
    assert newest is not None
    manifest = make_manifest(world.event(2, 11, 12), newest, world.ports)
    users, products = manifest.tables[:2]
    assert (users.source, users.from_snapshot, users.to_snapshot) == ("ecommerce.users", 11, 12)
    assert (products.from_snapshot, products.to_snapshot) == (None, None)
    assert users.base == newest.tables["users"].snapshots
    assert manifest.branch == f"attempt_2_{manifest.attempt}"
    assert manifest.result == f"s3://lake/tidemark/runs/{manifest.run_id}/{manifest.attempt}/result.json"


def rollback(world: World, seq: int, to_seq: int) -> SnapshotCommitted:
    """A request to go back, as the watcher sends it."""
    return world.event(seq, 10 + seq - 1, 10 + to_seq, kind="rollback", generation=1, run_id="back", to_seq=to_seq)


def test_a_rollback_decides_what_its_target_left_and_runs_no_job() -> None:
    """Every table at the target's snapshots, under a new number; nothing read, no job; again says the same."""
    world = after_runs(3)
    back = rollback(world, 4, to_seq=1)
    (curated,) = curate(back, world.ports)
    assert isinstance(curated, LakeCurated)
    assert (curated.kind, curated.to_seq, curated.decision) == ("rollback", 1, 4)
    assert {t.changes_snapshot for t in curated.tables} == {None}
    first, newest = world.decisions.get("ecommerce", 1), world.decisions.newest("ecommerce")
    assert first is not None
    assert newest is not None
    assert (newest.number, newest.tables) == (4, first.tables)
    assert world.mains() == {name: table.snapshots for name, table in first.tables.items()}
    assert curate(back, world.ports) == [curated]
    assert len(world.job.manifests) == 3


def test_a_rollback_to_what_cannot_be_had_decides_nothing() -> None:
    """An unknown run, and one whose snapshots have expired: a typed stop, no decision."""
    world = after_runs(2)
    with pytest.raises(TypedStop, match="no decision"):
        curate(rollback(world, 3, to_seq=9), world.ports)
    first = world.decisions.get("ecommerce", 1)
    assert first is not None
    world.lake.expired = {s for t in first.tables.values() for s in t.snapshots.values() if s is not None}
    with pytest.raises(TypedStop, match="no longer hold"):
        curate(rollback(world, 3, to_seq=1), world.ports)
    assert world.decisions.get("ecommerce", 3) is None
