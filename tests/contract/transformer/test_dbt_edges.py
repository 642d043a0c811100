"""Values at the edge that the job accepts, through the real dbt from RAW over staging to the marts."""

from datetime import datetime, timedelta

import pytest
from edge_values import FIRST, LAST, TEXTS
from transformer_bench import Bench, Row

pytestmark = pytest.mark.lab


def test_the_first_and_the_last_year_long_text_and_every_plane_come_to_staging_and_marts(dbt: Bench) -> None:
    """As a first build, and in a window with the neighbours that it touches."""
    texts = list(TEXTS.values())
    users = [
        {"id": key, "email": text, "created_at": FIRST, "updated_at": LAST, "_source_ts": LAST}
        for key, text in enumerate(texts, 1)
    ]
    orders = [order(key, text, at) for key, (text, at) in enumerate(zip(texts, cycled(len(texts)), strict=True), 1)]
    dbt.load("ecommerce", 1, {"users": users[:3], "orders": orders[:3]})
    dbt.handle("ecommerce", 1)
    dbt.load("ecommerce", 2, {"users": users[3:], "orders": orders[3:]})
    dbt.handle("ecommerce", 2)
    for table, key in (("STAGING.stg_users", "id"), ("STAGING.live_users", "id"), ("MARTS.dim_customers", "user_id")):
        found = dbt.rows(table, key)
        assert [(row["email"], row["created_at"], row["updated_at"]) for row in found] == [
            (text, FIRST, LAST) for text in texts
        ], table
    facts = dbt.rows("MARTS.fct_orders", "order_id")
    assert [(row["shipping_address"], row["ordered_at"]) for row in facts] == [
        (row["shipping_address"], row["created_at"]) for row in orders
    ]
    days = {row["metric_date"]: row["orders"] for row in dbt.rows("MARTS.daily_business_metrics")}
    assert days[FIRST.date()] == 3
    assert LAST.date() not in days


def order(key: int, text: str, at: datetime) -> Row:
    return {"id": key, "user_id": key, "status": "shipped", "shipping_address": text, "created_at": at}


def cycled(count: int) -> list[datetime]:
    return [FIRST if number % 2 == 0 else LAST for number in range(count)]


def test_sessions_of_the_first_and_the_last_year(dbt: Bench) -> None:
    """Thousands of years of silence are told from minutes, and nothing beyond the last year is computed."""
    last = LAST - timedelta(minutes=29)
    moments = [FIRST, last, LAST]
    events = [
        {"event_id": str(number), "event_type": "page_view", "timestamp": at, "page_url": text, "transaction_id": None}
        for number, (at, text) in enumerate(zip(moments, TEXTS.values(), strict=False))
    ]
    dbt.load("events", 1, {"user_events": events})
    dbt.handle("events", 1)
    found = dbt.rows("MARTS.fct_sessions", "session_part")
    assert [(row["session_start"], row["session_end"], row["session_duration_minutes"]) for row in found] == [
        (FIRST, FIRST, 0),
        (last, LAST, 29),
    ]
    staged = dbt.rows("STAGING.stg_user_events")
    assert [(row["timestamp"], row["page_url"]) for row in staged] == [
        (event["timestamp"], event["page_url"]) for event in events
    ]
