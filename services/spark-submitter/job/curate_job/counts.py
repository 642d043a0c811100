"""Counting a table's outcome."""

from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from curate_job.manifest import TableResult

ORIGINS = ("cut", "tombstone", "held", "refused")


class Count(NamedTuple):
    """Rows of one origin that came to one end; `newest`: their newest source time, epoch ms."""

    rows: int
    flagged: int
    newest: int | None


NONE = Count(0, 0, None)
Ends = dict[tuple[str, str], Count]


def count_ends(rows: DataFrame, order: str) -> Ends:
    """Counts by (origin, outcome)."""
    source_ms = F.unix_micros(F.col("_source_ts").cast("timestamp")) / 1000
    newest = F.max(source_ms if order == "debezium" else F.col("_ts_ms"))
    counted = rows.groupBy("_origin", "_outcome").agg(
        F.count("*").alias("rows"), F.count("_flags").alias("flagged"), newest.cast("bigint").alias("newest")
    )
    return {(r["_origin"], r["_outcome"]): Count(r["rows"], r["flagged"], r["newest"]) for r in counted.collect()}


def count_new(state: DataFrame) -> dict[bool, int]:
    """The state's rows by whether they are new."""
    return {r["_new"]: r["rows"] for r in state.groupBy("_new").agg(F.count("*").alias("rows")).collect()}


def left_quarantine(ends: Ends) -> int:
    """Replayed rows that were not refused again."""
    return sum(n.rows for (origin, outcome), n in ends.items() if origin == "refused" and outcome != "quarantined")


def fill(counts: TableResult, ends: Ends) -> None:
    """Put the counts into the table's result.

    Tombstones were not read: they count as released, like held rows that are accepted and refused ones that are not
    refused again.
    """

    def total(outcome: str) -> int:
        return sum(ends.get((origin, outcome), NONE).rows for origin in ORIGINS)

    accepted = [count for (_, outcome), count in ends.items() if outcome == "accepted"]
    counts.tombstones = sum(count.rows for (origin, _), count in ends.items() if origin == "tombstone")
    counts.released = counts.tombstones + left_quarantine(ends) + ends.get(("held", "accepted"), NONE).rows
    counts.accepted, counts.repeated = total("accepted"), total("repeated")
    counts.held = total("held")
    counts.quarantined = total("quarantined") - ends.get(("refused", "quarantined"), NONE).rows
    counts.flagged = sum(count.flagged for count in accepted)
    counts.max_ts_ms = max((count.newest for count in accepted if count.newest is not None), default=None)
