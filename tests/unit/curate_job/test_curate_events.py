"""Events: every row an insert, ordered by arrival, repeated at least once."""

from datetime import UTC, datetime, timedelta
from typing import Any

from curate_lake import MANY_ROWS_IN_SOAK

pytestmark = MANY_ROWS_IN_SOAK

ROW = (
    "transaction_id string, user_id string, product_id string, quantity int, unit_price string, total_amount string, "
    "discount_amount string, tax_amount string, status string, payment_method string, user_tier string, "
    "created_at timestamp_ntz, processing_time timestamp_ntz, __ts_ms timestamp"
)
START = datetime(2026, 9, 1, tzinfo=UTC)


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def bought(number: int, product: int, ts: int, status: str = "completed") -> tuple[Any, ...]:
    at = START.replace(tzinfo=None)
    money = ("2.00", "4.00", "0.00", "0.40")
    keys = (uuid(number).upper(), uuid(1), uuid(product))
    return (*keys, 2, *money, status, "card", "gold", at, at, START + timedelta(milliseconds=ts))


def test_repeats_late_rows_and_flags(events: Any) -> None:
    """A repeat is dropped, an earlier one kept, the highest arrival counts, an unknown status is flagged."""
    events.append("transactions", [bought(1, 1, 5), bought(1, 1, 9), bought(1, 2, 5), bought(2, 1, 6, "odd")], ROW)
    (done,) = (t for t in events.run()["tables"] if t["table"] == "transactions")
    assert (done["read"], done["accepted"], done["repeated"], done["flagged"]) == (4, 3, 1, 1)
    assert done["rules"] == {"flagged": {"status_known": 1}}
    assert done["max_ts_ms"] == int(START.timestamp() * 1000) + 6
    events.append("transactions", [bought(1, 1, 3), bought(1, 2, 7, "refunded"), bought(2, 1, 8, "odd")], ROW)
    (done,) = (t for t in events.run()["tables"] if t["table"] == "transactions")
    assert (done["read"], done["accepted"], done["repeated"]) == (3, 2, 1)
    began = int(START.timestamp() * 1000)
    assert events.rows("transactions", f"transaction_id, product_id, status, _ts_ms - {began}, _flags") == [
        (uuid(1), uuid(1), "completed", 3, None),
        (uuid(1), uuid(2), "refunded", 7, None),
        (uuid(2), uuid(1), "odd", 6, "status_known"),
    ]


def test_rows_that_differ_in_a_microsecond_are_no_repeats(events: Any) -> None:
    """A row is its own repeat only if all of it is the same, to the last digit of a timestamp."""
    first, second = bought(1, 1, 5), list(bought(1, 1, 6))
    second[11] += timedelta(microseconds=1)
    events.append("transactions", [first, tuple(second)], ROW)
    (done,) = (t for t in events.run()["tables"] if t["table"] == "transactions")
    assert (done["accepted"], done["repeated"]) == (2, 0)
    assert events.rows("transactions", "unix_micros(CAST(created_at AS TIMESTAMP)) % 10") == [(1,)]
