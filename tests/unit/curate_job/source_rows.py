"""Source rows of the ecommerce dataset as the job's tests write them, and what a run's result says of a table."""

from datetime import UTC, datetime, timedelta
from typing import Any

META = "__op string, __ts_ms timestamp, __source_ts_ms timestamp, __source_lsn bigint"
USERS = f"id int, email string, first_name string, last_name string, created_at bigint, updated_at bigint, {META}"
ORDERS = (
    "id int, user_id int, status string, total_amount string, shipping_address string, "
    f"created_at bigint, updated_at bigint, {META}"
)
DAY = 1_790_000_000_000


def at(ms: int) -> Any:
    return datetime.fromtimestamp(DAY / 1000, UTC) + timedelta(milliseconds=ms)


def user(key: int, op: str, lsn: int | None, ts: int, email: str | None = None) -> tuple[Any, ...]:
    return (key, email or f"u{key}@x.org", "Ann", "Lee", DAY, DAY + lsn if lsn else DAY, op, at(ts), at(ts), lsn)


def order(key: int, user_id: int, op: str, lsn: int, ts: int, total: str = "10.00", status: str = "pending") -> Any:
    return (key, user_id, status, total, "Main St 1", DAY, DAY, op, at(ts), at(ts), lsn)


def of(result: dict[str, Any], table: str) -> dict[str, int]:
    found = next(t for t in result["tables"] if t["table"] == table)
    names = ("read", "released", "accepted", "repeated", "held", "quarantined")
    return {name: found[name] for name in names if found[name]}
