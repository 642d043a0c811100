"""The columns of everything that the generator writes: the source's change logs, the events' archive, the truth.

A new source table is an entry of `ECOMMERCE` (and of `CANONICAL`); how it changes stands in source.py.
"""

import pyarrow as pa

INT, LONG, TEXT = pa.int32(), pa.int64(), pa.string()
MONEY = pa.decimal128(10, 2)
STAMP = pa.timestamp("us")
STAMP_UTC = pa.timestamp("us", tz="UTC")

ECOMMERCE_TABLES = ("users", "products", "orders", "order_items")
EVENT_TABLES = ("user_events", "transactions")
PARENTS = {
    "users": {},
    "products": {},
    "orders": {"user_id": "users"},
    "order_items": {"order_id": "orders", "product_id": "products"},
}

DEBEZIUM = [("__op", TEXT), ("__ts_ms", STAMP_UTC), ("__source_ts_ms", STAMP_UTC), ("__source_lsn", LONG)]
CLOCKS = [("created_at", LONG), ("updated_at", LONG)]  # milliseconds: an infinite timestamp has room only here
MONEY_COLUMNS = frozenset({"price", "total_amount", "unit_price", "discount_amount", "tax_amount", "total_spent"})

_USERS = [("id", INT), ("email", TEXT), ("first_name", TEXT), ("last_name", TEXT)]
_PRODUCTS = [
    ("id", INT),
    ("name", TEXT),
    ("description", TEXT),
    ("price", TEXT),  # decimal.handling.mode=string
    ("stock_quantity", INT),
    ("category", TEXT),
]
_ORDERS = [
    ("id", INT),
    ("user_id", INT),
    ("status", TEXT),
    ("total_amount", TEXT),
    ("shipping_address", TEXT),
]
_ITEMS = [("id", INT), ("order_id", INT), ("product_id", INT), ("quantity", INT), ("unit_price", MONEY)]
_PLAIN = {"users": _USERS, "products": _PRODUCTS, "orders": _ORDERS, "order_items": _ITEMS}

ECOMMERCE = {name: pa.schema(columns + CLOCKS + DEBEZIUM) for name, columns in _PLAIN.items()}

_USER_EVENTS = [
    ("event_id", TEXT),
    ("user_id", TEXT),
    ("session_id", TEXT),
    ("event_type", TEXT),
    ("timestamp", STAMP),
    ("device_type", TEXT),
    ("browser", TEXT),
    ("ip_address", TEXT),
    ("page_url", TEXT),
    ("product_id", TEXT),
    ("search_query", TEXT),
    ("transaction_id", TEXT),
    ("user_tier", TEXT),
    ("properties", TEXT),
    ("processing_time", STAMP),
    ("batch_id", LONG),
]
_TRANSACTIONS = [
    ("transaction_id", TEXT),
    ("user_id", TEXT),
    ("product_id", TEXT),
    ("quantity", INT),
    ("unit_price", MONEY),
    ("total_amount", MONEY),
    ("discount_amount", MONEY),
    ("tax_amount", MONEY),
    ("status", TEXT),
    ("payment_method", TEXT),
    ("user_tier", TEXT),
    ("created_at", STAMP),
    ("processing_time", STAMP),
]
_SESSIONS = [
    ("session_id", TEXT),
    ("user_id", TEXT),
    ("user_tier", TEXT),
    ("session_start", STAMP),
    ("session_end", STAMP),
    ("session_duration_minutes", LONG),
    ("page_views", LONG),
    ("product_views", LONG),
    ("searches", LONG),
    ("add_to_cart_events", LONG),
    ("purchases", LONG),
    ("total_spent", MONEY),
    ("items_purchased", LONG),
    ("device_type", TEXT),
    ("browser", TEXT),
    ("converted_to_purchase", pa.bool_()),
]
EVENTS = {
    "user_events": pa.schema([*_USER_EVENTS, ("__ts_ms", STAMP_UTC)]),
    "transactions": pa.schema([*_TRANSACTIONS, ("__ts_ms", STAMP_UTC)]),
}
SOURCE = {f"ecommerce.{n}": s for n, s in ECOMMERCE.items()} | {f"events.{n}": s for n, s in EVENTS.items()}
SPEED = {
    "user_events_realtime": pa.schema(_USER_EVENTS),
    "transactions_realtime": pa.schema(_TRANSACTIONS),
    "user_sessions_realtime": pa.schema([*_SESSIONS, ("processing_time", STAMP)]),
}


def canonical(name: str) -> pa.Schema:
    """An ecommerce table's columns in their true types (the truth's): decimals, timestamps without zone."""
    kinds = {"created_at": STAMP, "updated_at": STAMP, "price": MONEY, "total_amount": MONEY}
    return pa.schema([(column, kinds.get(column, kind)) for column, kind in _PLAIN[name] + CLOCKS])


TRUTH_SESSIONS = pa.schema([*_SESSIONS, ("session_part", LONG)])
TRUTH_TRANSACTIONS = pa.schema(_TRANSACTIONS[:-1])


def source_columns(name: str) -> list[str]:
    """The columns of a table in the source database."""
    return [column for column, _ in _PLAIN[name] + CLOCKS]
