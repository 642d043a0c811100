"""Values that break careless code. A kind is a `Fault`: table, column, what is written, and what tidemark must do.

The damage is to one version of a row: the source's next change of the key is whole again.
"""

from typing import NamedTuple

import numpy as np

from tidemark_lab.upstream.dirt import choose, label
from tidemark_lab.upstream.rows import INFINITE_MS, NAN, NULL, Rows
from tidemark_lab.upstream.texts import UNRULY, long_text

BEFORE_1970 = -1_234_567_890_123
BEFORE_YEAR_1 = -62_300_000_000_000


class Fault(NamedTuple):
    """One kind of broken or strange value."""

    kind: str
    table: str
    column: str
    values: tuple[str | int | None, ...]
    reason: str | None = None
    flag: str | None = None
    rate: float = 0.0004


LONG = "<very long>"

FAULTS = (
    Fault("null_required", "users", "email", (None,), "null:email"),
    Fault("null_required", "products", "name", (None,), "null:name"),
    Fault("null_required", "orders", "total_amount", (NULL,), "null:total_amount"),
    Fault("null_required", "order_items", "unit_price", (NULL,), "null:unit_price"),
    Fault("nan_price", "products", "price", (NAN,), "cast:price", rate=0.001),
    Fault("infinite_timestamp", "users", "created_at", (INFINITE_MS,), "cast:created_at"),
    Fault("infinite_timestamp", "products", "updated_at", (INFINITE_MS,), "cast:updated_at"),
    Fault("infinite_timestamp", "orders", "updated_at", (INFINITE_MS,), "cast:updated_at"),
    Fault("infinite_timestamp", "order_items", "created_at", (INFINITE_MS,), "cast:created_at"),
    Fault("before_year_1", "users", "created_at", (BEFORE_YEAR_1,), "cast:created_at"),
    Fault("before_1970", "users", "created_at", (BEFORE_1970,)),
    Fault("before_1970", "order_items", "created_at", (BEFORE_1970,)),
    Fault("default_for_null", "users", "updated_at", (0,)),
    Fault("default_for_null", "products", "stock_quantity", (0,)),
    Fault("null_allowed", "products", "stock_quantity", (NULL,)),
    Fault("null_allowed", "orders", "shipping_address", (None,)),
    Fault("unicode", "users", "first_name", UNRULY, rate=0.002),
    Fault("unicode", "users", "last_name", UNRULY, rate=0.001),
    Fault("unicode", "products", "name", UNRULY, rate=0.002),
    Fault("unicode", "orders", "shipping_address", UNRULY, rate=0.001),
    Fault("long_text", "products", "description", (LONG,), rate=0.0001),
    Fault("long_text", "orders", "shipping_address", (LONG,), rate=0.0001),
    Fault("wrong_status", "orders", "status", ("SHIPPED", "lost", "", None), flag="status_known", rate=0.001),
    Fault("negative_total", "orders", "total_amount", (-1, -12_345), flag="total_not_negative", rate=0.001),
    Fault("quantity_out_of_range", "order_items", "quantity", (0, 50, -3), "rule:quantity_in_range", rate=0.0006),
)


def damage(rng: np.random.Generator, name: str, rows: Rows) -> None:
    """Write broken values into a table's rows, in place. A delete can carry one too: it must be accepted all the same,
    for of a delete only key and order columns are checked."""
    for fault in FAULTS:
        if fault.table != name:
            continue
        where = choose(rng, rows, rows["op"] != "", fault.rate)
        for position, value in zip(where, rng.permuted(np.arange(len(where))), strict=True):
            written = fault.values[value % len(fault.values)]
            rows[fault.column][position] = long_text(rng) if written == LONG else written
        label(rows, where, fault.kind)
        judged = where[rows["op"][where] != "d"]
        rows["flag"][judged], rows["reason"][judged] = fault.flag, fault.reason
