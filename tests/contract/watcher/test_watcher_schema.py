"""Changes of the source's columns, each told as itself by the run that reads past them: real Iceberg, and the twin."""

from typing import Any

import pytest
from watcher_shop import Shop
from watcher_sources import DATASET, TABLE
from watcher_world import request

pytestmark = pytest.mark.lab
CHANGES: list[tuple[list[str], list[str], list[str]]] = [  # before, meanwhile, told
    ([], ["add note"], ["added note string?"]),
    (["add note"], ["drop note"], ["dropped note string?"]),
    (["add note"], ["rename note"], ["renamed note to remark"]),
    (["add note"], ["note first"], ["reordered from id, note to note, id"]),
    (["id required"], ["id nullable"], ["made id nullable, was required"]),
    ([], ["id required"], ["made id required, was nullable"]),
    ([], ["widen id"], ["changed id from int? to long?"]),
]


@pytest.fixture(params=CHANGES, ids=lambda change: change[1][0].replace(" ", "_"))
def change(request: pytest.FixtureRequest) -> Any:
    """What has happened, what happens, and what is told of it."""
    return request.param


def test_a_change_is_told_by_the_run_after_it(shop: Shop, change: Any) -> None:
    """Once: the next run, which reads nothing but rows, says nothing."""
    before, meanwhile, told = change
    shop.bench.alter(*before)
    shop.bench.append(2)
    shop.cut()
    shop.bench.alter(*meanwhile)
    shop.bench.append(3)
    assert shop.cut().schema_changes == told
    shop.bench.append(4)
    assert shop.cut().schema_changes == []


def test_a_change_is_told_by_the_rebuild_across_it(shop: Shop, change: Any) -> None:
    """Against the columns of the last snapshot that was read."""
    before, meanwhile, told = change
    shop.bench.alter(*before)
    shop.bench.append(2)
    shop.cut()
    shop.bench.alter(*meanwhile)
    shop.bench.append(3)
    assert shop.rebuild().schema_changes == told
    assert shop.rebuild().schema_changes == []


def test_a_change_is_told_by_the_rebuild_after_an_expiry(shop: Shop) -> None:
    """The last snapshot that was read is gone; which schema it had stands in the decision, also past a maintenance."""
    shop.world.ask(request("maintain"))
    shop.cut()
    read = shop.bench.source.history(DATASET, TABLE).current
    shop.bench.alter("add note")
    shop.bench.append(2)
    shop.bench.expire(read)
    assert "has expired" in shop.stop()
    assert shop.rebuild().schema_changes == ["added note string?"]


def test_all_at_once_are_told_one_by_one(shop: Shop) -> None:
    """A column dropped and made again is another one, whatever its name."""
    shop.bench.alter("add note")
    shop.bench.append(2)
    shop.cut()
    shop.bench.alter("widen id", "id required", "note first", "rename note")
    shop.bench.append(3)
    assert shop.cut().schema_changes == [
        "renamed note to remark",
        "changed id from int? to long",
        "made id required, was nullable",
        "reordered from id, note to remark, id",
    ]


def test_a_column_dropped_and_made_again_is_another_one(shop: Shop) -> None:
    """Its old values are gone, though the name and the type are the same."""
    shop.bench.alter("add note")
    shop.bench.append(2)
    shop.cut()
    shop.bench.alter("drop note")
    shop.bench.alter("add note")
    shop.bench.append(3)
    assert shop.cut().schema_changes == ["added note string?", "dropped note string?"]


def test_where_the_old_columns_are_not_known_the_new_ones_are_told(shop: Shop) -> None:
    """Nothing is called added that may have been there."""
    read = shop.bench.source.history(DATASET, TABLE).current
    shop.bench.alter("add note")
    shop.bench.append(2)
    shop.bench.expire(read)
    shop.bench.forget_schema(0)
    shop.stop()
    assert shop.rebuild().schema_changes == [
        f"the columns at snapshot {read}, the last one read, are not known any more; they are now id int?, note string?"
    ]


def test_of_a_table_that_was_made_again_the_columns_are_told(shop: Shop) -> None:
    """Its field ids are new, so that nothing can be compared."""
    shop.bench.drop()
    shop.bench.create()
    shop.bench.append(2)
    shop.stop()
    assert shop.rebuild().schema_changes == ["the table was made again; its columns are now id int?"]


def test_a_source_that_stands_still_tells_nothing(shop: Shop) -> None:
    """Nor does its first run, nor a rebuild."""
    assert shop.rebuild().schema_changes == []
