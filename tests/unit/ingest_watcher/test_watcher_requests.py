"""Requests and failures that come in each other's way, and sources that are in trouble."""

import pytest
from msgspec.structs import replace
from watcher_world import SHOP, World, failure, request, settled_world

from ingest_watcher.memory import MemorySource
from tidemark.errors import Retryable
from tidemark.events import AlertRaised, RunFailed, SnapshotCommitted
from tidemark.tables import Dataset, Registry
from tidemark_lake.decisions import Decision, MemoryDecisions


class Flaky(MemorySource):
    """A catalog that does not list the datasets in `away`."""

    def __init__(self) -> None:
        super().__init__()
        self.away: set[str] = set()

    def pointers(self, dataset: str) -> dict[str, str]:
        if dataset in self.away:
            raise Retryable(f"{dataset} is away")
        return super().pointers(dataset)


def failed(run: SnapshotCommitted, message: str = "m") -> RunFailed:
    """The run, failed in Spark."""
    return RunFailed(
        dataset=run.dataset,
        run_id=run.run_id,
        run_seq=run.run_seq,
        kind=run.kind,
        generation=run.generation,
        failed_stage="spark-submitter",
        error="E",
        message=message,
    )


def published_world() -> World:
    """The first run is published; both tables have another commit, made ten seconds ago."""
    world = settled_world()
    world.decide(world.must_cut())
    world.commit("users", 2)
    world.commit("orders", 2)
    world.now_ms += 10_000
    return world


def test_a_halted_dataset_takes_the_rebuild_behind_other_requests() -> None:
    """The rebuild is made and done; the request before it waits for its turn."""
    world = published_world()
    world.step(world.watcher.failure(failure()))
    world.ask(request("process", "r1"), request("rebuild", "r2"))
    rebuild = world.must_cut()
    assert (rebuild.kind, rebuild.request_id) == ("rebuild", "r2")
    assert [r.request_id for r in world.state().pending] == ["r1"]


def test_a_stop_answers_only_the_request_that_was_being_made() -> None:
    """Whoever waits for it sees the reason as a critical alert of the request; the others stay."""
    world = published_world()
    world.ask(request("process", "r1"), request("process", "r2"))
    world.source.drop("shop", "orders")
    alerts = [e for e in world.step() if isinstance(e, AlertRaised)]
    assert [(a.incident, a.severity) for a in alerts] == [
        ("shop/ingest-watcher/1", "critical"),
        ("shop/request/r1", "critical"),
    ]
    assert alerts[0].detail == alerts[1].detail
    assert [r.request_id for r in world.state().pending] == ["r2"]
    assert world.step() == []


def test_a_stop_that_nobody_asked_for_answers_nobody() -> None:
    """Only the dataset's own alert is raised."""
    world = published_world()
    world.source.drop("shop", "orders")
    alerts = [e.incident for e in world.step() if isinstance(e, AlertRaised)]
    assert alerts == ["shop/ingest-watcher/1"]


def test_a_rebuild_passes_a_run_that_failed_before_its_decision() -> None:
    """The failed run takes its place in the sequence no more, so the rebuild does."""
    world = published_world()
    second = world.must_cut()
    world.step(world.watcher.failure(failed(second)))
    world.ask(request("rebuild"))
    rebuild = world.must_cut()
    assert (rebuild.run_seq, rebuild.generation) == (second.run_seq, 1)
    assert (world.state().halted, world.state().failed_run_id) == (None, None)


def test_a_rebuild_waits_for_a_run_in_spark_when_an_older_one_failed() -> None:
    """A later stage halted the dataset; the run that is still in Spark is decided first, and keeps its place."""
    world = published_world()
    second = world.must_cut()
    world.step(world.watcher.failure(failure(run_id="an older one")))
    world.ask(request("rebuild"))
    assert world.cut() is None
    world.decide(second)
    assert world.must_cut().run_seq == second.run_seq + 1


def test_an_older_failure_does_not_hide_that_the_last_run_failed() -> None:
    """Also when the loader's failure of an older run is read after Spark's of the last one."""
    world = published_world()
    world.step(world.watcher.failure(failed(world.must_cut())))
    world.step(world.watcher.failure(failure(run_id="an older one")))
    world.ask(request("rebuild"))
    assert world.must_cut().kind == "rebuild"


def test_a_rebuild_waits_for_the_source_to_settle() -> None:
    """A full snapshot may be arriving; a source that is never quiet delays it no longer than the longest wait."""
    world = published_world()
    world.decide(world.must_cut())
    world.commit("users", 3)
    world.ask(request("rebuild"))
    assert world.cut() is None
    world.now_ms += 10_000
    assert world.must_cut().kind == "rebuild"


def test_a_rebuild_of_a_source_that_is_never_quiet_is_made() -> None:
    """It waits no longer than the longest wait since the source was quiet last."""
    world = World()
    world.ask(request("rebuild"))
    for count in range(1, 13):
        world.commit("users", count, every_ms=5_000)
        world.commit("orders", count, every_ms=5_000)
        assert world.cut() is None
        world.now_ms += 5_000
    assert world.must_cut().kind == "rebuild"


