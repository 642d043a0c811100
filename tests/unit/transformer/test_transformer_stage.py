"""raw.loaded -> marts.built on the twins: windows, repeats, generations, and runs that are healed by later ones."""

from typing import Any

import pytest
from msgspec.structs import replace

from tidemark.errors import DataTestFailed, NotMyTurn, Superseded
from tidemark.events import Kind, LoadedTable, RawLoaded
from transformer.memory import MemoryModels, MemoryWarehouse
from transformer.plan import plan, select
from transformer.ports import Model, Plan, Position, Publication, Window
from transformer.stage import Ports, transform

MODELS = [
    Model(name="stg_users", kind="incremental", published_schema="staging", key=["id"], columns=["id"], raw=["users"]),
    Model(
        name="stg_orders", kind="incremental", published_schema="staging", key=["id"], columns=["id"], raw=["orders"]
    ),
    Model(name="fct_orders", kind="table", published_schema="marts", key=["id"], columns=["id"], reads=["stg_orders"]),
    Model(
        name="value",
        kind="table",
        published_schema="marts",
        key=["id"],
        columns=["id"],
        reads=["stg_users", "fct_orders"],
    ),
    Model(name="days", kind="table", published_schema="marts", key=["id"], columns=["id"], as_of=True),
]


class World:
    """The twins; every model's build has one row that says up to which run it was built."""

    def __init__(self) -> None:
        self.warehouse = MemoryWarehouse()
        self.bad_until = 0  # tests fail for windows that end before
        self.models = MemoryModels({"ecommerce": MODELS}, self.fill)
        self.ports = Ports(warehouse=self.warehouse, models=self.models, clock=lambda: 0.0)

    def fill(self, planned: Plan, window: Window) -> None:
        if window.to_seq < self.bad_until:
            raise DataTestFailed("unique_fct_orders (1 rows)", window.to_seq)
        self.warehouse.build |= {model.name: [{"id": 1, "to": window.to_seq}] for model in planned.build}

    def load(self, run_seq: int, users: int = 1, orders: int = 1) -> None:
        self.warehouse.load("ecommerce", run_seq, {"users": users, "orders": orders}, 1000 + run_seq)


@pytest.fixture
def world() -> World:
    return World()


def event(run_seq: int, generation: int = 1, kind: Kind = "process") -> RawLoaded:
    tables = [LoadedTable(table=name, rows=1, files=1, bytes=1, seconds=0.0) for name in ("users", "orders")]
    return RawLoaded(
        dataset="ecommerce",
        run_id=f"run-{run_seq}",
        run_seq=run_seq,
        kind=kind,
        generation=generation,
        tables=tables,
        max_ts_ms=None,
        committed_at_ms=7,
        seconds=0.0,
    )


def windows(world: World) -> list[tuple[int, int, int]]:
    return [(w.from_seq, w.to_seq, w.as_of_ms) for w in world.models.windows]


def test_a_window_runs_from_the_last_published_run_to_this_one(world: World) -> None:
    """as_of is that of the window's end, also when RAW holds later runs already."""
    for run_seq in (1, 2, 3):
        world.load(run_seq)
    transform(event(1), world.ports)
    built = transform(event(2), world.ports)
    assert windows(world) == [(0, 1, 1001), (1, 2, 1002)]
    assert (built.from_seq, built.to_seq, built.as_of_ms, built.committed_at_ms) == (1, 2, 1002, 7)


def test_a_repeated_event_says_the_same_and_builds_nothing(world: World) -> None:
    """The kept receipt comes back."""
    world.load(1)
    first = transform(event(1), world.ports)
    assert transform(event(1), world.ports) == first
    assert len(world.models.windows) == 1


def test_an_older_generation_is_superseded(world: World) -> None:
    """Also for a run that was published in its time."""
    world.load(1)
    transform(event(1), world.ports)
    world.load(2)
    transform(event(2, generation=2, kind="rebuild"), world.ports)
    with pytest.raises(Superseded):
        transform(event(1), world.ports)


