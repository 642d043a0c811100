"""The truth is what the delivered rows lead to, worked out here once more from the rows alone (upstream.md's order)."""

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import pytest

from tidemark_lab.upstream.truth import Truth

Row = dict[str, Any]
PARENTS = {"orders": {"user_id": "users"}, "order_items": {"order_id": "orders", "product_id": "products"}}
REQUIRED = {
    "users": ("email", "first_name", "last_name"),
    "products": ("name", "price"),
    "orders": ("user_id", "total_amount"),
    "order_items": ("order_id", "product_id", "quantity", "unit_price"),
}
MONEY = ("price", "total_amount", "unit_price")
STEPS = [1, 2, 3, 4, 5]


def state_of_key(changes: list[Row]) -> Row:
    """The order of one key's changes, straight from upstream.md."""
    earliest: dict[tuple[object, ...], Row] = {}
    for row in sorted(changes, key=lambda c: c["__ts_ms"], reverse=True):
        lsn = row["__source_lsn"]
        earliest[(row["__op"], lsn, row["__ts_ms"] if lsn is None else None)] = row
    logged = [c for c in earliest.values() if c["__op"] != "r"]
    read = [c for c in earliest.values() if c["__op"] == "r"]
    change = max(logged, key=lambda c: c["__source_lsn"]) if logged else None
    snapshot = max(read, key=lambda c: (c["__ts_ms"], c["__source_lsn"] or -1)) if read else None
    if change is None or (snapshot is not None and snapshot["__ts_ms"] > change["__ts_ms"]):
        assert snapshot is not None
        return snapshot
    return change


def readable(table: str, row: Row) -> bool:
    """Whether nothing in a row forbids using it."""
    if row["__op"] == "d":
        return True
    if any(row[c] is None for c in REQUIRED[table]):
        return False
    for clock in ("created_at", "updated_at"):
        if row[clock] is not None and not -62_135_596_800_000 <= row[clock] <= 253_402_300_799_999:
            return False
    try:
        [Decimal(row[c]).quantize(Decimal("0.01")) for c in MONEY if c in row]
    except InvalidOperation:
        return False
    if any(str(row.get(c)).upper() == "NAN" for c in MONEY):
        return False
    return table != "order_items" or 0 < row["quantity"] < 50


def expected(world: Any, step: int) -> dict[str, dict[str, Any]]:
    """Per table: state by key, keys of held rows, keys of quarantined rows, keys in the live view."""
    found: dict[str, dict[str, Any]] = {}
    for table in ("users", "products", "orders", "order_items"):
        changes, held, quarantined = defaultdict(list), set(), set()
        for row in world.lake.rows(f"ecommerce.{table}", step):
            parents = PARENTS.get(table, {}).items()
            if not readable(table, row):
                quarantined.add((row["id"], row["__op"], row["__source_lsn"]))
            elif row["__op"] != "d" and any(row[c] not in found[p]["state"] for c, p in parents):
                held.add((row["id"], row["__op"], row["__source_lsn"]))
            else:
                changes[row["id"]].append(row)
        state = {key: state_of_key(rows) for key, rows in changes.items()}
        live = {
            key
            for key, row in state.items()
            if row["__op"] != "d" and all(row[c] in found[p]["live"] for c, p in PARENTS.get(table, {}).items())
        }
        found[table] = {"state": state, "held": held, "quarantined": quarantined, "live": live}
    return found


def canonical(column: str, value: Any) -> object:
    """A delivered value as a canonical column holds it."""
    if value is None:
        return None
    if column in ("created_at", "updated_at"):
        return datetime.fromisoformat("1970-01-01") + timedelta(milliseconds=value)
    return Decimal(value) if column in MONEY else value


@pytest.mark.parametrize("step", STEPS)
def test_the_truth_of_every_step_is_what_the_delivered_rows_lead_to(world: Any, step: int) -> None:
    """State, live view, tombstones, held and quarantined rows equal an oracle over the delivered rows."""
    truth = Truth.load(world.home, step)
    for table, want in expected(world, step).items():
        state = {row["id"]: row for row in truth.state(table).to_pylist()}
        winner = {k: (r["__op"], r["__source_lsn"], r["__ts_ms"].timestamp()) for k, r in want["state"].items()}
        assert winner == {k: (r["_op"], r["_lsn"], r["_ts_ms"] / 1000) for k, r in state.items()}
        view = {row["id"]: row for row in truth.table(table).to_pylist()}
        columns = truth.table(table).column_names
        assert view == {k: {c: canonical(c, want["state"][k][c]) for c in columns} for k in want["live"]}
        assert truth.tombstones(table) == {k for k, r in want["state"].items() if r["__op"] == "d"}
        assert truth.hidden(table) == set(state) - want["live"] - truth.tombstones(table)
        for name, listed in (("held", truth.held(table)), ("quarantined", truth.quarantined(table))):
            assert {(r["id"], r["op"], r["lsn"]) for r in listed.to_pylist()} == want[name]


@pytest.mark.parametrize("step", STEPS)
def test_rows_appended_and_repeated_are_counted(world: Any, step: int) -> None:
    """Per table: rows appended as recorded, and a repeat is a known (key, LSN, op) that brings no earlier time."""
    truth = Truth.load(world.home)
    for table in ("users", "products", "orders", "order_items"):
        before = world.lake.rows(f"ecommerce.{table}", step - 1) if step > 1 else []
        known: dict[object, object] = {}
        for row in before:
            known[identity(row)] = min(known.get(identity(row), row["__ts_ms"]), row["__ts_ms"])
        new = world.lake.rows(f"ecommerce.{table}", step)[len(before) :]
        assert truth.rows_appended(step, table) == len(new)
        repeated = 0
        for row in sorted(new, key=lambda r: r["__ts_ms"]):
            repeated += identity(row) in known and row["__ts_ms"] >= known[identity(row)]
            known.setdefault(identity(row), row["__ts_ms"])
        assert truth.repeated(step, table) == repeated


def identity(row: Row) -> object:
    return (row["id"], row["__op"], row["__source_lsn"] or row["__ts_ms"])


def test_double_emails_are_those_of_the_live_view(world: Any) -> None:
    """An address is listed exactly when two living users have it, and some step has one."""
    found = []
    for step in STEPS:
        truth = Truth.load(world.home, step)
        holders = defaultdict(list)
        for row in truth.table("users").to_pylist():
            holders[row["email"]].append(row["id"])
        assert truth.double_emails() == {e: sorted(ids) for e, ids in holders.items() if len(ids) > 1}
        found.append(bool(truth.double_emails()))
    assert any(found)


def test_orphans_are_held_and_only_the_lost_ones_stay(world: Any) -> None:
    """Before settle some orders and items wait; after it only for parents that are lost or in quarantine alone."""
    assert any(Truth.load(world.home, step).held("orders").num_rows for step in STEPS[:-1])
    truth = Truth.load(world.home)
    lost = {k for s in STEPS for k in Truth.load(world.home, s).summary["missing"]["ecommerce.users"]}
    refused = set(truth.quarantined("users")["id"].to_pylist())
    waiting = set(truth.held("orders")["missing_users"].to_pylist())
    assert waiting
    assert waiting <= lost | refused
