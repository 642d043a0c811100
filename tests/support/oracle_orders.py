"""The marts about orders and days in plain Python."""

import math
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from oracle_customers import region
from oracle_shop import NOTHING, WAY, Shop, milliseconds, quotient
from oracle_versions import Row

BANDS = (0, 25, 50, 100, 250, 500)


def statuses(shop: Shop) -> dict[str, Row]:
    """order_status_analysis by status."""
    steps = [{**s, "status": "none" if s["to_status"] is None else s["to_status"]} for s in shop.transitions]
    for one, following in zip(steps, [*steps[1:], None], strict=True):
        one["next"] = following["to_status"] if following and following["order_id"] == one["order_id"] else None
    names = {*WAY, "cancelled", *(step["status"] for step in steps)}
    return {name: _status(shop, name, [s for s in steps if s["status"] == name]) for name in names}


def _status(shop: Shop, name: str, steps: Sequence[Row]) -> Row:
    stays = sorted(s["hours_in_status"] for s in steps if s["is_moment_known"] and s["left_at"])
    p90 = nearest_rank(stays, 90)
    final = name in ("delivered", "cancelled")
    here, left = [s for s in steps if not s["left_at"]], [s for s in steps if s["left_at"]]
    limit = None if final or p90 is None else p90 * 2
    stuck = [s for s in here if limit and milliseconds(s["changed_at"], shop.as_of) > limit * 3_600_000]
    cancelled, reached = sum(s["next"] == "cancelled" for s in left), len({s["order_id"] for s in steps})
    return {
        "place": WAY.index(name) + 1 if name in WAY else None,
        "orders_now": len(here),
        "orders_reached": reached,
        "reached_percent": quotient(reached * 100, len(shop.orders)),
        "hours_median": nearest_rank(stays, 50),
        "hours_p90": p90,
        "cancellations_from": cancelled,
        "cancellations_from_percent": quotient(cancelled * 100, len(left)),
        "stuck_after_hours": limit,
        "stuck_orders": len(stuck),
    }


def nearest_rank(values: Sequence[Decimal], percent: int) -> Decimal | None:
    """The smallest value that so many percent of the sorted values do not exceed."""
    return values[math.ceil(len(values) * percent / 100) - 1] if values else None


def shipping(shop: Shop) -> dict[tuple[str, int], Row]:
    """shipping_patterns by region and weekday."""
    groups: dict[tuple[str, int], list[Row]] = {}
    for order in shop.orders.values():
        if order["created_at"] <= shop.as_of:
            groups.setdefault((region(order["shipping_address"]), order["created_at"].isoweekday()), []).append(order)
    return {place: _shipped(shop, orders) for place, orders in groups.items()}


def _shipped(shop: Shop, orders: Sequence[Row]) -> Row:
    to_ship, to_deliver = [], []
    for order in orders:
        shipped, delivered = (_first(shop, order["id"], status) for status in ("shipped", "delivered"))
        if shipped and shipped >= order["created_at"]:
            to_ship.append(milliseconds(order["created_at"], shipped))
        if shipped and delivered and delivered >= shipped:
            to_deliver.append(milliseconds(shipped, delivered))
    kept = [order for order in orders if not order["cancelled"]]
    return {
        "orders": len(kept),
        "cancelled_orders": len(orders) - len(kept),
        "units_sold": sum(order["units"] for order in kept),
        "shipments_timed": len(to_ship),
        "hours_to_ship": quotient(sum(to_ship), len(to_ship) * 3_600_000),
        "deliveries_timed": len(to_deliver),
        "hours_to_deliver": quotient(sum(to_deliver), len(to_deliver) * 3_600_000),
    }


def _first(shop: Shop, order_id: int, status: str) -> Any:
    own = [s for s in shop.transitions if s["order_id"] == order_id and s["is_moment_known"]]
    return min((s["changed_at"] for s in own if s["to_status"] == status), default=None)


def cancellations(shop: Shop) -> dict[tuple[int, str], tuple[Any, ...]]:
    """order_cancellations by band and status before."""
    bands = Counter(_band(order) for order in shop.orders.values())
    groups: dict[tuple[int, str], list[Decimal]] = {}
    for key, order in shop.orders.items():
        if order["cancelled"]:
            (*_, last) = [s for s in shop.transitions if s["order_id"] == key and s["to_status"] == "cancelled"]
            groups.setdefault((_band(order), last["from_status"] or "not seen"), []).append(order["total_amount"])
    return {
        (band, before): (bands[band], len(a), sum(a, NOTHING), quotient(len(a) * 100, bands[band]))
        for (band, before), a in groups.items()
    }


def _band(order: Row) -> int:
    return max([band for band in BANDS if order["total_amount"] >= band], default=0)


def daily(shop: Shop) -> dict[date, Row]:
    """daily_business_metrics by day."""
    orders = [order for order in shop.orders.values() if order["created_at"] <= shop.as_of]
    joined = [u["created_at"].date() for u in shop.users.values() if u["created_at"] and u["created_at"] <= shop.as_of]
    days = {order["created_at"].date() for order in orders} | set(joined)
    return {
        day: _day(shop, day, [o for o in orders if o["created_at"].date() == day], joined.count(day)) for day in days
    }


def _day(shop: Shop, day: date, orders: Sequence[Row], joined: int) -> Row:
    kept = [order for order in orders if not order["cancelled"]]
    revenue = sum((order["revenue"] for order in kept), NOTHING)
    return {
        "orders": len(kept),
        "cancelled_orders": len(orders) - len(kept),
        "ordering_customers": len({order["user_id"] for order in kept}),
        "units_sold": sum(order["units"] for order in kept),
        "revenue": revenue,
        "average_order_value": quotient(revenue, len(kept)),
        "new_customers": joined,
        "is_complete": day + timedelta(days=1) <= shop.as_of.date(),
    }
