"""The shop's live rows and facts as of a moment, in plain Python over the rows of RAW; shares no SQL with dbt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from oracle_versions import Row, by_key, committed, history, price_at, versions

NOTHING = Decimal(0)
WAY = ["pending", "processing", "shipped", "delivered"]


def quotient(amount: Any, divisor: Any) -> Decimal | None:
    """amount / divisor with two decimals, half away from zero; None without an amount or for a divisor of 0."""
    if amount is None or not divisor:
        return None
    exact = Fraction(amount) / Fraction(divisor) * 100
    whole = int(abs(exact) + Fraction(1, 2))
    return Decimal(whole if exact >= 0 else -whole) / 100


def milliseconds(earlier: datetime, later: datetime) -> int:
    """Whole milliseconds between two times that have no finer part."""
    return round((later - earlier) / timedelta(milliseconds=1))


def days_between(earlier: datetime | None, later: datetime) -> int | None:
    """Midnights between two times."""
    return None if earlier is None else (later.date() - earlier.date()).days


@dataclass
class Shop:
    """What the changes lead to; each table's rows by key."""

    as_of: datetime
    versions: dict[str, dict[int, list[Row]]]
    users: dict[int, Row]
    products: dict[int, Row]
    orders: dict[int, Row]
    items: dict[int, Row]
    transitions: list[Row]

    def until_as_of(self, moment: datetime) -> datetime:
        """A row's own clock, trusted no further than as_of."""
        return min(moment, self.as_of)

    def days(self) -> list[date]:
        """The calendar."""
        placed = [order["created_at"] for order in self.orders.values() if order["created_at"]]
        first = min([*placed, self.as_of]).date()
        oldest = self.as_of.date().replace(year=self.as_of.year - 10)
        first, last = max(first, oldest), self.as_of.date()
        return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def shop(changes: Mapping[str, Sequence[Row]], as_of: datetime) -> Shop:
    """The shop that these changes lead to."""
    found = {table: {key: versions(rows) for key, rows in by_key(changes[table]).items()} for table in changes}
    live = {table: {k: v[-1] for k, v in keys.items() if v[-1]["_op"] != "d"} for table, keys in found.items()}
    users, products = live["users"], live["products"]
    orders = {key: order for key, order in live["orders"].items() if order["user_id"] in users}
    items = {k: i for k, i in live["order_items"].items() if i["order_id"] in orders and i["product_id"] in products}
    stretches = {k: history(v, ["name", "price", "category"]) for k, v in found["products"].items()}
    for item in items.values():
        order = orders[item["order_id"]]
        item |= {"order": order, "list_price": price_at(stretches[item["product_id"]], order["created_at"])}
        item["line"] = item["quantity"] * item["unit_price"]
    for key, order in orders.items():
        order["cancelled"] = order["status"] == "cancelled"
        order["revenue"] = NOTHING if order["cancelled"] else order["total_amount"]
        order["items"] = [item for item in items.values() if item["order_id"] == key]
        order["units"] = sum(item["quantity"] for item in order["items"])
    transitions = [t for key in orders for t in transitions_of(found["orders"][key])]
    return Shop(as_of, found, users, products, orders, items, transitions)


def transitions_of(found: Sequence[Row]) -> list[Row]:
    """The statuses that a live order has had since it was last inserted."""
    deleted = max((v["_version"] for v in found if v["_op"] == "d"), default=0)
    life = [version for version in found if version["_version"] > deleted]
    entered = [v for n, v in enumerate(life) if n == 0 or v["status"] != life[n - 1]["status"]]
    steps: list[Row] = []
    for number, version in enumerate(entered):
        before = entered[number - 1]["status"] if number else None
        left_at = entered[number + 1]["valid_from"] if number + 1 < len(entered) else None
        known = number > 0 or version["status"] == "pending"
        changed_at = version["valid_from"]
        if not known:
            said = min(version["updated_at"] or committed(version), committed(version))
            changed_at = max(changed_at, said)
            changed_at = min(changed_at, left_at) if left_at else changed_at
        steps.append(
            {
                "order_id": version["id"],
                "step": number + 1,
                "from_status": before,
                "to_status": version["status"],
                "changed_at": changed_at,
                "left_at": left_at,
                "hours_in_status": quotient(milliseconds(changed_at, left_at), 3_600_000) if left_at else None,
                "is_moment_known": known,
                **judged(before, version["status"], number == 0),
            }
        )
    return steps


def judged(before: str | None, status: str | None, first: bool) -> Row:
    """Whether a step was a jump, against the rules, a return."""
    known = (*WAY, "cancelled")
    both = before in WAY and status in WAY
    jump = WAY.index(str(status)) - WAY.index(str(before)) if both else 0
    illegal = jump < 0 or before == "cancelled" or status not in known or (not first and before not in known)
    is_return = before == "delivered" and status == "cancelled"
    return {"is_skipped": jump > 1, "is_illegal": illegal, "is_return": is_return}
