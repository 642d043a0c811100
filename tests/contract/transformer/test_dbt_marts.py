"""Facts and marts on hand-made rows: what counts as revenue, where sessions end, which version of an event counts."""

from decimal import Decimal
from typing import Any

import pytest
from transformer_bench import Bench, Row, moment

pytestmark = [pytest.mark.lab, pytest.mark.soak]  # in CI the oracle and the increments hold the same marts


def test_marts_count_what_is_live_and_not_cancelled(dbt: Bench) -> None:
    """Revenue leaves cancelled orders out, quotients are exact, flagged rows are kept, the future is not counted."""
    dbt.load(
        "ecommerce",
        1,
        {
            "users": [{"id": 1, "email": "a"}, {"id": 2, "email": "b"}, {"id": 3, "email": "c", "_op": "d"}],
            "products": [{"id": 1, "price": Decimal("1.00")}, {"id": 2, "price": Decimal("2.00")}],
            "orders": [
                order(1, 1, "10.00", "delivered", -1440),
                order(2, 1, "0.01", "shipped", -2880),
                order(3, 1, "99.99", "cancelled", -60),
                order(4, 3, "50.00", "pending", -60),
                order(5, 2, "-1.00", "lost", 60 * 24 * 400) | {"_flags": "status_known,total_not_negative"},
            ],
            "order_items": [item(1, 1, 1, 3, "1.00"), item(2, 2, 1, 4, "1.01"), item(3, 3, 1, 7, "9.00")],
        },
    )
    dbt.handle("ecommerce", 1)
    value = {row["user_id"]: row for row in dbt.rows("MARTS.customer_lifetime_value")}
    assert sorted(value) == [1, 2]
    expected = (2, 1, 7, Decimal("10.01"), Decimal("5.01"), 1)
    assert picked(
        value[1], "orders cancelled_orders units lifetime_revenue average_order_value days_since_last_order"
    ) == (expected)
    assert picked(value[2], "orders lifetime_revenue days_since_last_order") == (1, Decimal("-1.00"), 0)
    sales = {row["product_id"]: row for row in dbt.rows("MARTS.product_performance")}
    columns = "orders units_sold item_revenue average_unit_price cancelled_units cancelled_percent"
    assert picked(sales[1], columns) == (2, 7, Decimal("7.04"), Decimal("1.01"), 7, Decimal("50.00"))
    assert picked(sales[2], columns) == (0, 0, Decimal("0.00"), None, 0, None)
    days = {str(row["metric_date"]): row for row in dbt.rows("MARTS.daily_business_metrics")}
    assert sorted(days) == ["2026-02-27", "2026-02-28", "2026-03-01"]
    assert picked(days["2026-02-28"], "orders cancelled_orders revenue is_complete") == (1, 1, Decimal("10.00"), True)
    assert picked(days["2026-03-01"], "orders new_customers is_complete") == (0, 2, False)
    flags = {row["order_id"]: row["flags"] for row in dbt.rows("MARTS.fct_orders")}
    assert flags == {1: None, 2: None, 3: None, 5: "status_known,total_not_negative"}


def order(key: int, user_id: int, total: str, status: str, minutes: float) -> Row:
    return {
        "id": key,
        "user_id": user_id,
        "total_amount": Decimal(total),
        "status": status,
        "created_at": moment(minutes),
    }


def item(key: int, order_id: int, product_id: int, quantity: int, price: str) -> Row:
    return {
        "id": key,
        "order_id": order_id,
        "product_id": product_id,
        "quantity": quantity,
        "unit_price": Decimal(price),
    }


def picked(row: Row, columns: str) -> tuple[Any, ...]:
    return tuple(row[column] for column in columns.split())


def test_sessions_split_after_exactly_thirty_minutes_and_late_events_join_them(dbt: Bench) -> None:
    """30 minutes of silence still belong together, a millisecond more does not; a late event mends the session."""
    dbt.load(
        "events",
        1,
        {
            "user_events": [
                happened("a", "page_view", 0, device_type="mobile"),
                happened("b", "product_view", 30),
                happened("c", "purchase", 60 + 1 / 60000, transaction_id="t1"),
                happened("d", "purchase", 62, transaction_id="t1"),
            ],
            "transactions": [
                bought("t1", "p1", 2, "10.10"),
                bought("t1", "p2", 1, "0.90"),
                bought("t1", "p3", 9, "99.00", status="failed"),
            ],
        },
    )
    dbt.handle("events", 1)
    columns = "session_part session_duration_minutes page_views product_views purchases total_spent items_purchased"
    assert [picked(row, columns) for row in dbt.rows("MARTS.fct_sessions", "session_part")] == [
        (1, 30, 1, 1, 0, Decimal("0.00"), 0),
        (2, 1, 0, 0, 2, Decimal("11.00"), 3),
    ]
    dbt.load("events", 2, {"user_events": [happened("e", "search", 59), happened("f", "search", -1, device_type="tv")]})
    dbt.handle("events", 2)
    (session,) = dbt.rows("MARTS.fct_sessions")
    assert picked(session, columns) == (1, 63, 1, 1, 2, Decimal("11.00"), 3)
    assert picked(session, "searches device_type session_start converted_to_purchase") == (2, "tv", moment(-1), True)


def happened(event_id: str, event_type: str, minutes: float, **values: Any) -> Row:
    row = {"event_id": event_id, "event_type": event_type, "timestamp": moment(minutes), "transaction_id": None}
    return row | values


def bought(transaction_id: str, product_id: str, quantity: int, total: str, status: str = "completed") -> Row:
    return {
        "transaction_id": transaction_id,
        "product_id": product_id,
        "quantity": quantity,
        "total_amount": Decimal(total),
        "status": status,
    }


def test_of_events_the_latest_counts_and_of_equal_ones_the_earliest(dbt: Bench) -> None:
    """An event's later version replaces it; a repeat of the older version that was delivered later still does not."""
    first, second = happened("a", "page_view", 0, browser="one"), happened("a", "page_view", 0, browser="two")
    dbt.load("events", 1, {"user_events": [first | {"_ts_ms": 30}]})
    dbt.handle("events", 1)
    dbt.load("events", 2, {"user_events": [second | {"_ts_ms": 20}, first | {"_ts_ms": 10}]})
    dbt.handle("events", 2)
    assert [(row["browser"], row["_ts_ms"]) for row in dbt.rows("STAGING.stg_user_events")] == [("two", 20)]
