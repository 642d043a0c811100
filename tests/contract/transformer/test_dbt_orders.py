"""The way of the orders on hand-made rows: transitions, funnel, stuck orders, shipping, cancellations, calendar."""

from decimal import Decimal
from typing import Any

import pytest
from shop_rows import AUSTIN, DAY, HOUR, at, order, picked
from transformer_bench import Bench, Row, moment

pytestmark = [pytest.mark.lab, pytest.mark.soak]  # in CI the oracle and the increments hold the same marts


def way(key: int, total: str, *statuses: tuple[float, str], **values: Any) -> list[Row]:
    """An order placed at hour 0 that came to each status at an hour."""
    placed = order(key, 1, total, 0, **values)
    return [at(hour * HOUR, 10 * key + n, **placed | {"status": status}) for n, (hour, status) in enumerate(statuses)]


WAYS = [
    *way(1, "10", (0, "pending"), (10, "processing"), (20, "shipped"), (50, "delivered"), shipping_address=AUSTIN),
    *way(2, "55", (0, "pending"), (4, "shipped"), (5, "processing"), shipping_address=AUSTIN),
    *way(3, "10", (0, "pending"), (1, "pending"), (2, "cancelled"), (3, "pending")),
    *way(4, "60", (6, "delivered"), (30, "cancelled"), updated_at=moment(5 * HOUR)),
    *way(5, "10", (0, "pending")),
]


@pytest.fixture
def ordered(dbt: Bench) -> Bench:
    """The five ways, as of hour 60."""
    dbt.load("ecommerce", 1, {"users": [at(60 * HOUR, 1, id=1)], "orders": WAYS})
    dbt.handle("ecommerce", 1)
    return dbt


def test_transitions_say_what_was_skipped_illegal_or_a_return(ordered: Bench) -> None:
    """Equal statuses are one stay; a jump, a step back, out of cancelled; the first status's moment may be unknown."""
    rows = ordered.rows("MARTS.fct_order_status_transitions", "order_id, step")
    columns = "order_id step from_status to_status hours_in_status"
    assert [picked(row, columns) for row in rows] == [
        (1, 1, None, "pending", Decimal(10)),
        (1, 2, "pending", "processing", Decimal(10)),
        (1, 3, "processing", "shipped", Decimal(30)),
        (1, 4, "shipped", "delivered", None),
        (2, 1, None, "pending", Decimal(4)),
        (2, 2, "pending", "shipped", Decimal(1)),
        (2, 3, "shipped", "processing", None),
        (3, 1, None, "pending", Decimal(2)),
        (3, 2, "pending", "cancelled", Decimal(1)),
        (3, 3, "cancelled", "pending", None),
        (4, 1, None, "delivered", Decimal(25)),
        (4, 2, "delivered", "cancelled", None),
        (5, 1, None, "pending", None),
    ]
    places = {name: [(r["order_id"], r["step"]) for r in rows if r[name]] for name in rows[0] if name.startswith("is_")}
    assert (places["is_skipped"], places["is_illegal"], places["is_return"]) == ([(2, 2)], [(2, 3), (3, 3)], [(4, 2)])
    assert len(places["is_moment_known"]) == len(rows) - 1
    assert rows[10]["changed_at"] == moment(5 * HOUR)


def test_the_status_analysis_counts_ways_and_finds_who_is_stuck(ordered: Bench) -> None:
    """Pending took 2, 4 and 10 hours: median 4, 90th percentile 10, so two orders that wait for 57 and 60 are stuck."""
    rows = {row["status"]: row for row in ordered.rows("MARTS.order_status_analysis")}
    columns = "place orders_now orders_reached reached_percent hours_median hours_p90 stuck_after_hours stuck_orders"
    hours = tuple(Decimal(n) for n in (4, 10, 20))
    assert sorted(rows) == ["cancelled", "delivered", "pending", "processing", "shipped"]
    assert picked(rows["pending"], columns) == (1, 2, 4, Decimal(80), *hours, 2)
    assert picked(rows["delivered"], columns) == (4, 1, 2, Decimal(40), None, None, None, 0)
    cancelled = {s: picked(row, "cancellations_from cancellations_from_percent") for s, row in rows.items()}
    assert (cancelled["pending"], cancelled["delivered"]) == ((1, Decimal("33.33")), (1, Decimal(100)))


def test_shipping_patterns_and_cancellations(ordered: Bench) -> None:
    """Day zero is a Sunday; only steps that were seen are timed; an order cancelled and reopened is not cancelled."""
    rows = {(row["region"], row["weekday"]): row for row in ordered.rows("MARTS.shipping_patterns")}
    columns = "orders cancelled_orders shipments_timed hours_to_ship deliveries_timed hours_to_deliver"
    assert sorted(rows) == [("US-TX", 7), ("unknown", 7)]
    assert picked(rows["US-TX", 7], columns) == (2, 0, 2, Decimal(12), 1, Decimal(30))
    assert picked(rows["unknown", 7], columns) == (2, 1, 0, None, 0, None)
    columns = "value_from cancelled_from orders_in_band cancelled_orders cancelled_amount cancelled_of_band_percent"
    assert [picked(row, columns) for row in ordered.rows("MARTS.order_cancellations")] == [
        (50, "delivered", 2, 1, Decimal(60), Decimal(50)),
    ]


def test_an_order_that_was_inserted_again_has_only_its_present_life(dbt: Bench) -> None:
    """What it was before the delete counts no longer."""
    first, again = order(1, 1, "1", 0, status="pending"), order(1, 1, "1", 5 * HOUR, status="shipped")
    gone = at(3 * HOUR, 2, **first, _op="d")
    changes = [at(0, 1, **first), gone, at(5 * HOUR, 3, **again, updated_at=moment(5 * HOUR))]
    dbt.load("ecommerce", 1, {"users": [{"id": 1}], "orders": changes})
    dbt.handle("ecommerce", 1)
    columns = "step from_status to_status changed_at is_skipped"
    assert [picked(row, columns) for row in dbt.rows("MARTS.fct_order_status_transitions")] == [
        (1, None, "shipped", moment(5 * HOUR), False),
    ]


def test_the_calendar_goes_from_the_first_order_to_as_of(dbt: Bench) -> None:
    """ISO weeks belong to the year of their Thursday; a clock of long ago does not make a calendar of a century."""
    dbt.load("ecommerce", 1, {"users": [{"id": 1}], "orders": [order(1, 1, "1.00", -62 * DAY)]})
    dbt.handle("ecommerce", 1)
    days = dbt.rows("MARTS.dim_dates")
    columns = "weekday weekday_name is_weekend iso_week iso_year month quarter year"
    assert (len(days), str(days[0]["date_day"]), str(days[-1]["date_day"])) == (63, "2025-12-29", "2026-03-01")
    assert picked(days[0], columns) == (1, "Monday", False, 1, 2026, 12, 4, 2025)
    assert picked(days[-1], columns) == (7, "Sunday", True, 9, 2026, 3, 1, 2026)
    dbt.load("ecommerce", 2, {"orders": [order(2, 1, "1.00", -40_000 * DAY)]})
    dbt.handle("ecommerce", 2)
    assert str(dbt.rows("MARTS.dim_dates")[0]["date_day"]) == "2016-03-01"
