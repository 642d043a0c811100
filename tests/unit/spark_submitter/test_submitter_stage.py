"""The submitter's stage on twins: every way in which a run ends, and what a repeat or a restart changes."""

import dataclasses
from collections.abc import Callable, Sequence
from itertools import count

import pytest
from msgspec.structs import replace

from spark_submitter.memory import MemoryJob, MemoryLake
from spark_submitter.ports import Stranger
from spark_submitter.stage import Ports, curate, make_manifest
from tidemark.errors import CheckFailed, Retryable, Superseded, TypedStop
from tidemark.events import AlertRaised, LakeCurated, RequestKind, RunRequested, SnapshotCommitted, TableCut, run_id_of
from tidemark.tables import registry
from tidemark_lake.decisions import Decision, MemoryDecisions
from tidemark_lake.manifest import Check, Manifest, Result, Stop

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


def test_a_restart_after_the_decision_only_rolls_forward() -> None:
    """A decision whose tables were not moved yet is rolled forward by the next delivery."""
    world = World()

    class Dying(MemoryLake):
        def settle(self, decision: Decision, before: Decision | None) -> list[Stranger]:
            raise Retryable("away")

    with pytest.raises(Retryable):
        curate(world.event(1, None, 11), replace_ports(world.ports, lake=Dying()))
    decision = world.decisions.newest("ecommerce")
    assert decision is not None
    assert world.mains()["users"]["changes"] is None
    assert curate(world.event(1, None, 11), world.ports) == [decision.curated]
    assert world.mains()["users"] == decision.tables["users"].snapshots


def test_a_stale_submitter_does_not_set_main_back() -> None:
    """Mains that a later decision published stay, with their tags, when an older one is settled late."""
    world = World()
    for seq, begin, end in [(1, None, 11), (2, 11, 12)]:
        curate(world.event(seq, begin, end), world.ports)
    stale, newest = world.decisions.get("ecommerce", 1), world.mains()
    assert stale is not None
    before = {place: dict(tags) for place, tags in world.lake.tags.items()}
    with pytest.raises(Superseded, match="after 1"):
        world.lake.settle(stale, None)
    assert (world.mains(), world.lake.tags) == (newest, before)


def test_a_decision_taken_since_the_look_is_seen() -> None:
    """Another submitter decides this very run after the newest decision was read, and dies unheard: its LakeCurated is
    told by whoever has the event now, for nobody else will."""
    world = World()
    curate(world.event(1, None, 11), world.ports)
    before = world.decisions.newest("ecommerce")

    class Late(MemoryDecisions):
        def newest(self, dataset: str, after: int = 0) -> Decision | None:
            read.append(dataset)
            return before if len(read) == 1 else world.decisions.newest(dataset, after)

    read: list[str] = []
    late = Late()
    late.get = world.decisions.get  # type: ignore[method-assign]
    told = curate(world.event(2, 11, 12), world.ports)
    assert curate(world.event(2, 11, 12), replace_ports(world.ports, decisions=late)) == told
    assert len(world.job.manifests) == 2


def replace_ports(ports: Ports, **more: object) -> Ports:
    return dataclasses.replace(ports, **more)  # type: ignore[arg-type]


def test_older_generation_and_taken_place_are_superseded() -> None:
    """Nothing is done for a run that another one has overtaken."""
    world = World()
    curate(world.event(1, None, 11, generation=2), world.ports)
    with pytest.raises(Superseded, match="generation"):
        curate(world.event(2, 11, 12, generation=1), world.ports)
    with pytest.raises(Superseded, match="another run took"):
        curate(world.event(1, None, 99, generation=2), world.ports)


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


def test_a_main_that_moved_means_a_new_attempt() -> None:
    """A stranger's snapshot during the job: tagged, alerted, set back; the second attempt is published."""
    moved: list[int] = []

    def meddle(_: Manifest, result: Result) -> Result:
        if not moved:
            moved.append(world.lake.write("ecommerce", "users", "current"))
        return result

    world = World()
    curate(world.event(1, None, 11), world.ports)
    world.job._change = meddle
    alert, curated = curate(world.event(2, 11, 12), world.ports)
    assert isinstance(alert, AlertRaised)
    assert str(moved[0]) in alert.detail
    assert isinstance(curated, LakeCurated)
    assert [m.attempt for m in world.job.manifests] == ["a1", "a2", "a3"]
    assert world.lake.tags["ecommerce", "users", "current"][f"stranger_{moved[0]}"] == moved[0]
    assert world.mains()["users"]["current"] == curated.tables[0].current_snapshot


def test_a_lost_race_gives_the_winners_event() -> None:
    """Two submitters of one run: the one that decides second says what the first decided."""
    world = World()
    event = world.event(1, None, 11)
    winners: Sequence[object] = []

    def overtaken(_: Manifest, result: Result) -> Result:
        nonlocal winners
        if not winners:
            winners = ["under way"]
            winners = curate(event, world.ports)
        return result

    world.job._change = overtaken
    assert curate(event, world.ports) == winners
    assert world.decisions.get("ecommerce", 2) is None


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


def after_runs(count: int) -> World:
    """So many runs of the users table."""
    world = World()
    for seq in range(1, count + 1):
        curate(world.event(seq, 10 + seq - 1 if seq > 1 else None, 10 + seq), world.ports)
    return world


def rollback(world: World, seq: int, to_seq: int) -> SnapshotCommitted:
    """A request to go back, as the watcher sends it."""
    return world.event(seq, 10 + seq - 1, 10 + to_seq, kind="rollback", generation=1, run_id="back", to_seq=to_seq)


@pytest.mark.parametrize("kind", ["maintain", "replay", "drop", "rebuild"])
def test_what_was_asked_for_once_is_done_once(kind: RequestKind) -> None:
    """Also in a newer generation it is superseded; another request is another run."""
    world = after_runs(1)
    asked = RunRequested(dataset="ecommerce", request_id="r1", kind=kind, requested_by="ada")
    run = world.event(2, 11, 11, kind=kind, run_id="asked", asked=asked)
    curate(run, world.ports)
    for again in (replace(run, run_seq=3), replace(run, run_seq=3, run_id="asked-g1", generation=1)):
        with pytest.raises(Superseded, match="r1, which an earlier run has done"):
            curate(again, world.ports)
    curate(replace(run, run_seq=3, run_id="other", asked=replace(asked, request_id="r2")), world.ports)


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
