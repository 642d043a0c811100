"""Publication on the memory twin and on the real connector: the same promises, kept by the same suite."""

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from publication_benches import DAYS, EMPTY, VISITS, Bench, Row, in_order, publication, receipt_of

from tidemark.errors import NotMyTurn, Superseded
from tidemark.events import MartsBuilt
from tidemark.failpoints import FailpointError
from transformer.ports import Loaded, Plan, Position, Warehouse

pytestmark = pytest.mark.lab

MODELS = {model.name: model for model in (DAYS, VISITS)}
FIRST: list[Row] = [(1, "same", Decimal("1.00")), (2, "old", Decimal("2.00")), (3, "gone", Decimal("3.00"))]
SECOND: list[Row] = [(1, "same", Decimal("1.00")), (2, "new", Decimal("2.00")), (4, "come", Decimal("4.00"))]


def publish(
    bench: Bench,
    run_seq: int,
    rows: Mapping[str, list[Row]],
    process: Warehouse | None = None,
    base: Position | None = None,
    **of: Any,
) -> MartsBuilt:
    """Publish these rows by model as a run that was made from `base` (None: from what stands now)."""
    warehouse = process or bench.warehouse()
    warehouse.prepare(EMPTY)
    for name, built in rows.items():
        bench.put(warehouse, MODELS[name], built)
    start = base or warehouse.position(of.get("dataset", "ecommerce"))
    told = publication([MODELS[name] for name in rows], run_seq, start, **of)
    return warehouse.publish(told, partial(receipt_of, told))


def rows_changed(built: MartsBuilt) -> dict[str, int]:
    return {model.name: model.rows for model in built.models}


def test_what_is_published_are_the_build_s_rows(bench: Bench) -> None:
    """Also a table without rows; ledger and position say so, and the names are known as published."""
    warehouse = bench.warehouse()
    assert (warehouse.position("ecommerce"), warehouse.published([DAYS, VISITS])) == (Position(0, 0), set())
    built = publish(bench, 3, {"days": FIRST, "visits": []})
    assert rows_changed(built) == {"days": 3, "visits": 0}
    assert (bench.published(DAYS), bench.published(VISITS)) == (FIRST, [])
    assert (bench.ledger(), warehouse.position("ecommerce")) == (["ecommerce-3"], Position(1, 3))
    assert warehouse.receipt("ecommerce", "ecommerce-3") == built
    assert warehouse.published([DAYS, VISITS]) == {"days", "visits"}


def test_a_later_publication_changes_exactly_the_difference(bench: Bench) -> None:
    """Of three rows one stays, one changes, one goes, and one comes."""
    publish(bench, 1, {"days": FIRST})
    built = publish(bench, 2, {"days": SECOND})
    assert bench.published(DAYS) == SECOND
    assert rows_changed(built) == {"days": 2}


def test_a_null_is_a_value_like_any_other(bench: Bench) -> None:
    """A null that stays changes nothing; one that comes or goes is a change; so is an empty text in its place."""
    nothing: Row = (1, None, None)
    publish(bench, 1, {"days": [nothing, (2, None, Decimal("1.00")), (3, "x", None)]})
    later: list[Row] = [nothing, (2, "", Decimal("1.00")), (3, "x", Decimal("0.00"))]
    built = publish(bench, 2, {"days": later})
    assert bench.published(DAYS) == in_order(later)
    assert rows_changed(built) == {"days": 2}
    assert rows_changed(publish(bench, 3, {"days": later})) == {"days": 0}


def test_a_row_that_stands_twice_is_mended(bench: Bench) -> None:
    """What a stranger put twice into a published table stands once again after the next publication."""
    publish(bench, 1, {"days": FIRST})
    bench.meddle(DAYS, [FIRST[0], FIRST[1], (9, "strange", None)])
    publish(bench, 2, {"days": FIRST})
    assert bench.published(DAYS) == FIRST


def test_rows_of_one_part_of_a_key_are_told_apart(bench: Bench) -> None:
    """Of a key of two columns both count: the other row of the same id stays."""
    publish(bench, 1, {"visits": [(1, "a", Decimal(1)), (1, "b", Decimal(2)), (2, "a", Decimal(3))]})
    later: list[Row] = [(1, "a", Decimal(1)), (1, "b", Decimal(7)), (2, "b", Decimal(3))]
    assert rows_changed(publish(bench, 2, {"visits": later})) == {"visits": 2}
    assert bench.published(VISITS) == later


def test_a_repeated_publication_changes_nothing(bench: Bench) -> None:
    """Whatever the second build holds: no row, no second ledger row, and the receipt that was kept."""
    first = publish(bench, 1, {"days": FIRST}, base=Position(0, 0))
    again = publish(bench, 1, {"days": SECOND}, base=Position(0, 0))
    assert again == first
    assert (bench.published(DAYS), bench.ledger()) == (FIRST, ["ecommerce-1"])


