"""Sessions, computed exactly from events and transactions: the truth of the batch layer, and the speed layer's updates.

Parts: a session id whose delivered events have a gap of more than 30 minutes falls into parts 1, 2, ... The generator
lets no session do that, but while a late event is outstanding the delivered ones can.
"""

import numpy as np
import pyarrow as pa

from tidemark_lab.upstream.events import GAP, MINUTE
from tidemark_lab.upstream.rows import Array, Rows, size, take

COUNTED = {
    "page_views": "page_view",
    "product_views": "product_view",
    "searches": "search",
    "add_to_cart_events": "add_to_cart",
    "purchases": "purchase",
}


def groups(values: Array) -> tuple[Array, Array]:
    """For sorted values: where each group begins, and every row's group number."""
    first = np.r_[True, values[1:] != values[:-1]] if len(values) else np.zeros(0, dtype=bool)
    return np.flatnonzero(first), np.cumsum(first) - 1


def exact(events: Rows, transactions: Rows) -> Rows:
    """One row per (session_id, session_part) of distinct delivered events and transaction rows."""
    if not size(events):
        return {}
    rows = take(events, by_session(events))
    same = np.r_[False, rows["session_id"][1:] == rows["session_id"][:-1]]
    gap = np.r_[False, np.diff(rows["timestamp"]) > GAP] & same
    begins, number = groups(np.cumsum(~same | gap))
    ends = np.r_[begins[1:], size(rows)] - 1
    starts = np.flatnonzero(~same)
    part = np.cumsum(gap)[begins] - np.cumsum(gap)[starts][np.searchsorted(starts, begins, side="right") - 1] + 1
    found = {name: rows[name][begins] for name in ("session_id", "user_id", "user_tier", "device_type", "browser")}
    found |= times(rows["timestamp"][begins], rows["timestamp"][ends]) | {"session_part": part}
    for name, kind in COUNTED.items():
        found[name] = np.bincount(number[rows["event_type"] == kind], minlength=len(begins))
    found |= _spent(rows, number, len(begins), transactions)
    return found | {"converted_to_purchase": found["purchases"] > 0}


def by_session(events: Rows) -> Array:
    """The order by session, then timestamp, then event_id: the first of a session gives it device, browser, tier."""
    order: Array = np.lexsort((events["event_id"].astype("S36"), events["timestamp"], codes(events["session_id"])))
    return order


def codes(values: Array) -> Array:
    """Equal texts as equal small numbers, by first appearance."""
    numbers: Array = pa.array(values.tolist(), pa.string()).dictionary_encode().indices.to_numpy(zero_copy_only=False)
    return numbers.astype(np.int64)


def times(start: Array, end: Array) -> Rows:
    """A session's clock columns; minutes are rounded down."""
    return {"session_start": start, "session_end": end, "session_duration_minutes": (end - start) // MINUTE}


def _spent(rows: Rows, number: Array, count: int, transactions: Rows) -> Rows:
    """Money and items of the completed transaction rows that a session's purchase events name."""
    total, items = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    named = (rows["event_type"] == "purchase") & np.array([i is not None for i in rows["transaction_id"]], dtype=bool)
    if size(transactions) and named.any():
        ids, session = rows["transaction_id"][named].astype("S36"), number[named]
        order = np.argsort(ids)
        done = take(transactions, transactions["status"] == "completed")
        wanted = done["transaction_id"].astype("S36")
        place = np.minimum(np.searchsorted(ids[order], wanted), len(ids) - 1)
        found = ids[order][place] == wanted
        session = session[order][place][found]
        np.add.at(total, session, done["total_amount"][found])
        np.add.at(items, session, done["quantity"][found])
    return {"total_spent": total, "items_purchased": items}
