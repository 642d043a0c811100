"""Versions and history: random sets of changes against plain Python, and hand-made ones that show what is meant."""

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from oracle_versions import by_key, history, versions
from transformer_bench import DAY_ZERO, DAY_ZERO_MS, Bench, Row, moment

pytestmark = pytest.mark.lab


def random_change(dice: random.Random, key: int, run_seq: int) -> Row:
    """A change whose values follow from its identity, as a repeat's do. Few LSNs and times, many ties."""
    op = dice.choice("rrcuud")
    lsn = dice.randint(1, 9) if dice.random() > {"r": 0.4, "d": 0.2}.get(op, 0) else None
    ts_ms = DAY_ZERO_MS + 1000 * dice.randint(0, 12)
    own = random.Random(f"{key}{op}{lsn or ts_ms}")
    return {
        "id": key,
        "_op": op,
        "_lsn": lsn,
        "_ts_ms": ts_ms,
        "_run_seq": run_seq,
        "_source_ts": own.choice([None, moment(own.randint(-3, 3) / 20)]),
        "price": Decimal(own.randint(1, 3)),
        "name": own.choice("ab"),
        "category": own.choice([None, "c"]),
        "created_at": own.choice([None, moment(own.randint(-3, 3) / 10)]),
        "updated_at": own.choice([None, moment(own.randint(-3, 3) / 10)]),
    }


def test_versions_of_random_changes_are_those_of_plain_python(dbt: Bench) -> None:
    """Order, numbers, intervals and stretches; the last version is the row of stg_products."""
    dice = random.Random(3)
    changes: list[Row] = []
    for run_seq in (1, 2):
        run = [random_change(dice, dice.randint(1, 60), run_seq) for _ in range(200)]
        changes += run
        dbt.load("ecommerce", run_seq, {"products": run})
        dbt.handle("ecommerce", run_seq)
        expected = {key: versions(found) for key, found in by_key(changes).items()}
        found = dbt.rows("STAGING.stg_product_versions", "id, _version")
        columns = "id _version _op _lsn _ts_ms _source_ts price valid_from valid_to"
        assert chosen(found, columns) == chosen([v for every in expected.values() for v in every], columns)
        latest = "id _op _lsn _ts_ms price"
        assert chosen(dbt.rows("STAGING.stg_products"), latest) == chosen([v[-1] for v in expected.values()], latest)
        stretches = [s for every in expected.values() for s in history(every, ["name", "price", "category"])]
        columns = "version name price category valid_from valid_to"
        assert chosen(dbt.rows("MARTS.dim_products_history", "product_id, version"), columns) == chosen(
            stretches, columns
        )


def chosen(rows: list[Row], columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns.split()) for row in rows]


def change(op: str, lsn: int | None, minutes: float, **values: Any) -> Row:
    """A change of key 1 that the source committed and the connector wrote so many minutes after day zero."""
    written = DAY_ZERO_MS + int(minutes * 60_000)
    return {"id": 1, "_op": op, "_lsn": lsn, "_ts_ms": written, "_source_ts": moment(minutes), **values}


@pytest.mark.soak
def test_a_customer_s_history_collapses_closes_and_opens_again(dbt: Bench) -> None:
    """Equal neighbours are one stretch, a delete ends it, the same values inserted again are a new one."""
    old, new = {"email": "old", "created_at": moment(-99)}, {"email": "new", "created_at": moment(-99)}
    log = [
        change("r", None, 0, **old),
        change("u", 10, 5, **old, first_name="x"),
        change("u", 11, 10, **new),
        change("d", 12, 20, **new),
        change("c", 13, 30, **new),
    ]
    dbt.load("ecommerce", 1, {"users": log[:2]})
    dbt.handle("ecommerce", 1)
    dbt.load("ecommerce", 2, {"users": [log[3], log[4], log[2]]})  # late, and in another order
    dbt.handle("ecommerce", 2)
    columns = "version email valid_from valid_to is_current"
    assert chosen(dbt.rows("MARTS.dim_customers_history", "version"), columns) == [
        (1, "old", moment(-99), moment(10), False),
        (2, "new", moment(10), moment(20), False),
        (3, "new", moment(30), None, True),
    ]


@pytest.mark.soak
def test_what_a_snapshot_read_counts_from_its_own_clock(dbt: Bench) -> None:
    """Rows read within the log's time are left out; one read after its end began when the row says it changed."""
    log = [
        change("r", None, 0, price=Decimal(1), created_at=moment(5)),
        change("u", 10, 10, price=Decimal(2)),
        change("r", None, 15, price=Decimal(9)),
        change("u", 11, 20, price=Decimal(3)),
        change("r", None, 90, price=Decimal(4), updated_at=moment(60)),
    ]
    dbt.load("ecommerce", 1, {"products": log})
    dbt.handle("ecommerce", 1)
    assert chosen(dbt.rows("MARTS.dim_products_history", "version"), "price valid_from valid_to") == [
        (Decimal(1), DAY_ZERO, moment(10)),  # no clock beyond the commit
        (Decimal(2), moment(10), moment(20)),
        (Decimal(3), moment(20), moment(60)),
        (Decimal(4), moment(60), None),
    ]


@pytest.mark.soak
def test_an_item_meets_the_price_that_was_valid_when_it_was_ordered(dbt: Bench) -> None:
    """The boundary belongs to the new price, an older order meets the first one, and a later correction moves it."""
    prices = [
        change("c", 1, 0, price=Decimal("1.00"), created_at=moment(0)),
        change("u", 3, 60, price=Decimal("3.00")),
        change("d", 4, 120, price=Decimal("3.00")),
        change("c", 5, 180, price=Decimal("5.00")),
    ]
    just_before = 60 - timedelta(milliseconds=1) / timedelta(minutes=1)
    placed = {1: -999.0, 2: 0.0, 3: just_before, 4: 60.0, 5: 150.0, 6: 999.0}
    orders = [
        {"id": key, "user_id": 1, "status": "pending", "created_at": moment(minutes)} for key, minutes in placed.items()
    ]
    items = [{"id": key, "order_id": key, "product_id": 1, "quantity": 1} for key in placed]
    dbt.load("ecommerce", 1, {"users": [{"id": 1}], "products": prices, "orders": orders, "order_items": items})
    dbt.handle("ecommerce", 1)
    assert [int(row["list_price"]) for row in dbt.rows("MARTS.fct_order_items")] == [1, 1, 1, 3, 3, 5]
    dbt.load("ecommerce", 2, {"products": [change("u", 2, 30, price=Decimal("2.00"))]})
    dbt.handle("ecommerce", 2)
    assert [int(row["list_price"]) for row in dbt.rows("MARTS.fct_order_items")] == [1, 1, 2, 3, 3, 5]