def test_a_stale_generation_is_superseded(bench: Bench) -> None:
    """After a rebuild nothing of the generation before it is written, also by who has built already."""
    publish(bench, 1, {"days": FIRST})
    publish(bench, 2, {"days": FIRST}, generation=2)
    with pytest.raises(Superseded):
        publish(bench, 3, {"days": SECOND}, base=Position(1, 1), generation=1)
    assert (bench.published(DAYS), bench.ledger()) == (FIRST, ["ecommerce-1", "ecommerce-2"])
    assert bench.warehouse().position("ecommerce") == Position(2, 2)


@pytest.mark.parametrize("run_seq", [2, 3, 9])
def test_what_was_built_from_an_older_position_writes_nothing(bench: Bench, run_seq: int) -> None:
    """Somebody else has published since: the window is not the right one any more, be its end older or newer."""
    publish(bench, 1, {"days": FIRST})
    publish(bench, 4, {"days": SECOND})
    with pytest.raises(NotMyTurn):
        publish(bench, run_seq, {"days": FIRST}, base=Position(1, 1))
    assert (bench.published(DAYS), bench.ledger()) == (SECOND, ["ecommerce-1", "ecommerce-4"])
    assert bench.warehouse().position("ecommerce") == Position(1, 4)


def test_the_position_says_whether_flagged_rows_are_left_out(bench: Bench) -> None:
    """As the newest publication had it; a build from a position that had it otherwise writes nothing."""
    for run_seq, left_out in ((1, True), (2, False), (3, True)):
        publish(bench, run_seq, {"days": FIRST}, exclude_flagged=left_out)
        assert bench.warehouse().position("ecommerce") == Position(1, run_seq, left_out)
    with pytest.raises(NotMyTurn):
        publish(bench, 4, {"days": SECOND}, base=Position(1, 3, exclude_flagged=False))
    assert bench.published(DAYS) == FIRST


def test_datasets_do_not_touch_each_other(bench: Bench) -> None:
    """Each has its own tables, position, generation and ledger rows."""
    publish(bench, 5, {"days": FIRST}, generation=2)
    publish(bench, 1, {"visits": SECOND}, dataset="events")
    assert (bench.published(DAYS), bench.published(VISITS)) == (FIRST, SECOND)
    assert bench.ledger() == ["ecommerce-5", "events-1"]
    warehouse = bench.warehouse()
    assert [warehouse.position(name) for name in ("ecommerce", "events")] == [Position(2, 5), Position(1, 1)]
    assert warehouse.receipt("events", "ecommerce-5") is None


def test_a_crash_before_the_commit_leaves_the_old_marts(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """No row, no ledger row, the old position; another process then publishes the run as if nothing had been."""
    publish(bench, 1, {"days": FIRST, "visits": FIRST})
    with monkeypatch.context() as armed:
        armed.setenv("TIDEMARK_FAILPOINTS", "transformer.before-commit=raise")
        with pytest.raises(FailpointError):
            publish(bench, 2, {"days": SECOND, "visits": SECOND})
    assert (bench.published(DAYS), bench.published(VISITS)) == (FIRST, FIRST)
    assert (bench.ledger(), bench.warehouse().position("ecommerce")) == (["ecommerce-1"], Position(1, 1))
    publish(bench, 2, {"days": SECOND, "visits": SECOND})
    assert (bench.published(DAYS), bench.published(VISITS)) == (SECOND, SECOND)
    assert bench.ledger() == ["ecommerce-1", "ecommerce-2"]


def test_a_build_starts_from_what_is_published(bench: Bench) -> None:
    """With its rows for what is started from and for what is read; what an earlier attempt built is gone."""
    publish(bench, 1, {"days": FIRST, "visits": SECOND})
    warehouse = bench.warehouse()
    warehouse.prepare(EMPTY)
    bench.put(warehouse, DAYS, SECOND)
    bench.put(warehouse, VISITS, FIRST)
    warehouse.prepare(Plan([DAYS], [DAYS], [VISITS]))
    assert (bench.built(warehouse, DAYS), bench.built(warehouse, VISITS)) == (FIRST, SECOND)
    bench.put(warehouse, DAYS, [])
    assert bench.published(DAYS) == FIRST


def test_raw_s_ledger_tells_what_changed_in_a_window(bench: Bench) -> None:
    """Tables with rows of (from_seq, to_seq], the newest change up to its end, and how far whole runs are loaded."""
    bench.load("ecommerce", 1, {"users": 2, "orders": 1}, 100)
    bench.load("ecommerce", 2, {"users": 0, "orders": 3}, 90)
    bench.load("ecommerce", 3, {"users": 1}, 300)
    bench.load("events", 7, {"user_events": 5}, 700)
    warehouse = bench.warehouse()
    assert warehouse.loaded("ecommerce", 0, 2) == Loaded(["orders", "users"], 100)
    assert warehouse.loaded("ecommerce", 1, 2) == Loaded(["orders"], 100)
    assert warehouse.loaded("ecommerce", 2, 3) == Loaded(["users"], 300)
    assert warehouse.loaded("events", 0, 6) == Loaded([], None)
    assert [warehouse.newest_loaded("ecommerce", tables) for tables in (1, 2, 3)] == [3, 2, 0]
