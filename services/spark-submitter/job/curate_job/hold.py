"""Rows whose parent has never been seen wait in `<t>_held`; the run in which the parent arrives releases them.

A parent counts as seen when its key stands in its current table, deleted or not, or among the rows accepted by this
run. Deletes are never held. A held row whose parent is in quarantine says so.
"""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


@dataclass(frozen=True)
class Parent:
    """What is known of a parent's keys: those ever seen, and texts of those in quarantine (None: there are none).

    Each frame has one column; it may be limited to the keys that are asked for.
    """

    name: str
    seen: DataFrame
    quarantined: DataFrame | None


def mark_orphans(rows: DataFrame, parents: dict[str, Parent]) -> DataFrame:
    """Rows plus `_wait_rule` and `_wait_reason`, null when every parent has been seen. `parents`: by child's column."""
    waits: list[Column] = []
    for number, (column, parent) in enumerate(parents.items()):
        rows, wait = _look_for(rows, column, parent, f"_seen_{number}", f"_refused_{number}")
        waits.append(wait)
    rule = F.coalesce(*[F.when(w.isNotNull(), F.lit(f"parent.{c}")) for w, c in zip(waits, parents, strict=True)])
    found = [f"{kind}_{number}" for number in range(len(waits)) for kind in ("_seen", "_refused")]
    return rows.withColumns({"_wait_rule": rule, "_wait_reason": _joined(waits)}).drop(*found)


def _look_for(rows: DataFrame, column: str, parent: Parent, seen: str, refused: str) -> tuple[DataFrame, Column]:
    """The rows with a parent's key as `seen` and as `refused`, and why they wait for it (null: they do not)."""
    known, text = F.col(seen), F.col(column).cast("string")
    rows = rows.join(parent.seen.toDF(seen).distinct(), F.col(column) == known, "left")
    told = F.concat(F.lit(f"{column}="), text, F.lit(f": {parent.name} "))
    reason = F.concat(told, F.lit("has no such key yet"))
    if parent.quarantined is not None:
        rows = rows.join(parent.quarantined.toDF(refused).distinct(), text == F.col(refused), "left")
        reason = F.when(F.col(refused).isNull(), reason).otherwise(F.concat(told, F.lit("is in quarantine")))
    return rows, F.when(known.isNull() & F.col(column).isNotNull() & (F.col("_op") != "d"), reason)


def _joined(waits: list[Column]) -> Column:
    return F.when(F.coalesce(*waits).isNotNull(), F.concat_ws("; ", *waits))
