"""The marts about customers in plain Python; floats only where the prediction is a float."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from oracle_shop import NOTHING, Shop, days_between, quotient
from oracle_versions import Row


def lifetime_value(shop: Shop) -> dict[int, Row]:
    """customer_lifetime_value by user."""
    found = {key: _observed(shop, key, user) for key, user in shop.users.items()}
    predict(list(found.values()))
    buyers = sorted((r for r in found.values() if r["orders"]), key=lambda r: (-r["lifetime_revenue"], r["user_id"]))
    for place, row in enumerate(buyers):
        share = place * 100 / len(buyers)
        row["tier"] = "platinum" if share < 10 else "gold" if share < 30 else "silver" if share < 60 else "bronze"
    return found


def _observed(shop: Shop, key: int, user: Row) -> Row:
    every = [order for order in shop.orders.values() if order["user_id"] == key]
    kept = [order for order in every if not order["cancelled"]]
    values = [order["revenue"] for order in kept]
    placed = sorted(order["created_at"] for order in kept)
    known = [shop.until_as_of(moment) for moment in [*placed[:1], user["created_at"]] if moment]
    age = days_between(min(known), shop.as_of) if known else 0
    return {
        "user_id": key,
        "orders": len(kept),
        "cancelled_orders": len(every) - len(kept),
        "units": sum(order["units"] for order in kept),
        "lifetime_revenue": sum(values, NOTHING),
        "average_order_value": quotient(sum(values, NOTHING), len(values)),
        "first_order_at": placed[0] if placed else None,
        "last_order_at": placed[-1] if placed else None,
        "days_since_last_order": days_between(shop.until_as_of(placed[-1]), shop.as_of) if placed else None,
        "age_days": age,
        "orders_per_year": quotient(len(kept) * 365, age),
        "tier": "none",
        "cohort_month": shop.until_as_of(placed[0]).date().replace(day=1) if placed else None,
        "values": [float(value) for value in values],
    }


def predict(customers: Sequence[Row]) -> None:
    """Gamma-Poisson rate and Buhlmann-Straub value, by the definitions: deviations squared and summed one by one."""
    orders, days = sum(c["orders"] for c in customers), sum(c["age_days"] for c in customers)
    rate = orders / days if days else 0.0
    scatter = sum((c["orders"] - rate * c["age_days"]) ** 2 for c in customers) - orders
    rate_variance = max(0.0, scatter / (sum(c["age_days"] ** 2 for c in customers) or 1))
    buyers = [c["values"] for c in customers if c["values"]]
    mean, within, between = _credibility(buyers)
    for c in customers:
        below = rate + rate_variance * c["age_days"]
        c["rate"] = (rate**2 + rate_variance * c["orders"]) / below if below else 0.0
        weight = between * c["orders"] + within
        c["value"] = (between * sum(c["values"]) + within * mean) / weight if weight else mean


def _credibility(buyers: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    """Mean, variance within and variance between the customers."""
    n = sum(len(values) for values in buyers)
    if not n:
        return 0.0, 0.0, 0.0
    mean = sum(sum(values) for values in buyers) / n
    means = [sum(values) / len(values) for values in buyers]
    inside = sum((v - m) ** 2 for values, m in zip(buyers, means, strict=True) for v in values)
    within = max(0.0, inside / (n - len(buyers))) if n > len(buyers) else 0.0
    across = sum(len(values) * (m - mean) ** 2 for values, m in zip(buyers, means, strict=True))
    spread = n - sum(len(values) ** 2 for values in buyers) / n
    return mean, within, max(0.0, (across - (len(buyers) - 1) * within) / spread) if spread else 0.0


def cohorts(shop: Shop, customers: dict[int, Row]) -> dict[tuple[date, int], tuple[Any, ...]]:
    """customer_cohorts by month and months since."""
    sizes = Counter(c["cohort_month"] for c in customers.values() if c["cohort_month"])
    found: dict[tuple[date, int], tuple[Any, ...]] = {}
    for month, size in sizes.items():
        for since in range(_months(month, shop.as_of.date()) + 1):
            orders = [
                order
                for order in shop.orders.values()
                if not order["cancelled"]
                and customers[order["user_id"]]["cohort_month"] == month
                and _months(month, shop.until_as_of(order["created_at"]).date()) == since
            ]
            active = len({order["user_id"] for order in orders})
            revenue = sum((order["revenue"] for order in orders), NOTHING)
            found[month, since] = (size, active, quotient(active * 100, size), len(orders), revenue)
    return found


def _months(earlier: date, later: date) -> int:
    return (later.year - earlier.year) * 12 + later.month - earlier.month


def segments(shop: Shop, customers: dict[int, Row]) -> dict[int, Row]:
    """customer_segments by user."""
    buyers = [c for c in customers.values() if c["orders"]]
    scores = {
        "recency_score": _quintiles(
            sorted(buyers, key=lambda c: (-c["days_since_last_order"], c["last_order_at"], c["user_id"]))
        ),
        "frequency_score": _quintiles(sorted(buyers, key=lambda c: (c["orders"], c["user_id"]))),
        "monetary_score": _quintiles(sorted(buyers, key=lambda c: (c["lifetime_revenue"], c["user_id"]))),
    }
    return {key: _segment(shop, c, {n: s.get(key) for n, s in scores.items()}) for key, c in customers.items()}


def _quintiles(ordered: Sequence[Row]) -> dict[int, int]:
    """Five parts, the first ones one larger where it does not come out even."""
    found, start = {}, 0
    for part in range(5):
        size = len(ordered) // 5 + (part < len(ordered) % 5)
        found |= {c["user_id"]: part + 1 for c in ordered[start : start + size]}
        start += size
    return found


def _segment(shop: Shop, c: Row, scores: Row) -> Row:
    own = [order for order in shop.orders.values() if order["user_id"] == c["user_id"]]
    newest = max(own, key=lambda o: (shop.until_as_of(o["created_at"]), o["id"]), default=None)
    silent, total = c["days_since_last_order"], c["orders"] + c["cancelled_orders"]
    overdue = False
    if c["orders"] >= 2:
        span = days_between(c["first_order_at"], c["last_order_at"]) or 0
        overdue = silent > 30 and Decimal(silent) > 2 * Decimal(span) / (c["orders"] - 1)
    return {
        **scores,
        "segment": _name(*scores.values(), c["orders"]),
        "tier": c["tier"],
        "region": region(newest["shipping_address"] if newest else None),
        "activity": _activity(silent),
        "is_overdue": overdue,
        "is_often_cancelling": total >= 3 and c["cancelled_orders"] / total >= 0.3,
    }


def _name(r: int | None, f: int, m: int, orders: int) -> str:
    if r is None:
        return "no orders"
    if r >= 3 and f >= 4:
        return "champions" if r >= 4 and m >= 4 else "loyal"
    if r >= 4:
        return "new" if orders == 1 else "promising"
    if r == 3:
        return "need attention"
    if r == 1 and f >= 4 and m >= 4:
        return "cannot lose"
    return "at risk" if max(f, m) >= 4 else "hibernating" if r == 2 else "lost"


def _activity(silent: int | None) -> str:
    if silent is None:
        return "never ordered"
    return "active" if silent <= 90 else "lapsing" if silent <= 180 else "inactive"


def region(address: str | None) -> str:
    """Country and region of an address, 'unknown' where it does not end in them."""
    parts = (address or "").split(",")
    if len(parts) < 3:
        return "unknown"
    country, within = parts[-1].strip(" "), parts[-2].strip(" ").split(" ")[0]
    fits = all(letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for letter in country + within)
    return f"{country}-{within}" if fits and len(country) == 2 and len(within) in (2, 3) else "unknown"
