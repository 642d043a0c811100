"""The marts about customers on hand-made rows: prediction, tiers, cohorts, segments, regions."""

from decimal import Decimal

import pytest
from shop_rows import AUSTIN, DAY, order, picked
from transformer_bench import Bench, Row, moment

pytestmark = [pytest.mark.lab, pytest.mark.soak]  # in CI the oracle and the increments hold the same marts


def user(key: int, days: float = 400) -> Row:
    """A user who registered so many days ago."""
    return {"id": key, "email": f"{key}@x", "created_at": moment(-days * DAY)}


def test_the_prediction_is_what_the_formulas_say(dbt: Bench) -> None:
    """Two orders in 100 days and none in 300: m = 0.005, v = 2.5 / 100000, so the rates are 0.01 and 0.002 a day.

    One buyer tells nothing of the variance between buyers, so the mean of 20 stands for the value of an order.
    """
    orders = [
        order(1, 1, "10.00", -50 * DAY),
        order(2, 1, "30.00", -1 * DAY),
        order(3, 2, "9.00", 0, status="cancelled"),
    ]
    dbt.load("ecommerce", 1, {"users": [user(1, 100), user(2, 300)], "orders": orders})
    dbt.handle("ecommerce", 1)
    columns = "predicted_12_month_orders predicted_order_value predicted_12_month_value orders_per_year age_days tier"
    assert [picked(row, columns) for row in dbt.rows("MARTS.customer_lifetime_value")] == [
        (Decimal("3.6500"), Decimal("20.00"), Decimal("73.00"), Decimal("7.30"), 100, "platinum"),
        (Decimal("0.7300"), Decimal("20.00"), Decimal("14.60"), Decimal("0.00"), 300, "none"),
    ]


def test_tiers_are_shares_of_the_customers_and_ties_go_by_key(dbt: Bench) -> None:
    """Of ten customers with equal revenue one is platinum, two are gold, three silver; always the same ones."""
    orders = [order(key, key, "5.00", -DAY) for key in range(1, 11)]
    dbt.load("ecommerce", 1, {"users": [user(key) for key in range(1, 12)], "orders": orders})
    dbt.handle("ecommerce", 1)
    tiers = [row["tier"] for row in dbt.rows("MARTS.customer_lifetime_value")]
    assert tiers == ["platinum"] + 2 * ["gold"] + 3 * ["silver"] + 4 * ["bronze"] + ["none"]


def test_cohorts_have_a_row_for_every_month_since(dbt: Bench) -> None:
    """January's two customers: both, none, one. A cancelled order counts nowhere, one of next year as today's."""
    orders = [
        order(1, 1, "1.00", -50 * DAY),
        order(2, 1, "2.00", 0),
        order(3, 2, "4.00", -45 * DAY),
        order(4, 2, "8.00", -10 * DAY, status="cancelled"),
        order(5, 3, "16.00", -5 * DAY),
        order(6, 3, "32.00", 400 * DAY),
    ]
    dbt.load("ecommerce", 1, {"users": [user(key) for key in (1, 2, 3)], "orders": orders})
    dbt.handle("ecommerce", 1)
    columns = "cohort_month months_since customers active_customers retention_percent revenue"
    found = [picked(row, columns) for row in dbt.rows("MARTS.customer_cohorts", "cohort_month, months_since")]
    january, february = moment(-50 * DAY).date().replace(day=1), moment(-5 * DAY).date().replace(day=1)
    assert found == [
        (january, 0, 2, 2, Decimal("100.00"), Decimal("5.00")),
        (january, 1, 2, 0, Decimal("0.00"), Decimal("0.00")),
        (january, 2, 2, 1, Decimal("50.00"), Decimal("2.00")),
        (february, 0, 1, 1, Decimal("100.00"), Decimal("16.00")),
        (february, 1, 1, 1, Decimal("100.00"), Decimal("32.00")),
    ]


def test_segments_regions_and_signs_of_risk(dbt: Bench) -> None:
    """One customer for each quintile; equal numbers of orders are told apart by the key."""
    orders = [
        *(order(10 + n, 1, "100.00", -(1 + n) * DAY, shipping_address=AUSTIN) for n in range(3)),
        order(20, 2, "10.00", -2 * DAY, shipping_address="somewhere, US"),
        *(order(20 + n, 2, "10.00", -3 * DAY, status="cancelled") for n in (1, 2)),
        order(30, 3, "20.00", -50 * DAY, shipping_address=AUSTIN),
        order(31, 3, "20.00", -DAY, status="cancelled", shipping_address="2 Via Roma, London, ENG EC1A 1BB, GB"),
        *(order(40 + n, 4, "15.00", -(100 + 10 * n) * DAY) for n in (0, 1)),
        *(order(50 + n, 5, "100.00", -(200 + 190 * n) * DAY) for n in (0, 1)),
    ]
    dbt.load("ecommerce", 1, {"users": [user(key) for key in range(1, 7)], "orders": orders})
    dbt.handle("ecommerce", 1)
    columns = "recency_score frequency_score monetary_score segment region activity is_overdue is_often_cancelling"
    assert [picked(row, columns) for row in dbt.rows("MARTS.customer_segments")] == [
        (5, 5, 5, "champions", "US-TX", "active", False, False),
        (4, 1, 1, "new", "unknown", "active", False, True),
        (3, 2, 2, "need attention", "GB-ENG", "active", False, False),
        (2, 3, 3, "hibernating", "unknown", "lapsing", True, False),
        (1, 4, 4, "cannot lose", "unknown", "inactive", False, False),
        (None, None, None, "no orders", "unknown", "never ordered", False, False),
    ]
