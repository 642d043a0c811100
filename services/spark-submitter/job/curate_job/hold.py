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
        rows = _mark(rows, column, parent, number)
        waits.append(F.col(f"_wait_{number}"))
    rule = F.coalesce(*[F.when(w.isNotNull(), F.lit(f"parent.{c}")) for w, c in zip(waits, parents, strict=True)])
    marks = [f"_wait_{number}" for number in range(len(waits))]
    return rows.withColumns({"_wait_rule": rule, "_wait_reason": _joined(waits)}).drop(*marks)


def _mark(rows: DataFrame, column: str, parent: Parent, number: int) -> DataFrame:
    seen = parent.seen.select(F.col(parent.seen.columns[0]).alias("_parent"), F.lit(True).alias("_seen")).distinct()
    rows = rows.join(seen, F.col(column) == F.col("_parent"), "left").drop("_parent")
    waits = F.col("_seen").isNull() & F.col(column).isNotNull() & (F.col("_op") != "d")
    told = F.concat(F.lit(f"{column}="), F.col(column).cast("string"), F.lit(f": {parent.name} "))
    reason = F.concat(told, F.lit("has no such key yet"))
    if parent.quarantined is not None:
        text = parent.quarantined.columns[0]
        refused = parent.quarantined.select(F.col(text).alias("_refused")).distinct()
        rows = rows.join(refused, F.col(column).cast("string") == F.col("_refused"), "left")
        reason = F.when(F.col("_refused").isNull(), reason).otherwise(F.concat(told, F.lit("is in quarantine")))
    return rows.withColumn(f"_wait_{number}", F.when(waits, reason)).drop("_seen", "_refused")


def _joined(waits: list[Column]) -> Column:
    return F.when(F.coalesce(*waits).isNotNull(), F.concat_ws("; ", *waits))
