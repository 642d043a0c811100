"""The loader's stage with twins: once, in turn, newest generation only, nothing kept of what went wrong."""

from collections.abc import Sequence
from functools import partial

import pytest
from msgspec import structs

from loader.memory import MemoryLake, MemoryWarehouse
from loader.ports import Ports, Position
from loader.runs import missed_runs
from loader.stage import load, side_by_side
from tidemark.errors import Invalid, NotMyTurn, Retryable, Superseded, TypedStop
from tidemark.events import CuratedTable, Kind, LakeCurated, LoadedTable
from tidemark_lake.decisions import Decision, MemoryDecisions
from tidemark_lake.files import DataFile

TABLES = ("users", "orders")


def curated(run_seq: int, rows: dict[str, int], generation: int = 0, kind: Kind = "process") -> LakeCurated:
    """A run that accepted so many rows per table; snapshot ids are 10 * run_seq + the table's place."""
    tables = [
        CuratedTable(
            table=table,
            read=rows.get(table, 0),
            released=0,
            accepted=rows.get(table, 0),
            repeated=0,
            held=0,
            quarantined=0,
            flagged=0,
            changes_snapshot=10 * run_seq + place if rows.get(table) else None,
            current_snapshot=None,
            max_ts_ms=1000 * run_seq if rows.get(table) else None,
        )
        for place, table in enumerate(TABLES)
    ]
    return LakeCurated(
        dataset="ecommerce",
        run_id=f"run-{run_seq}-g{generation}",
        run_seq=run_seq,
        kind=kind,
        generation=generation,
        decision=run_seq,
        tables=tables,
        committed_at_ms=7,
        seconds=1.0,
    )


class World:
    """Twins, and runs whose files lie in the lake."""

    def __init__(self) -> None:
        self.lake = MemoryLake()
        self.warehouse = MemoryWarehouse(self.lake)
        self.decisions = MemoryDecisions()
        self.ports = Ports(lake=self.lake, warehouse=self.warehouse, decisions=self.decisions, clock=lambda: 0.0)

    def run(self, run_seq: int, rows: dict[str, int], generation: int = 0, kind: Kind = "process") -> LakeCurated:
        event = curated(run_seq, rows, generation, kind)
        for table in event.tables:
            if table.changes_snapshot is not None:
                content = [{"id": n, "_run_id": event.run_id} for n in range(table.accepted)]
                path = f"s3://lake/{table.table}/{run_seq}.parquet"
                self.lake.add("ecommerce", table.table, table.changes_snapshot, {path: content})
        self.decisions.put(
            Decision(
                number=run_seq,
                dataset="ecommerce",
                run_id=event.run_id,
                run_seq=run_seq,
                kind=kind,
                generation=generation,
                attempt="1",
                tables={},
                curated=event,
            )
        )
        return event

    def loaded(self) -> dict[str, int]:
        return {table: len(self.warehouse.rows(table)) for table in TABLES}


def test_a_run_is_loaded_with_a_ledger_row_for_every_table() -> None:
    """Also a table without rows in the run gets its ledger row; the event carries the receipts and the newest time."""
    world = World()
    event = world.run(1, {"users": 3})
    told = load(event, world.ports)
    assert told.tables == [
        LoadedTable(table="users", rows=3, files=1, bytes=300, seconds=0.0),
        LoadedTable(table="orders", rows=0, files=0, bytes=0, seconds=0.0),
    ]
    assert (told.run_id, told.run_seq, told.max_ts_ms, told.committed_at_ms) == (event.run_id, 1, 1000, 7)
    assert sorted((e.receipt.table, e.run_seq, e.max_ts_ms) for e in world.warehouse.ledger()) == [
        ("orders", 1, None),
        ("users", 1, 1000),
    ]


