"""When commits become runs: settling, hold-back, requests, halts."""

from watcher_world import World, failure, request, settled_world

from tidemark.events import AlertRaised, SnapshotCommitted, WatcherState


def test_a_settled_source_is_cut_once() -> None:
    """Ten quiet seconds make one run over all tables; the next tick makes none while it is under way."""
    world = settled_world()
    run = world.cut()
    assert run is not None
    assert [(t.table, t.from_snapshot, t.to_snapshot) for t in run.tables] == [("users", None, 1), ("orders", None, 1)]
    assert (run.run_seq, run.generation, run.kind) == (1, 0, "process")
    assert world.cut() is None


def test_a_busy_source_waits_but_not_for_ever() -> None:
    """While commits keep coming nothing is cut, until the oldest has waited as long as it may."""
    world = World()
    world.commit("users", 1)
    world.commit("orders", 1)
    world.now_ms += 9_000
    assert world.cut() is None
    world.now_ms += 51_000
    assert world.cut() is not None


def test_the_next_cut_is_held_back_until_the_last_is_published() -> None:
    """Commits that come while a run is under way become one later run that begins where it ended."""
    world = settled_world()
    first = world.cut()
    assert first is not None
    world.commit("users", 3)
    world.now_ms += 20_000
    assert world.cut() is None
    world.decide(first)
    second = world.cut()
    assert second is not None
    assert second.run_seq == 2
    assert [(t.from_snapshot, t.to_snapshot) for t in second.tables] == [(1, 3), (1, 1)]


def test_a_restarted_watcher_goes_on_where_the_lake_stands() -> None:
    """A new process knows what is under way from its topic, and what is published from the decisions alone."""
    world = settled_world()
    first = world.cut()
    assert first is not None
    world.watcher = world.new_watcher()
    assert world.cut() is None
    world.decide(first)
    world.lose_the_topic()
    assert world.cut() is None
    world.commit("orders", 2)
    world.now_ms += 10_000
    second = world.cut()
    assert second is not None
    assert second.run_seq == 2


def test_an_aborted_transaction_leaves_no_trace() -> None:
    """What was not committed is cut again, as the same run."""
    world = settled_world()
    lost = [e for e in world.watcher.tick() if isinstance(e, SnapshotCommitted)]
    assert world.cut() == lost[0]


def test_a_failure_halts_and_resume_goes_on() -> None:
    """run.failed stops new cuts until somebody resumes; then what waits is cut at once, before it can fail again."""
    world = settled_world()
    world.step(world.watcher.failure(failure()))
    assert world.cut() is None
    resumed = world.step(world.watcher.request(request("resume")))
    assert [e.run_seq for e in resumed if isinstance(e, SnapshotCommitted)] == [1]
    assert world.cut() is None
    assert world.watcher.request(request("resume")) == []


def test_a_failure_of_an_older_generation_changes_nothing() -> None:
    """After a rebuild an older run's failure is superseded."""
    world = settled_world()
    world.step(world.watcher.request(request("rebuild")))
    rebuild = world.cut()
    assert rebuild is not None and rebuild.generation == 1
    assert world.watcher.failure(failure(generation=0)) == []


def test_a_rebuild_passes_the_halt_and_raises_the_generation() -> None:
    """It reads everything again, in a new generation, also while the dataset is halted."""
    world = settled_world()
    first = world.cut()
    assert first is not None
    world.decide(first)
    world.step(world.watcher.failure(failure()))
    world.step(world.watcher.request(request("rebuild")))
    run = world.cut()
    assert run is not None
    assert (run.kind, run.generation, run.run_seq, run.request_id) == ("rebuild", 1, 2, "r1")
    assert {t.from_snapshot for t in run.tables} == {None}


def test_a_request_is_taken_once() -> None:
    """The same request delivered again raises the generation once."""
    world = settled_world()
    world.step(world.watcher.request(request("rebuild")))
    assert world.watcher.request(request("rebuild")) == []


def test_a_request_does_not_wait_for_the_source_to_settle() -> None:
    """A person who asks gets the run at once, with what is there."""
    world = World()
    world.commit("users", 1)
    world.commit("orders", 1)
    world.step(world.watcher.request(request()))
    assert world.cut() is not None


def test_a_request_with_nothing_new_is_answered() -> None:
    """No empty run is made; the answer says so, and the request is done."""
    world = settled_world()
    first = world.cut()
    assert first is not None
    world.decide(first)
    world.step(world.watcher.request(request()))
    answer = [e for e in world.step() if isinstance(e, AlertRaised)]
    assert [a.severity for a in answer] == ["info"]
    assert world.step() == []


def test_a_rewritten_source_halts_with_an_alert() -> None:
    """A delete snapshot in the log stops the dataset once, and says what to do."""
    world = settled_world()
    first = world.cut()
    assert first is not None
    world.decide(first)
    world.commit("users", 2, operation="delete")
    world.now_ms += 10_000
    events = world.step()
    assert [type(e) for e in events] == [AlertRaised, WatcherState]
    assert isinstance(events[0], AlertRaised) and "--rebuild" in events[0].detail
    assert world.step() == []


def test_a_lost_table_halts_with_an_alert() -> None:
    """A table that has been published and is gone is a stop, not an empty cut."""
    world = settled_world()
    first = world.cut()
    assert first is not None
    world.decide(first)
    world.source.drop("shop", "orders")
    world.commit("users", 2)
    world.now_ms += 10_000
    alerts = [e for e in world.step() if isinstance(e, AlertRaised)]
    assert "orders" in alerts[0].detail


def test_a_table_still_to_come_is_waited_for() -> None:
    """A dataset whose tables are still being made is not stopped before the longest wait is over."""
    world = World()
    world.commit("users", 1)
    world.now_ms += 20_000
    assert world.step() == []
    world.now_ms += 60_000
    assert [type(e) for e in world.step()] == [AlertRaised, WatcherState]
