"""The shop's change log out of the lab's generator, as the lake would have accepted it: rows for RAW, run by run.

What can never be accepted (a broken value, a parent that never came) is left out here, and a row waits for its parent:
who computes from these rows computes from what RAW holds. Repeats, late rows, deletes and wrong clocks stay.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tidemark_lab.upstream import steps
from tidemark_lab.upstream.rows import NAN, NULL, Rows, size
from tidemark_lab.upstream.schemas import ECOMMERCE_TABLES, PARENTS, source_columns

Row = dict[str, Any]
Changes = dict[str, list[Row]]
MONEY = ("price", "total_amount", "unit_price")
CLOCKS = ("created_at", "updated_at")
FIRST_MS, LAST_MS = -62_135_596_800_000, 253_402_300_799_999  # the years 1 to 9999


def shop_changes(seed: int, scale: float, changed: int = 200, deltas: int = 1) -> list[Changes]:
    """The first snapshot with a week of changes, then deltas of about `changed` rows, then all that was outstanding."""
    state = steps.new_state("oracle", seed, scale, ("ecommerce",))
    delivered = [steps.initial(state), *(steps.delta(state, changed) for _ in range(deltas)), steps.settle(state)]
    runs = [
        {name: _accepted(name, delivery.lake[f"ecommerce.{name}"], run_seq) for name in ECOMMERCE_TABLES}
        for run_seq, delivery in enumerate(delivered, 1)
    ]
    waiting: Changes = {name: [] for name in ECOMMERCE_TABLES}
    seen: dict[str, set[int]] = {name: set() for name in ECOMMERCE_TABLES}
    for run_seq, run in enumerate(runs, 1):
        for name in ECOMMERCE_TABLES:
            rows = [row | {"_run_seq": run_seq} for row in waiting[name] + run[name]]
            run[name] = [row for row in rows if _has_parents(name, row, seen)]
            waiting[name] = [row for row in rows if not _has_parents(name, row, seen)]
            seen[name] |= {row["id"] for row in run[name]}
    return runs


def _has_parents(name: str, row: Row, seen: dict[str, set[int]]) -> bool:
    return row["_op"] == "d" or all(row[column] in seen[parent] for column, parent in PARENTS[name].items())


def _accepted(name: str, rows: Rows, run_seq: int) -> list[Row]:
    plain = {column: values.tolist() for column, values in rows.items()}
    kept = [i for i in range(size(rows)) if plain["op"][i] == "d" or plain["reason"][i] is None]
    return [_row(name, {column: plain[column][i] for column in plain}, run_seq) for i in kept]


def _row(name: str, row: Row, run_seq: int) -> Row:
    values = {column: _value(column, row[column]) for column in source_columns(name)}
    order = {"_op": row["op"], "_lsn": None if row["lsn"] == NULL else row["lsn"], "_ts_ms": row["ts"]}
    return values | order | {"_source_ts": _time(row["source_ts"]), "_flags": row["flag"], "_run_seq": run_seq}


def _value(column: str, value: Any) -> Any:
    if value in (NULL, NAN):
        return None
    if column in CLOCKS:
        return _time(value)
    return Decimal(value) / 100 if column in MONEY else value


def _time(milliseconds: int) -> datetime | None:
    if not FIRST_MS <= milliseconds <= LAST_MS:
        return None  # only a delete may carry one
    seconds, rest = divmod(milliseconds, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None, microsecond=rest * 1000)