def test_a_redelivered_run_changes_nothing_and_says_the_same() -> None:
    """Any number of deliveries leads to the same rows and the same event, also after later runs."""
    world = World()
    first = world.run(1, {"users": 3, "orders": 2})
    told = load(first, world.ports)
    load(world.run(2, {"users": 1}), world.ports)
    assert load(first, world.ports) == told
    assert world.loaded() == {"users": 4, "orders": 2}


def test_a_redelivered_run_needs_nothing_of_the_lake() -> None:
    """What is in the ledger is told again even when its snapshot has expired since."""
    world = World()
    event = world.run(1, {"users": 3})
    told = load(event, world.ports)
    world.ports = structs.replace(world.ports, lake=MemoryLake())
    assert load(event, world.ports) == told


def test_a_file_that_only_the_warehouse_cannot_read_is_an_outage() -> None:
    """The lake still holds the file, so a later try can succeed."""
    world = World()
    event = world.run(1, {"users": 3})
    content = world.lake.contents.pop("s3://lake/users/1.parquet")

    class Comes(MemoryLake):
        def missing(self, dataset: str, table: str, files: Sequence[DataFile]) -> list[str]:
            world.lake.contents["s3://lake/users/1.parquet"] = content
            return []

        added_files = world.lake.added_files

    with pytest.raises(Retryable, match="cannot read"):
        load(event, structs.replace(world.ports, lake=Comes()))
    load(event, world.ports)
    assert world.loaded() == {"users": 3, "orders": 0}


def test_a_run_whose_predecessor_is_missing_waits() -> None:
    """Within a generation a run that the lake has not decided will still come: NotMyTurn, and nothing is written."""
    world = World()
    load(world.run(1, {"users": 1}), world.ports)
    with pytest.raises(NotMyTurn):
        load(curated(3, {"users": 1}), world.ports)
    assert world.loaded() == {"users": 1, "orders": 0}


def test_a_decided_predecessor_is_loaded_first() -> None:
    """A run that the lake has decided need not be waited for; its own event then says what its ledger row says."""
    world = World()
    load(world.run(1, {"users": 1}), world.ports)
    second = world.run(2, {"users": 2})
    load(world.run(3, {"users": 4}), world.ports)
    assert world.loaded() == {"users": 7, "orders": 0}
    assert [table.rows for table in load(second, world.ports).tables] == [2, 0]
    assert world.loaded() == {"users": 7, "orders": 0}


@pytest.mark.parametrize(("loaded_before", "kind", "generation"), [(0, "process", 0), (1, "rebuild", 1)])
def test_a_death_between_two_missed_runs_is_caught_up(loaded_before: int, kind: Kind, generation: int) -> None:
    """The lock row of the first missed run carries the event's generation; the next try goes on from there."""
    world = World()
    runs = [world.run(seq, {"users": seq, "orders": 1}) for seq in (1, 2, 3)]
    for run in runs[:loaded_before]:
        load(run, world.ports)
    event = world.run(4, {"users": 4}, generation=generation, kind=kind)

    class DiesAtRunThree(MemoryLake):
        def added_files(self, dataset: str, table: str, snapshot_id: int) -> list[DataFile]:
            if snapshot_id // 10 == 3:
                raise Retryable("dies here")
            return world.lake.added_files(dataset, table, snapshot_id)

    with pytest.raises(Retryable, match="dies here"):
        load(event, structs.replace(world.ports, lake=DiesAtRunThree()))
    assert world.loaded() == {"users": 3, "orders": 2}
    load(event, world.ports)
    assert world.loaded() == {"users": 10, "orders": 3}
    assert sorted((e.receipt.table, e.run_seq) for e in world.warehouse.ledger()) == [
        (table, seq) for table in ("orders", "users") for seq in (1, 2, 3, 4)
    ]


def test_an_older_generation_is_superseded() -> None:
    """What a rebuild has passed by is acknowledged without doing anything, even if it was loaded once."""
    world = World()
    first = world.run(1, {"users": 1})
    load(first, world.ports)
    load(world.run(2, {"users": 2}, generation=1, kind="rebuild"), world.ports)
    with pytest.raises(Superseded):
        load(first, world.ports)
    assert world.loaded() == {"users": 3, "orders": 0}


