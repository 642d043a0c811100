"""The marts about products and stock in plain Python."""

import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from oracle_shop import NOTHING, Shop, days_between, quotient
from oracle_versions import Row, committed


def performance(shop: Shop) -> dict[int, Row]:
    """product_performance by product."""
    found = {key: _sales(shop, key, product) for key, product in shop.products.items()}
    ranked = sorted(found.values(), key=lambda p: (-p["item_revenue"], -p["units_sold"], p["product_id"]))
    places: dict[str | None, int] = {}
    for row in ranked:
        places[row["category"]] = places.get(row["category"], 0) + 1
        row["rank_in_category"] = places[row["category"]]
    total, before = sum((row["item_revenue"] for row in found.values()), NOTHING), NOTHING
    for row in sorted(found.values(), key=lambda p: (-p["item_revenue"], p["product_id"])):
        share = before / total * 100 if total else Decimal(100)
        row["abc_class"] = "C" if not row["item_revenue"] or share >= 95 else "A" if share < 80 else "B"
        before += row["item_revenue"]
    return found


def _sales(shop: Shop, key: int, product: Row) -> Row:
    every = [item for item in shop.items.values() if item["product_id"] == key]
    sold = [item for item in every if not item["order"]["cancelled"]]
    returned = {step["order_id"] for step in shop.transitions if step["is_return"]}
    orders = {item["order_id"] for item in sold}
    others = {i["order_id"] for i in shop.items.values() if i["product_id"] != key} & orders
    listed = [item for item in sold if item["list_price"] is not None]
    pieces = {
        "units_sold": sold,
        "cancelled_units": [item for item in every if item["order"]["cancelled"]],
        "returned_units": [item for item in every if item["order_id"] in returned],
        "ordered": every,
    }
    units = {name: sum(item["quantity"] for item in items) for name, items in pieces.items()}
    now, past = (_money(i for i in sold if _days_ago(shop, i) in days) for days in (range(28), range(28, 56)))
    return {
        "product_id": key,
        "category": product["category"],
        "orders": len(orders),
        "units_sold": units["units_sold"],
        "item_revenue": _money(sold),
        "average_unit_price": quotient(_money(sold), units["units_sold"]),
        "price_realised_percent": quotient(
            _money(listed) * 100, sum((i["list_price"] * i["quantity"] for i in listed), NOTHING)
        ),
        "attach_rate_percent": quotient(len(others) * 100, len(orders)),
        "cancelled_units": units["cancelled_units"],
        "cancelled_percent": quotient(units["cancelled_units"] * 100, units["ordered"]),
        "returned_units": units["returned_units"],
        "returned_percent": quotient(units["returned_units"] * 100, units["ordered"]),
        "item_revenue_28_days": now,
        "item_revenue_28_days_before": past,
        "revenue_trend_percent": quotient((now - past) * 100, past),
    }


def _money(items: Any) -> Decimal:
    return sum((item["line"] for item in items), NOTHING)


def _days_ago(shop: Shop, item: Row) -> int:
    """Whole days of 24 hours from the order to as_of; -1 for an order from the future."""
    return (shop.as_of - item["order"]["created_at"]) // timedelta(days=1)


def inventory_daily(shop: Shop) -> dict[tuple[int, date], tuple[Any, ...]]:
    """fct_inventory_daily by product and day: stock, pieces sold, stock-out."""
    sold: dict[tuple[int, date], int] = {}
    for item in shop.items.values():
        place = (item["product_id"], item["order"]["created_at"].date())
        sold[place] = sold.get(place, 0) + (0 if item["order"]["cancelled"] else item["quantity"])
    found = {}
    for key in shop.products:
        known = [(_known_from(version), version) for version in shop.versions["products"][key]]
        for day in shop.days():
            so_far = [version for moment, version in known if moment.date() <= day]
            if so_far and so_far[-1]["_op"] != "d":
                stock = so_far[-1]["stock_quantity"]
                found[key, day] = (stock, sold.get((key, day), 0), stock is not None and stock <= 0)
    return found


def _known_from(version: Row) -> datetime:
    if version["_version"] > 1:
        return version["valid_from"]
    return max(version["valid_from"], min(version["updated_at"] or committed(version), committed(version)))


def insights(shop: Shop, daily: dict[tuple[int, date], tuple[Any, ...]]) -> dict[int, Row]:
    """inventory_insights by product."""
    return {key: _insight(shop, key, product, daily) for key, product in shop.products.items()}


def _insight(shop: Shop, key: int, product: Row, daily: dict[tuple[int, date], tuple[Any, ...]]) -> Row:
    per_day = [0] * 90
    for item in shop.items.values():
        ago = _days_ago(shop, item)
        if item["product_id"] == key and not item["order"]["cancelled"] and 0 <= ago < 90:
            per_day[ago] += item["quantity"]
    on_sale = 90
    if product["created_at"]:
        on_sale = max(1, days_between(shop.until_as_of(product["created_at"]), shop.as_of) or 0)
    units = {days: sum(per_day[:days]) for days in (7, 28, 90)}
    before, stock, today = sum(per_day[28:56]), product["stock_quantity"], shop.as_of.date()
    then = daily.get((key, today - timedelta(days=28)), (None,))[0]
    month = [daily.get((key, today - timedelta(days=n)), (None, 0, False))[2] for n in range(28)]
    dead = bool(stock) and not units[90] and on_sale >= 90
    reorder = _reorder_point(per_day, min(on_sale, 90))
    return {
        "stock_quantity": stock,
        "stock_change_28_days": None if stock is None or then is None else stock - then,
        **{f"units_{days}_days": units[days] for days in units},
        **{f"demand_per_day_{days}_days": quotient(units[days], min(on_sale, days)) for days in units},
        "demand_trend_percent": quotient((units[28] - before) * 100, before),
        "days_of_cover": None if stock is None else quotient(stock * min(on_sale, 28), units[28]),
        "stock_out_days_28_days": sum(month),
        "reorder_point": reorder,
        "is_to_reorder": stock is not None and units[90] > 0 and stock <= reorder,
        "is_dead_stock": dead,
        "dead_stock_value": stock * product["price"] if dead else NOTHING,
    }


def _reorder_point(per_day: Sequence[int], days: int) -> int:
    """Mean demand of 7 days plus 1.6449 standard deviations of it. Sales before a product's first day count too."""
    mean = sum(per_day) / days
    variance = max(0.0, sum(units**2 for units in per_day) / days - mean**2)
    return math.ceil(round(7 * mean + 1.6449 * math.sqrt(7 * variance), 6))
