"""What a watcher knows whose own topic is gone: the decisions hold its position, and no request is done twice."""

import pytest
from msgspec.structs import replace
from watcher_world import World, failure, request, settled_world

from tidemark.events import RunRequested, SnapshotCommitted


def rebuilt_world() -> World:
    """Run 1 is a cut, run 2 the rebuild that request r1 asked for; both are published."""
    world = settled_world()
    world.decide(world.must_cut())
    world.ask(request("rebuild", "r1"))
    world.decide(world.must_cut())
    return world


def rolled_back_world() -> tuple[World, RunRequested]:
    """Run 3 has taken the dataset back to run 1; the request that asked for it."""
    world = settled_world()
    first = world.must_cut()
    world.decide(first)
    world.commit("users", 2)
    world.now_ms += 10_000
    world.decide(world.must_cut())
    asked = request("rollback", "r1", first.run_id)
    world.ask(asked)
    world.decide(world.must_cut())
    return world, asked


def test_the_generation_comes_back_from_the_decisions() -> None:
    """It was raised in the lost topic; the next cut is of that generation and begins where the rebuild ended."""
    world = rebuilt_world()
    world.lose_the_topic()
    assert world.cut() is None
    assert world.state().generation == 1
    world.commit("users", 2)
    world.now_ms += 10_000
    run = world.must_cut()
    assert (run.run_seq, run.generation, [t.from_snapshot for t in run.tables]) == (3, 1, [1, 1])


def test_a_rebuild_whose_request_comes_again_is_not_made_again() -> None:
    """Topic and offsets are lost: the request is read once more, and the decisions know that it is done."""
    world = rebuilt_world()
    world.lose_the_topic()
    world.ask(request("rebuild", "r1"))
    world.step()
    assert world.cut() is None
    assert (world.state().pending, world.state().generation) == ([], 1)
    world.ask(request("rebuild", "r2"))
    assert world.must_cut().generation == 2


def test_a_request_older_than_all_remembered_ones_is_not_made_again() -> None:
    """Only so many accepted requests are remembered; one that raised the generation is known to the decisions."""
    world = rebuilt_world()
    for number in range(101):
        world.ask(request("resume", f"later {number}"))
    assert "r1" not in world.state().accepted
    world.ask(request("rebuild", "r1"))
    world.step()
    assert world.cut() is None
    assert world.state().generation == 1


def test_a_maintenance_whose_request_comes_again_is_not_made_again() -> None:
    """Nor does one that was made again all the same, before this was known, hold the next run back for ever."""
    world = settled_world()
    world.decide(world.must_cut())
    world.ask(request("maintain", "r1"))
    run = world.must_cut()
    world.decide(run)
    world.lose_the_topic()
    world.ask(request("maintain", "r1"))
    world.step()
    assert world.cut() is None
    world.step([replace(world.state(), last=replace(run, run_seq=3))])
    world.commit("users", 2)
    world.now_ms += 10_000
    after = world.must_cut()
    assert (after.kind, after.run_seq) == ("process", 3)


def test_a_rollback_whose_request_comes_again_is_not_made_again() -> None:
    """Also when the dataset has gone forward since."""
    world, asked = rolled_back_world()
    (forward,) = (
        e for e in world.step(world.watcher.request(request("resume", "r2"))) if isinstance(e, SnapshotCommitted)
    )
    world.decide(forward)
    world.lose_the_topic()
    world.ask(asked)
    world.step()
    assert world.cut() is None
    assert (world.state().pending, world.state().halted) == ([], None)


def test_a_rebuild_under_way_that_is_asked_again_is_decided_once() -> None:
    """Its request comes again before its decision; whichever cut is made of it meanwhile takes the same place."""
    world = settled_world()
    world.decide(world.must_cut())
    world.ask(request("rebuild", "r1"))
    rebuild = world.must_cut()
    world.lose_the_topic()
    world.ask(request("rebuild", "r1"))
    again = world.must_cut()
    assert again == rebuild
    world.decide(rebuild)
    world.lose_the_topic()
    world.ask(request("rebuild", "r1"))
    world.step()
    assert world.cut() is None


def test_a_dataset_that_was_rolled_back_stays_so() -> None:
    """The pause was in the lost topic: the decision tells of it, until somebody resumes."""
    world, _ = rolled_back_world()
    paused = world.state().halted
    world.lose_the_topic()
    world.commit("users", 3)
    world.now_ms += 10_000
    assert world.cut() is None
    assert world.cut() is None
    assert world.state().halted == paused
    resumed = world.step(world.watcher.request(request("resume", "r2")))
    (run,) = (e for e in resumed if isinstance(e, SnapshotCommitted))
    assert (run.run_seq, run.generation, [t.from_snapshot for t in run.tables]) == (4, 1, [1, 1])


def test_a_resume_that_is_read_first_counts() -> None:
    """It comes before the new process has looked at anything, and is not undone by the pause that it ends."""
    world, _ = rolled_back_world()
    world.lose_the_topic()
    resumed = world.step(world.watcher.request(request("resume", "r2")))
    assert [e.run_seq for e in resumed if isinstance(e, SnapshotCommitted)] == [4]
    assert (world.cut(), world.state().halted) == (None, None)


def test_a_rollback_decided_after_the_loss_pauses_too() -> None:
    """The run was under way when the topic was lost; the new process learns of it from its decision."""
    world = settled_world()
    first = world.must_cut()
    world.decide(first)
    world.ask(request("rollback", "r1", first.run_id))
    rollback = world.must_cut()
    world.lose_the_topic()
    assert world.cut() is None
    world.decide(rollback)
    world.commit("users", 2)
    world.now_ms += 10_000
    assert (world.cut(), world.cut()) == (None, None)
    assert world.state().halted is not None


def test_a_failure_of_a_decided_generation_before_is_known_to_be_old() -> None:
    """Read by a process that knows of the newer generation from the decisions alone, it halts nothing."""
    world = rebuilt_world()
    world.lose_the_topic()
    assert world.watcher.failure(failure(generation=0)) == []


@pytest.mark.parametrize("kind", ["rebuild", "rollback"])
def test_a_run_whose_place_an_older_one_took_is_sent_again(kind: str) -> None:
    """It passed a failed run, which was brought back all the same and decided first: the request is not lost."""
    world = settled_world()
    first = world.must_cut()
    world.decide(first)
    world.commit("users", 2)
    world.now_ms += 10_000
    second = world.must_cut()
    world.step(world.watcher.failure(failure(run_id=second.run_id)))
    world.ask(request(kind, "r1", first.run_id))
    passing = world.must_cut()
    assert (passing.run_seq, passing.generation) == (second.run_seq, 1)
    world.decide(second)
    again = world.must_cut()
    assert (again.run_id, again.run_seq, again.request_id) == (passing.run_id, passing.run_seq + 1, "r1")
    assert world.cut() is None
    world.decide(again)
    assert world.cut() is None


def test_a_failure_that_is_read_after_the_resume_that_answers_it_halts_nothing() -> None:
    """The two come by different topics, so that the later one may be read first; one resume is enough."""
    world = settled_world()
    world.decide(world.must_cut())
    late = failure()
    world.memory.keep([late])
    world.ask(request("resume", "r1"))
    world.step(world.watcher.failure(late))
    assert world.state().halted is None
    new = failure(run_id="another")
    world.step(world.watcher.failure(new))
    assert world.state().halted is not None
