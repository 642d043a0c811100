"""The marts about products and stock on hand-made rows."""

from datetime import timedelta
from decimal import Decimal

import pytest
from shop_rows import DAY, at, item, order, picked
from transformer_bench import DAY_ZERO, Bench, moment

pytestmark = [pytest.mark.lab, pytest.mark.soak]  # in CI the oracle and the increments hold the same marts


def test_product_performance(dbt: Bench) -> None:
    """Item revenue 80, 15, 5 and 0 of 100: the classes' limits are exact. A return is a cancellation after delivery."""
    products = [
        {"id": key, "price": Decimal(price), "category": category, "created_at": moment(-99 * DAY)}
        for key, price, category in ((1, "30.00", "x"), (2, "20.00", "y"), (3, "5.00", "x"), (4, "9.00", "x"))
    ]
    orders = [
        order(1, 1, "1.00", -DAY),
        order(2, 1, "1.00", -30 * DAY),
        order(3, 1, "1.00", -2 * DAY),
        order(4, 1, "1.00", -3 * DAY, _lsn=1),
        order(4, 1, "1.00", -3 * DAY, _lsn=2, status="cancelled"),
    ]
    items = [
        item(1, 1, 2, "30.00"),
        item(1, 2, 1, "15.00"),
        item(2, 1, 1, "20.00"),
        item(3, 3, 1, "5.00"),
        item(4, 1, 3, "30.00"),
    ]
    dbt.load("ecommerce", 1, {"users": [{"id": 1}], "products": products, "orders": orders, "order_items": items})
    dbt.handle("ecommerce", 1)
    found = dbt.rows("MARTS.product_performance")
    sales = "orders units_sold item_revenue average_unit_price price_realised_percent attach_rate_percent"
    assert [picked(row, sales) for row in found] == [
        (2, 3, Decimal("80.00"), Decimal("26.67"), Decimal("88.89"), Decimal("50.00")),
        (1, 1, Decimal("15.00"), Decimal("15.00"), Decimal("75.00"), Decimal("100.00")),
        (1, 1, Decimal("5.00"), Decimal("5.00"), Decimal("100.00"), Decimal("0.00")),
        (0, 0, Decimal("0.00"), None, None, None),
    ]
    shares = "cancelled_units cancelled_percent returned_units returned_percent"
    half = Decimal("50.00")
    assert [picked(row, shares) for row in found][:2] == [(3, half, 3, half), (0, Decimal(0), 0, Decimal(0))]
    places = "rank_in_category abc_class revenue_trend_percent"
    assert [picked(row, places) for row in found] == [
        (1, "A", Decimal("200.00")),
        (1, "B", None),
        (2, "C", None),
        (3, "C", None),
    ]


def test_stock_is_carried_on_and_measured_against_demand(dbt: Bench) -> None:
    """Ten pieces, none for five days, then forty; demand of 18 pieces in 90 days has a reorder point of 6.22, so 7."""
    entered = {"id": 1, "created_at": moment(-100 * DAY), "price": Decimal("2.00")}
    dead = {"id": 2, "created_at": moment(-100 * DAY), "price": Decimal("3.00"), "stock_quantity": 5}
    products = [
        at(-100 * DAY, 1, **entered, stock_quantity=10, updated_at=moment(-100 * DAY)),
        at(-10 * DAY, 2, **entered, stock_quantity=0),
        at(-5 * DAY, 3, **entered, stock_quantity=40),
        at(0, 4, **dead, updated_at=moment(-2 * DAY)),
    ]
    placed = {1: (-120 * DAY, 1), 2: (-1 * DAY, 7), 3: (-10 * DAY, 7), 4: (-40 * DAY, 4)}
    orders = [at(0, 10 + key, **order(key, 1, "1.00", minutes)) for key, (minutes, _) in placed.items()]
    items = [at(0, 20 + key, **item(key, 1, quantity, "2.00")) for key, (_, quantity) in placed.items()]
    tables = {"users": [at(0, 30, id=1)], "products": products, "orders": orders, "order_items": items}
    dbt.load("ecommerce", 1, tables)
    dbt.handle("ecommerce", 1)
    rows = dbt.rows("MARTS.fct_inventory_daily", "product_id, date_day")
    stock = {(row["product_id"], (row["date_day"] - DAY_ZERO.date()).days): row["stock_quantity"] for row in rows}
    assert sorted(stock) == [(1, day) for day in range(-100, 1)] + [(2, -2), (2, -1), (2, 0)]
    assert [stock[1, day] for day in (-100, -11, -10, -6, -5, 0)] == [10, 10, 0, 0, 40, 40]
    sold = {row["date_day"] - DAY_ZERO.date(): row["units_sold"] for row in rows if row["units_sold"]}
    assert sold == {timedelta(-1): 7, timedelta(-10): 7, timedelta(-40): 4}
    first, second = dbt.rows("MARTS.inventory_insights")
    columns = "demand_per_day_7_days demand_per_day_28_days demand_per_day_90_days demand_trend_percent days_of_cover"
    assert picked(first, columns) == tuple(Decimal(n) for n in ("1.00", "0.50", "0.20", "250.00", "80.00"))
    columns = "stock_quantity stock_change_28_days stock_out_days_28_days reorder_point is_to_reorder is_dead_stock"
    assert picked(first, columns) == (40, 30, 5, 7, False, False)
    assert picked(second, columns) == (5, None, 0, 0, False, True)
    assert (first["dead_stock_value"], second["dead_stock_value"]) == (Decimal(0), Decimal("15.00"))
