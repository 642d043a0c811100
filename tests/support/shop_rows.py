"""Hand-made rows of the shop for the tests of facts and marts; times are minutes after day zero."""

from decimal import Decimal
from typing import Any

from transformer_bench import DAY_ZERO_MS, Row, moment

HOUR, DAY = 60.0, 1440.0
AUSTIN = "1 Oak Street, Austin, TX 78701, US"


def at(minutes: float, lsn: int, **values: Any) -> Row:
    """A change that the source committed and the connector wrote then."""
    return {"_lsn": lsn, "_ts_ms": DAY_ZERO_MS + round(minutes * 60_000), "_source_ts": moment(minutes), **values}


def order(key: int, user_id: int, total: str, minutes: float, **values: Any) -> Row:
    """A delivered order, placed then."""
    given = {"id": key, "user_id": user_id, "total_amount": Decimal(total), "created_at": moment(minutes)}
    return {**given, "status": "delivered", **values}


def item(order_id: int, product_id: int, quantity: int, price: str) -> Row:
    """An item, the only one of its order and product."""
    key = 100 * order_id + product_id
    ids = {"id": key, "order_id": order_id, "product_id": product_id}
    return {**ids, "quantity": quantity, "unit_price": Decimal(price)}


def picked(row: Row, columns: str) -> tuple[Any, ...]:
    """These columns' values."""
    return tuple(row[column] for column in columns.split())
