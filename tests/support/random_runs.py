"""Runs that surely hold what an increment can get wrong, beside what the generator happens to make.

`disturbed` adds to each run of the shop, for rows that are known by then: a deleted row of every table and the one that
the run before deleted, born again; an order that moves to another user, items that move to another order and product;
another status, price and stock, now and late; an order that is older than all, or no longer the oldest; new days.
`site_runs` makes runs of the events' dataset, each with new events and purchases, an event that moves to another visit,
one that names another purchase, one that is deleted, and a purchase that changes.
"""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from generated_rows import Changes, Row
from transformer_bench import DAY_ZERO_MS, moment

NEWEST_LSN = 10**12  # beyond the generator's
DAY_MS = 86_400_000
STATUSES = ("pending", "processing", "shipped", "delivered", "cancelled")


def disturbed(runs: Sequence[Changes], seed: int) -> list[Changes]:
    """The runs with a change more of every kind; between two of them up to three days go by. The first stays."""
    chosen, known, gone = random.Random(seed), {name: {} for name in runs[0]}, {name: [] for name in runs[0]}
    now_ms, made = max(row["_ts_ms"] for rows in runs[0].values() for row in rows), [runs[0]]
    _learn(known, runs[0])
    for run_seq, run in enumerate(runs[1:], 2):
        now_ms += chosen.choice((0, 1, 3)) * DAY_MS + 1000
        more = _disturbances(chosen, known, gone, run_seq, now_ms)
        made.append({name: [*run[name], *more[name]] for name in run})
        _learn(known, made[-1])
    return made


def _learn(known: dict[str, dict[int, Row]], run: Changes) -> None:
    for name, rows in run.items():
        known[name] |= {row["id"]: row for row in rows if row["_op"] != "d"}


def _disturbances(
    chosen: random.Random, known: dict[str, dict[int, Row]], gone: dict[str, list[Row]], run_seq: int, now_ms: int
) -> Changes:
    more: Changes = {name: [] for name in known}

    def change(name: str, row: Row | None = None, op: str = "u", at_ms: int = now_ms, **values: Any) -> None:
        """A change of this row, or of any; a late one has an LSN between those that are known."""
        row = row or chosen.choice(list(known[name].values()))
        number = sum(map(len, more.values()))
        lsn = NEWEST_LSN + run_seq * 1000 + number if at_ms == now_ms else (row["_lsn"] or 1) - 1
        at = datetime.fromtimestamp(at_ms / 1000, UTC).replace(tzinfo=None)
        about = {"_op": op, "_lsn": lsn, "_ts_ms": at_ms + number, "_source_ts": at, "_run_seq": run_seq}
        more[name].append(row | values | about)

    for name in known:  # born again what an earlier run deleted, then deleted; an order's items are not told of
        for row in gone[name]:
            change(name, row, "c")
        gone[name] = [chosen.choice(list(known[name].values()))]
        change(name, gone[name][0], "d")
    some = {name: chosen.choice(list(rows)) for name, rows in known.items()}
    change("orders", user_id=some["users"])
    change("order_items", order_id=some["orders"])
    change("order_items", product_id=some["products"], quantity=chosen.randint(1, 9))
    change("orders", status=chosen.choice(STATUSES))
    change("products", price=Decimal(chosen.randint(1, 900)), stock_quantity=chosen.choice((0, 5)))
    late = now_ms - chosen.randint(1, 40) * DAY_MS
    change("products", at_ms=late, price=Decimal(chosen.randint(1, 900)), stock_quantity=chosen.choice((0, 5)))
    change("orders", at_ms=late, status=chosen.choice(STATUSES))
    oldest = min(row["created_at"] for row in known["orders"].values() if row["created_at"])
    change("orders", created_at=oldest + timedelta(days=chosen.choice((-3, 400))))
    return more


def site_runs(seed: int, runs: int) -> list[Changes]:
    """What comes meets what is known, and most visits are not touched by a run."""
    chosen, made = random.Random(seed), []
    events: list[Row] = []
    bought: list[Row] = []
    for run_seq in range(1, runs + 1):
        at_ms = DAY_ZERO_MS + run_seq * 1000
        fresh = [_event(chosen, f"e{run_seq}-{number}") for number in range(12)]
        sold = [_purchase(chosen, f"t{chosen.randint(0, 9)}") for _ in range(3)]
        again = [chosen.choice(events or fresh) for _ in range(3)]
        told = [
            again[0] | {"session_id": _session(chosen)},
            again[1] | {"event_type": "purchase", "transaction_id": f"t{chosen.randint(0, 9)}"},
            again[2] | {"_op": "d"},
        ]
        other = chosen.choice(bought or sold) | {"status": chosen.choice(("completed", "failed", "refunded"))}
        made.append(
            {
                "user_events": [row | {"_ts_ms": at_ms + place} for place, row in enumerate([*fresh, *told])],
                "transactions": [row | {"_ts_ms": at_ms + place} for place, row in enumerate([*sold, other])],
            }
        )
        events += fresh
        bought += sold
    return made


def _session(chosen: random.Random) -> str:
    return f"s{chosen.randint(0, 39)}"


def _event(chosen: random.Random, key: str) -> Row:
    kind = chosen.choice(("page_view", "search", "product_view", "purchase"))
    return {
        "event_id": key,
        "user_id": f"u{chosen.randint(0, 2)}",
        "session_id": _session(chosen),
        "event_type": kind,
        "transaction_id": f"t{chosen.randint(0, 9)}" if kind == "purchase" else None,
        "timestamp": moment(chosen.randint(0, 600)),
        "device_type": chosen.choice(("mobile", "desktop")),
    }


def _purchase(chosen: random.Random, key: str) -> Row:
    return {
        "transaction_id": key,
        "product_id": f"p{chosen.randint(0, 3)}",
        "total_amount": Decimal(chosen.randint(1, 99)),
        "quantity": chosen.randint(1, 4),
        "status": "completed",
    }
