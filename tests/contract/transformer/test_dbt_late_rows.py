"""Rows that come late, go, or change what was told before: the facts and marts follow, as if they had come in order."""

from decimal import Decimal

import pytest
from shop_rows import DAY, HOUR, at, item, order, picked
from transformer_bench import Bench, Row, moment

pytestmark = [pytest.mark.lab, pytest.mark.soak]  # in CI the oracle and the increments hold the same marts


def known() -> dict[str, list[Row]]:
    """A shipped order of two pieces at their list price, as of hour 50."""
    placed, statuses = order(1, 1, "10.00", 0), ((0, "pending"), (50, "shipped"))
    return {
        "users": [at(-DAY, 1, id=1, created_at=moment(-DAY))],
        "products": [at(-DAY, 2, id=1, price=Decimal("5.00"), created_at=moment(-DAY), stock_quantity=9)],
        "order_items": [at(0, 10, **item(1, 1, 2, "5.00"))],
        "orders": [at(hour * HOUR, 10 + hour, **placed | {"status": status}) for hour, status in statuses],
    }


@pytest.fixture
def shop(dbt: Bench) -> Bench:
    """That order, published."""
    dbt.load("ecommerce", 1, known())
    dbt.handle("ecommerce", 1)
    return dbt


def steps(dbt: Bench) -> list[tuple[object, ...]]:
    rows = dbt.rows("MARTS.fct_order_status_transitions", "order_id, step")
    return [picked(row, "step to_status hours_in_status is_skipped") for row in rows]


def test_a_late_change_finds_its_place_between_two_known_ones(shop: Bench) -> None:
    """What looked like a jump from pending to shipped was none."""
    assert steps(shop) == [(1, "pending", Decimal(50), False), (2, "shipped", None, True)]
    late = at(20 * HOUR, 30, **order(1, 1, "10.00", 0, status="processing"))
    shop.load("ecommerce", 2, {"orders": [late]})
    shop.handle("ecommerce", 2)
    assert steps(shop) == [
        (1, "pending", Decimal(20), False),
        (2, "processing", Decimal(30), False),
        (3, "shipped", None, False),
    ]


def test_a_deleted_order_leaves_every_mart(shop: Bench) -> None:
    """Its item's own delete is still under way; an older change that arrives later does not bring it back."""
    gone = at(60 * HOUR, 80, **order(1, 1, "10.00", 0, _op="d"))
    shop.load("ecommerce", 2, {"orders": [gone]})
    shop.handle("ecommerce", 2)
    shop.load("ecommerce", 3, {"orders": [at(55 * HOUR, 70, **order(1, 1, "10.00", 0))]})
    shop.handle("ecommerce", 3)
    for model in ("fct_order_status_transitions", "fct_order_items", "customer_cohorts", "shipping_patterns"):
        assert shop.rows(f"MARTS.{model}") == [], model
    (customer,) = shop.rows("MARTS.customer_segments")
    assert picked(customer, "segment region") == ("no orders", "unknown")
    assert {row["units_sold"] for row in shop.rows("MARTS.fct_inventory_daily")} == {0}


def test_a_corrected_price_moves_what_was_realised(shop: Bench) -> None:
    """The list price of an item follows the product's history, also when that is mended later."""
    (before,) = shop.rows("MARTS.product_performance")
    mended = at(-HOUR, 3, id=1, price=Decimal("8.00"), created_at=moment(-DAY), stock_quantity=9)
    shop.load("ecommerce", 2, {"products": [mended]})
    shop.handle("ecommerce", 2)
    (after,) = shop.rows("MARTS.product_performance")
    columns = "price price_realised_percent"
    assert (picked(before, columns), picked(after, columns)) == (
        (Decimal("5.00"), Decimal(100)),
        (Decimal("8.00"), Decimal("62.50")),
    )