def test_a_rebuild_brings_the_runs_it_passed_by() -> None:
    """A run that was curated but never loaded stands in the changes tables; the rebuild's load fetches it first."""
    world = World()
    load(world.run(1, {"users": 1}), world.ports)
    world.run(2, {"users": 2, "orders": 5})
    load(world.run(3, {"users": 4}, generation=1, kind="rebuild"), world.ports)
    assert world.loaded() == {"users": 7, "orders": 5}
    assert sorted({(e.run_id, e.run_seq) for e in world.warehouse.ledger()}) == [
        ("run-1-g0", 1),
        ("run-2-g0", 2),
        ("run-3-g1", 3),
    ]


def test_a_warehouse_attached_later_is_filled_from_the_decisions() -> None:
    """An empty ledger at run 3: runs 1 and 2 are loaded first, in order."""
    world = World()
    world.run(1, {"users": 1})
    world.run(2, {"users": 2, "orders": 3})
    load(world.run(3, {"users": 4}), world.ports)
    assert world.loaded() == {"users": 7, "orders": 3}


def test_a_missed_run_without_a_decision_stops_with_a_remedy() -> None:
    """Nobody guesses what run 1 was: a typed stop that says what to do."""
    with pytest.raises(TypedStop, match=r"run 1 .*no decision.*replay"):
        missed_runs(curated(2, {}), Position(0, 0), MemoryDecisions())


def test_a_table_that_joins_later_begins_at_its_dataset_s_run() -> None:
    """A table registered at run 2 does not wait for a run 1 that it never had."""
    world = World()
    first = world.run(1, {"users": 1})
    load(structs.replace(first, tables=first.tables[:1]), world.ports)
    load(world.run(2, {"users": 1, "orders": 2}), world.ports)
    assert world.loaded() == {"users": 2, "orders": 2}


def test_rows_other_than_the_manifest_s_leave_nothing() -> None:
    """A file that loads with another number of rows is named, rolled back, and loads once it is right."""
    world = World()
    event = world.run(1, {"users": 3, "orders": 1})
    path = "s3://lake/users/1.parquet"
    removed = world.lake.contents[path].pop()
    with pytest.raises(TypedStop, match=f"{path} has 3 rows, loaded 2"):
        load(event, world.ports)
    assert world.loaded()["users"] == 0
    world.lake.contents[path].append(removed)
    load(event, world.ports)
    assert world.loaded() == {"users": 3, "orders": 1}


def test_a_vanished_file_is_named() -> None:
    """The stop names the file that the lake has lost."""
    world = World()
    event = world.run(1, {"users": 3})
    del world.lake.contents["s3://lake/users/1.parquet"]
    with pytest.raises(TypedStop, match=r"lake has lost s3://lake/users/1.parquet"):
        load(event, world.ports)
    assert world.loaded() == {"users": 0, "orders": 0}


def test_a_snapshot_that_is_not_the_run_s_is_refused() -> None:
    """The manifest's rows must be those that the run accepted."""
    world = World()
    event = world.run(1, {"users": 3})
    other = structs.replace(event.tables[0], accepted=4)
    with pytest.raises(TypedStop, match=r"accepted 4 rows of users.*added 3"):
        load(structs.replace(event, tables=[other]), world.ports)


def test_the_gravest_error_of_several_tables_wins() -> None:
    """A crash before everything, then what halts, then superseded, then an outage; only after all have ended."""

    def fail(error: Exception) -> None:
        raise error

    for graver, lighter in [
        (ValueError("crash"), Invalid("no")),
        (Invalid("no"), Superseded("old")),
        (Superseded("old"), Retryable("away")),
    ]:
        with pytest.raises(type(graver)):
            side_by_side([partial(fail, lighter), partial(fail, graver)])
