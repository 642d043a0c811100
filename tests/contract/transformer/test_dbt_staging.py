"""Staging over random sets of changes, held against a few lines of Python; windows against a build from nothing."""

import random
from decimal import Decimal
from typing import Any

import pytest
from transformer_bench import DAY_ZERO_MS, Bench, Row, moment

pytestmark = pytest.mark.lab

RANK = {"r": 0, "c": 1, "u": 2, "d": 3}
SIZES = {"users": 30, "products": 20, "orders": 40, "order_items": 60}


def winner(changes: list[Row]) -> Row:
    """The change that counts: a function of the set, written a second time and in another way."""
    earliest: dict[Any, Row] = {}
    for change in sorted(changes, key=lambda c: (c["_ts_ms"], c["_run_seq"])):
        delivery = change["_ts_ms"] if change["_lsn"] is None else None
        earliest.setdefault((change["_op"], change["_lsn"], delivery), change)
    in_log = [c for c in earliest.values() if c["_op"] != "r" and c["_lsn"] is not None]
    read = [c for c in earliest.values() if c["_op"] == "r" or c["_lsn"] is None]
    log = max(in_log, key=lambda c: (c["_lsn"], RANK[c["_op"]]), default=None)
    snapshot = max(read, key=lambda c: (c["_ts_ms"], c["_lsn"] or -1, RANK[c["_op"]]), default=None)
    return snapshot if snapshot and (not log or snapshot["_ts_ms"] > log["_ts_ms"]) else log  # type: ignore[return-value]


def random_change(dice: random.Random, table: str, key: int, run_seq: int) -> Row:
    """A change whose values follow from its identity, as a repeated delivery's do. Few LSNs and times, many ties."""
    op = dice.choice("rcuud")
    has_lsn = dice.random() > {"r": 0.4, "d": 0.2}.get(op, 0)
    lsn = dice.randint(1, 9) if has_lsn else None
    ts_ms = DAY_ZERO_MS + dice.randint(0, 12)
    said = f"{op}{lsn if lsn is not None else ts_ms}"
    rest: Row = {}
    if table == "users":
        rest = {"email": f"e{hash_of(said) % 40}@x", "created_at": moment(hash_of(said) % 4000)}
    if table == "products":
        rest = {"price": Decimal(hash_of(said) % 1000) / 100, "name": said}
    if table == "orders":
        rest = {"user_id": 1 + hash_of(said) % SIZES["users"], "total_amount": Decimal(hash_of(said) % 9999) / 100}
        rest["status"] = ["pending", "shipped", "cancelled"][hash_of(said) % 3]
        rest["created_at"] = moment(hash_of(said) % 8000)
    if table == "order_items":
        rest = {
            "order_id": 1 + hash_of(said) % SIZES["orders"],
            "product_id": 1 + hash_of(said) % SIZES["products"],
            "quantity": 1 + len(said) % 5,
        }
    return {"id": key, "_op": op, "_lsn": lsn, "_ts_ms": ts_ms, "_run_seq": run_seq, **rest}


def hash_of(text: str) -> int:
    """A hash that is the same in every process."""
    return sum(ord(letter) * 31**place for place, letter in enumerate(text))


def random_runs(dice: random.Random, changed: list[list[str]]) -> list[dict[str, list[Row]]]:
    """Changes by run and table. The first run has a row of every parent, as the lake promises."""
    found = []
    for run_seq, tables in enumerate(changed, 1):
        rows = {}
        for table in tables:
            all_keys = range(1, SIZES[table] + 1)
            keys = all_keys if run_seq == 1 else dice.choices(all_keys, k=SIZES[table])
            rows[table] = [random_change(dice, table, key, run_seq) for key in keys]
        found.append(rows)
    return found


def test_staging_is_the_winner_of_every_key_and_windows_add_up_to_a_build_from_nothing(dbt: Bench) -> None:
    """After each window staging is what the set of changes says; in the end a rebuild of all tables finds no change.

    In the last window only orders and their items change: the other parents are read as they are published. A product
    whose delete arrives before an older change stays deleted.
    """
    runs = random_runs(random.Random(1), [[*SIZES], [*SIZES], ["orders", "order_items"]])
    runs[0]["products"].append({"id": 99, "_op": "d", "_lsn": 50, "_ts_ms": DAY_ZERO_MS, "_run_seq": 1, "name": "gone"})
    runs[1]["products"].append({"id": 99, "_op": "u", "_lsn": 40, "_ts_ms": DAY_ZERO_MS, "_run_seq": 2, "name": "late"})
    so_far: dict[str, list[Row]] = {table: [] for table in SIZES}
    for run_seq, tables in enumerate(runs, 1):
        dbt.load("ecommerce", run_seq, tables)
        built = dbt.handle("ecommerce", run_seq)
        assert (built.from_seq, built.to_seq) == (run_seq - 1, run_seq)
        for table in SIZES:
            so_far[table] += tables.get(table, [])
            assert_winners(dbt, table, so_far[table])
        assert live_keys(dbt) == expected_live(so_far)
        assert shared_emails(dbt) == expected_shared(so_far["users"])
    assert [row["name"] for row in dbt.rows("STAGING.stg_products") if row["id"] == 99] == ["gone"]
    rebuilt = dbt.handle("ecommerce", len(runs) + 1, kind="rebuild", generation=2)
    assert (rebuilt.from_seq, sum(model.rows for model in rebuilt.models)) == (0, 0)
    for model in dbt.ports.models.models("ecommerce"):
        key = ", ".join(model.key)
        from_nothing = dbt.rows(f"{dbt.build_schema}.{model.name}", key)
        assert dbt.rows(f"{model.published_schema}.{model.name}", key) == from_nothing, model.name


def assert_winners(dbt: Bench, table: str, changes: list[Row]) -> None:
    """Staging holds the winner of every key, with the values that the change gave."""
    expected = [winner([change for change in changes if change["id"] == key]) for key in keys_of(changes)]
    found = dbt.rows(f"STAGING.stg_{table}")
    assert [{column: row[column] for column in change} for row, change in zip(found, expected, strict=True)] == expected
    assert [row["_deleted"] for row in found] == [change["_op"] == "d" for change in expected]


def keys_of(changes: list[Row]) -> list[int]:
    return sorted({change["id"] for change in changes})


def states(so_far: dict[str, list[Row]], table: str) -> dict[int, Row]:
    found = {key: winner([c for c in so_far[table] if c["id"] == key]) for key in keys_of(so_far[table])}
    return {key: row for key, row in found.items() if row["_op"] != "d"}


def expected_live(so_far: dict[str, list[Row]]) -> dict[str, list[int]]:
    users, products = states(so_far, "users"), states(so_far, "products")
    orders = {key: row for key, row in states(so_far, "orders").items() if row["user_id"] in users}
    items = states(so_far, "order_items")
    live_items = [k for k, row in items.items() if row["order_id"] in orders and row["product_id"] in products]
    return {"users": [*users], "products": [*products], "orders": [*orders], "order_items": live_items}


def live_keys(dbt: Bench) -> dict[str, list[int]]:
    tables = ("users", "products", "orders", "order_items")
    return {table: [row["id"] for row in dbt.rows(f"STAGING.live_{table}")] for table in tables}


def expected_shared(changes: list[Row]) -> list[int]:
    users = states({"users": changes}, "users")
    emails = [row["email"] for row in users.values()]
    return [key for key, row in users.items() if emails.count(row["email"]) > 1]


def shared_emails(dbt: Bench) -> list[int]:
    return [row["id"] for row in dbt.rows("STAGING.stg_users") if row["_state_flags"] == "email_not_unique"]
