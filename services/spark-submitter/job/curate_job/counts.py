"""Counting a table's outcome."""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from curate_job.catalog import collected
from curate_job.manifest import Table, TableResult, UpstreamError

NO_ACCIDENT = 3  # so many rows without one value, and none with it: its column is gone; fewer may be bad rows
ORIGINS = ("cut", "tombstone", "held", "refused")


class Count(NamedTuple):
    """Rows of one origin that came to one end; `newest`: their newest source time, epoch ms.

    `rules`: rows by the rule that held them back, refused or flagged them.
    `judged`: those that are no deletes; `lacks`: the place in the contract of a column that is null in all of these and
    is what is wrong with them, -1: none.
    """

    rows: int
    flagged: int
    newest: int | None
    judged: int = 0
    lacks: int = -1
    rules: Mapping[str, int] = MappingProxyType({})


NONE = Count(0, 0, None)
Ends = dict[tuple[str, str], Count]


def count_ends(rows: DataFrame, table: Table, order: str) -> Ends:
    """Counts by (origin, outcome)."""
    source_ms = F.unix_micros(F.col("_source_ts").cast("timestamp")) / 1000
    newest = F.max(source_ms if order == "debezium" else F.col("_ts_ms"))
    lacks = F.when(F.col("_op") != "d", _lacks(table))
    outcome = F.col("_outcome")
    rule = F.when(outcome == "quarantined", F.col("_rule")).when(outcome == "held", F.col("_wait_rule"))
    counted = rows.groupBy("_origin", "_outcome", rule.otherwise(F.col("_flags")).alias("rule")).agg(
        F.count("*").alias("rows"),
        F.count("_flags").alias("flagged"),
        newest.cast("bigint").alias("newest"),
        F.count(lacks).alias("judged"),
        F.when(F.min(lacks) == F.max(lacks), F.min(lacks)).alias("lacks"),
    )
    ends: Ends = {}
    for row in collected(counted):
        end = row["_origin"], row["_outcome"]
        ends[end] = _together(ends.get(end, NONE), _count(row))
    return ends


def count_new(state: DataFrame) -> dict[bool, int]:
    """The state's rows by whether they are new."""
    counted = state.groupBy("_new").agg(F.count("*").alias("rows"))
    return {row["_new"]: row["rows"] for row in collected(counted)}


def _lacks(table: Table) -> Column:
    """The place of the first column of which the row's reason says that it is null, -1 without any."""
    reason = F.concat("_reason", F.lit(";"))
    places = [F.when(reason.startswith(f"{name}: null;"), place) for place, name in enumerate(table.columns)]
    return F.coalesce(*places, F.lit(-1))


def _count(row: Row) -> Count:
    lacks = -1 if row["lacks"] is None else row["lacks"]
    rules = dict.fromkeys(row["rule"].split(","), row["rows"]) if row["rule"] else {}
    return Count(row["rows"], row["flagged"], row["newest"], row["judged"], lacks, rules)


def _together(one: Count, other: Count) -> Count:
    """Rows of one end that different rules sent there."""
    judged = [count for count in (one, other) if count.judged]
    lacks = {count.lacks for count in judged}
    return Count(
        one.rows + other.rows,
        one.flagged + other.flagged,
        max((count.newest for count in (one, other) if count.newest is not None), default=None),
        one.judged + other.judged,
        lacks.pop() if len(lacks) == 1 else -1,
        _added(one.rules, other.rules),
    )


def _added(*counts: Mapping[str, int]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items()))


def stop_if_gone(table: Table, ends: Ends) -> None:
    """A column that must not be null and is null in every row of the cut was dropped or renamed in the source, though
    its table still has it: for a person to decide, not row by row. Raises UpstreamError.
    """
    refused = ends.get(("cut", "quarantined"), NONE)
    judged = sum(count.judged for (origin, _), count in ends.items() if origin == "cut")
    if refused.lacks >= 0 and refused.judged == judged >= NO_ACCIDENT:
        raise UpstreamError(
            f"{table.source}.{list(table.columns)[refused.lacks]} is null in all {judged} rows of the cut, "
            "which its contract does not allow",
            "if the source dropped or renamed the column, mend the registry (nullable, default, the new name), then "
            "`tidemark resume`; if the rows are only bad, a rebuild (`tidemark publish --rebuild`) quarantines them",
        )


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
    refused = [n.rules for (origin, outcome), n in ends.items() if outcome == "quarantined" and origin != "refused"]
    held = [count.rules for (_, outcome), count in ends.items() if outcome == "held"]
    by_kind = {"held": held, "quarantined": refused, "flagged": [count.rules for count in accepted]}
    counts.rules = {kind: _added(*found) for kind, found in by_kind.items() if any(found)}
    counts.max_ts_ms = max((count.newest for count in accepted if count.newest is not None), default=None)
