"""The submitter's stage when it is not alone: restarts, stale ones, races, what has been done before."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace
from submitter_world import World, after_runs, replace_ports

from spark_submitter.memory import MemoryLake
from spark_submitter.ports import Stranger
from spark_submitter.stage import curate
from tidemark.errors import Retryable, Superseded
from tidemark.events import AlertRaised, LakeCurated, RequestKind, RunRequested
from tidemark_lake.decisions import Decision, MemoryDecisions
from tidemark_lake.manifest import Manifest, Result


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


def test_older_generation_and_taken_place_are_superseded() -> None:
    """Nothing is done for a run that another one has overtaken."""
    world = World()
    curate(world.event(1, None, 11, generation=2), world.ports)
    with pytest.raises(Superseded, match="generation"):
        curate(world.event(2, 11, 12, generation=1), world.ports)
    with pytest.raises(Superseded, match="another run took"):
        curate(world.event(1, None, 99, generation=2), world.ports)


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