def test_a_rebuild_begins_at_the_beginning(world: World) -> None:
    """Every key is computed anew, in all models."""
    for run_seq in (1, 2):
        world.load(run_seq)
    transform(event(1), world.ports)
    built = transform(event(2, generation=2, kind="rebuild"), world.ports)
    assert windows(world)[-1] == (0, 2, 1002)
    assert [model.name for model in built.models] == [model.name for model in MODELS]


def test_failed_runs_are_taken_with_the_later_ones_that_raw_holds(world: World) -> None:
    """Refused alone, published with the run that heals it; the later run's own event then finds nothing left to do."""
    world.load(1)
    transform(event(1), world.ports)
    world.bad_until = 3
    world.load(2)
    with pytest.raises(DataTestFailed):
        transform(event(2), world.ports)
    world.load(3)
    healed, later = transform(event(2), world.ports), transform(event(3), world.ports)
    assert (healed.run_seq, healed.from_seq, healed.to_seq) == (2, 1, 3)
    assert (later.run_seq, later.from_seq, later.to_seq, later.models) == (3, 3, 3, [])


def test_leaving_flagged_rows_out_or_not_is_taken_up_by_the_next_run_for_all_rows(world: World) -> None:
    """Also by a run without rows; then windows go on from there, until the setting is taken back."""
    without = replace(world.ports, exclude_flagged=True)
    runs = [(1, world.ports), (2, without), (3, without), (4, world.ports)]
    for run_seq, ports in runs:
        world.load(run_seq, users=run_seq != 2, orders=run_seq != 2)
        transform(event(run_seq), ports)
    assert [(w.from_seq, w.to_seq, w.exclude_flagged) for w in world.models.windows] == [
        (0, 1, False),
        (0, 2, True),
        (2, 3, True),
        (0, 4, False),
    ]
    assert world.warehouse.position("ecommerce") == Position(1, 4, exclude_flagged=False)


def test_a_run_without_rows_publishes_only_its_ledger_row(world: World) -> None:
    """Nothing changed, so nothing is built, not even what depends on as_of."""
    world.load(1)
    transform(event(1), world.ports)
    world.load(2, users=0, orders=0)
    built = transform(event(2), world.ports)
    assert (built.models, world.warehouse.position("ecommerce")) == ([], Position(1, 2))
    assert len(world.models.windows) == 1


def test_publishing_after_somebody_else_did_is_not_my_turn(world: World) -> None:
    """A window made from an older position writes nothing."""
    world.load(1)
    transform(event(1), world.ports)
    window = Window(dataset="ecommerce", from_seq=0, to_seq=2, as_of_ms=0)
    late: dict[str, Any] = {"run_id": "other", "generation": 1, "window": window, "models": MODELS, "views": {}}
    before = dict(world.warehouse.tables)
    with pytest.raises(NotMyTurn):
        world.warehouse.publish(Publication(base=Position(0, 0), **late), lambda changed: pytest.fail("written"))
    assert world.warehouse.tables == before


def test_only_what_stands_below_a_changed_table_is_built() -> None:
    """And what depends on as_of, and what was never published."""
    published = {model.name for model in MODELS}
    assert [m.name for m in select(MODELS, ["users"], published)] == ["stg_users", "value", "days"]
    assert [m.name for m in select(MODELS, [], published - {"fct_orders"})] == ["fct_orders", "value"]
    assert select(MODELS, [], published) == []


def test_a_plan_starts_from_what_is_published_and_reads_the_rest() -> None:
    """Incremental models start from their published rows, unless all is built from the beginning."""
    published = {model.name for model in MODELS}
    build = select(MODELS, ["users"], published)
    made = plan(MODELS, build, published, full=False)
    assert [m.name for m in made.start_from] == ["stg_users"]
    assert [m.name for m in made.read] == ["fct_orders"]
    assert plan(MODELS, MODELS, published, full=True).start_from == []
