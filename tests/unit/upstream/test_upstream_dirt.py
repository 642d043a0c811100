"""Every kind of dirt is there at a small scale, and is recorded."""

from collections import Counter
from typing import Any

import pytest

from tidemark_lab.upstream.dirty_values import FAULTS
from tidemark_lab.upstream.truth import Truth

DELIVERY = {
    "users": "again crashed earlier_repeat earlier_snapshot_repeat email_given_up email_taken farewell incremental "
    "late_before_delete late_email null_lsn older_in_later_append older_in_later_step parent_at_settle parent_later "
    "rekey repeat_later_append repeat_later_step repeat_same_append tie",
    "products": "again copy crashed earlier_repeat earlier_snapshot_repeat farewell incremental late_before_delete "
    "null_lsn older_in_later_append older_in_later_step repeat_later_append repeat_later_step repeat_same_append tie",
    "orders": "cascade crashed incremental late_cascade null_lsn older_in_later_append older_in_later_step "
    "parent_at_settle parent_later repeat_later_append repeat_later_step repeat_same_append",
    "order_items": "cascade crashed incremental late_cascade null_lsn older_in_later_append older_in_later_step "
    "repeat_later_append repeat_later_step repeat_same_append",
}
STEPS = [1, 2, 3, 4, 5]


@pytest.fixture(scope="module")
def recorded(world: Any) -> dict[str, Counter[str]]:
    """Kinds of dirt by table over all steps."""
    found: dict[str, Counter[str]] = {}
    for step in STEPS:
        for name, kinds in Truth.load(world.home, step).summary["dirt"].items():
            found.setdefault(name.split(".")[1], Counter()).update(kinds)
    return found


@pytest.mark.parametrize("table", sorted(DELIVERY))
def test_every_way_to_be_late_doubled_or_out_of_order_happens(recorded: Any, table: str) -> None:
    """Each kind of delivery dirt is recorded for each table that can have it."""
    assert {kind for kind in DELIVERY[table].split() if not recorded[table][kind]} == set()


def test_every_broken_value_happens(recorded: Any) -> None:
    """Each fault is recorded in its table."""
    assert [fault for fault in FAULTS if not recorded[fault.table][fault.kind]] == []


def test_events_are_late_and_repeated(recorded: Any) -> None:
    """Both tables of events have late rows and repeats, within a step and across steps."""
    for table in ("user_events", "transactions"):
        assert {"late", "repeat_same_step", "repeat_later_step"} <= set(recorded[table])


def test_some_rows_and_some_parents_never_come(world: Any) -> None:
    """Lost updates and lost parents are listed by key, and no row of a lost parent is delivered."""
    missing = [Truth.load(world.home, step).summary["missing"] for step in STEPS]
    assert any(m["ecommerce.users"] for m in missing)
    held = Truth.load(world.home).held("orders")["missing_users"].to_pylist()
    delivered = {row["id"] for row in world.lake.rows("ecommerce.users") if row["__op"] != "d" and row["email"]}
    lost = {key for m in missing for key in m["ecommerce.users"]} & set(held)
    assert lost
    assert not lost & delivered


def test_a_change_overtakes_a_snapshot_row_of_higher_lsn(world: Any) -> None:
    """Per table some key's change has a lower LSN than the snapshot row that came before it."""
    for table in DELIVERY:
        rows = world.lake.rows(f"ecommerce.{table}")
        read = {r["id"]: r for r in rows if r["__op"] == "r" and r["__source_lsn"] is not None}
        overtaking = [
            r
            for r in rows
            if r["__op"] in "ud"
            and r["id"] in read
            and r["__source_lsn"] < read[r["id"]]["__source_lsn"]
            and r["__ts_ms"] > read[r["id"]]["__ts_ms"]
        ]
        assert overtaking, table


def test_first_deliveries_follow_the_lsn(world: Any) -> None:
    """Per table the earliest __ts_ms of changes never goes back when their LSN goes up."""
    for table in DELIVERY:
        first: dict[tuple[int, int, str], Any] = {}
        for r in world.lake.rows(f"ecommerce.{table}"):
            key = (r["__source_lsn"], r["id"], r["__op"])
            if r["__op"] != "r":
                first[key] = min(first.get(key, r["__ts_ms"]), r["__ts_ms"])
        times = [first[key] for key in sorted(first)]
        assert times == sorted(times)


def test_order_items_never_move_their_updated_at(world: Any) -> None:
    """updated_at of an item is the time it was created, whatever happens to it."""
    rows = [r for r in world.lake.rows("ecommerce.order_items") if r["__op"] == "u"]
    assert rows
    moved = [
        r for r in rows if r["updated_at"] != r["created_at"] and abs(r["created_at"] - 1_700_000_000_000) < 10**11
    ]
    assert moved == []


def test_a_delta_comes_in_several_small_appends(world: Any) -> None:
    """Every step before settle appends to every table at least twice."""
    for name, commits in world.lake.commits.items():
        steps = Counter(int(mark.split("-")[1]) for mark, _ in commits)
        assert all(steps[step] >= 2 for step in STEPS[:-1]), name