def test_trouble_of_one_dataset_does_not_hide_the_other() -> None:
    """What was found of the other is returned; the trouble is raised when there is nothing else to tell."""
    world = settled_world()
    flaky = Flaky()
    for table in ("users", "orders"):
        flaky.put("shop", table, world.source.history("shop", table))
    other = Dataset(source="other", curated="o", order="arrival", tables=[])
    both = Registry(datasets={"other": other, **SHOP.datasets}, tables=SHOP.tables, pairs={})
    world.source = flaky
    world.watcher = world.new_watcher(both)
    flaky.away = {"other"}
    assert world.must_cut().dataset == "shop"
    with pytest.raises(Retryable, match="other is away"):
        world.watcher.tick()


def test_a_failure_that_is_read_again_does_not_halt_again() -> None:
    """Also after a resume, and after a restart of the watcher."""
    world = published_world()
    world.step(world.watcher.failure(failure()))
    assert world.watcher.failure(failure()) == []
    world.ask(request("resume"))
    world.watcher = world.new_watcher()
    assert world.watcher.failure(failure()) == []
    assert world.state().halted is None


def test_only_the_newest_failures_are_remembered() -> None:
    """The list does not grow without end."""
    world = published_world()
    for number in range(102):
        world.step(world.watcher.failure(failure(run_id=f"run {number}")))
    expected = [failure(run_id=f"run {number}").event_id for number in range(2, 102)]
    assert expected == world.state().failures


def test_a_run_that_fails_again_in_the_same_words_lets_a_rebuild_pass() -> None:
    """The repeat halts nothing, but the run that has no decision must not hold the rebuild for ever."""
    world = published_world()
    second = world.must_cut()
    world.step(world.watcher.failure(failed(second)))
    world.ask(request("resume", "r1"))
    world.step(world.watcher.failure(failed(second)))
    assert world.state().halted is None
    world.ask(request("rebuild", "r2"))
    assert world.must_cut().kind == "rebuild"


def test_a_table_that_left_the_registry_is_no_loss() -> None:
    """It was published and is not in the source: without its place in the registry nobody misses it."""
    world = published_world()
    world.source.drop("shop", "orders")
    shop = Dataset(source="shop", curated="c", order="debezium", tables=["users"])
    world.watcher = world.new_watcher(Registry(datasets={"shop": shop}, tables=SHOP.tables, pairs={}))
    assert [t.table for t in world.must_cut().tables] == ["users"]


@pytest.mark.parametrize("kind", ["process", "rebuild"])
def test_a_compacted_source_is_work(kind: str) -> None:
    """Its appends have expired and only a replace is left: the rows are there, to be read by a first run or rebuild."""
    world = settled_world()
    if kind == "rebuild":
        world.decide(world.must_cut())
        world.ask(request("rebuild"))
    for table in ("users", "orders"):
        world.commit(table, 1, operation="replace")
    world.now_ms += 10_000
    run = world.must_cut()
    assert (run.kind, [(t.from_snapshot, t.to_snapshot, t.rows) for t in run.tables]) == (kind, [(None, 1, 0)] * 2)


class Counting(MemoryDecisions):
    """Decisions that know how often they were asked."""

    asked = 0

    def newest(self, dataset: str, after: int = 0) -> Decision | None:
        self.asked += 1
        return super().newest(dataset, after)


@pytest.mark.parametrize("operation", ["append", "replace"])
def test_an_idle_poll_reads_pointers_alone(operation: str) -> None:
    """Once all rows are published, also after a compaction or an empty commit."""
    world = World()
    world.decisions = Counting()
    world.watcher = world.new_watcher()
    for count in (1, 2):
        world.commit("users", count)
        world.commit("orders", count)
        world.now_ms += 10_000
        world.decide(world.must_cut())
    history, rows = world.source.history("shop", "users"), 5 if operation == "replace" else 0
    commit = replace(history.snapshots[2], snapshot_id=3, parent_id=2, operation=operation, rows=rows)
    world.source.put("shop", "users", replace(history, current=3, snapshots={**history.snapshots, 3: commit}))
    world.step()
    asked = world.decisions.asked
    world.step()
    assert world.decisions.asked == asked
    world.commit("orders", 3)
    world.now_ms += 10_000
    assert [(t.from_snapshot, t.to_snapshot) for t in world.must_cut().tables] == [(2, 3), (2, 3)]


def test_a_resume_that_cannot_cut_yet_is_not_forgotten() -> None:
    """Nothing new came since all was published, but a rollback made it work again: it is cut once settled."""
    world = settled_world()
    first = world.must_cut()
    world.decide(first)
    world.commit("users", 2)
    world.ask(request("process", "r1"))
    world.decide(world.must_cut())
    assert world.step() == []
    world.ask(request("rollback", "r2", first.run_id))
    world.decide(world.must_cut())
    world.ask(request("resume", "r3"))
    assert world.cut() is None
    world.now_ms += 10_000
    assert [(t.from_snapshot, t.to_snapshot) for t in world.must_cut().tables] == [(1, 2), (1, 1)]


def test_a_rollback_to_what_has_been_expired_is_answered_and_halts_nothing() -> None:
    """As for a run that never was: no run, no new generation, and other requests have their turn."""
    world = settled_world()
    first = world.must_cut()
    world.decide(first)
    world.lake.expired = {first.run_seq}
    world.ask(request("rollback", "r1", first.run_id))
    (answer,) = [event for event in world.step() if isinstance(event, AlertRaised)]
    assert (answer.incident, answer.severity) == ("shop/request/r1", "critical")
    assert "users, orders let go of its snapshots; ask for a rollback to a newer run" in answer.detail
    assert (world.state().pending, world.state().halted, world.state().generation) == ([], None, 0)
