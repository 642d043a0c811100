"""What must hold before a run may be published. Every check is a pair of numbers that must be equal.

Counts of rows come from the snapshots' own summaries, not from the frames that were written. State checks look at the
keys that the run touched, as they now stand on the branch.
"""

from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from curate_job.asked import ask
from curate_job.catalog import collected, count_of, lineage, load_table, snapshot_of
from curate_job.classify import State, Work
from curate_job.manifest import ATTEMPT, CHANGES, CURRENT, KINDS, QUARANTINED, Check, Manifest, TableResult
from curate_job.quarantine import left, selected


def all_of(spark: SparkSession, manifest: Manifest, work: Work, state: State) -> list[Check]:
    """Every check of a table that has been written. Its snapshots on the branch go into the work's counts."""
    return [_balance(work.counts), *_settle(spark, manifest, work), *_state_checks(spark, manifest, work, state)]


def _balance(counts: TableResult) -> Check:
    """Every row read or released came to exactly one end, and as many were read as the cut's snapshots hold."""
    ends = counts.accepted + counts.repeated + counts.held + counts.quarantined
    name = "read + released = accepted + repeated + held + quarantined"
    return Check(name, counts.table, counts.read + counts.released, ends)


def _settle(spark: SparkSession, manifest: Manifest, work: Work) -> list[Check]:
    """Note the branch's snapshots in the work's counts, and check what they say they hold."""
    counts, added = work.counts, {}
    for kind in KINDS:
        table = load_table(spark, manifest.identifier(counts.table, kind))
        head = snapshot_of(table, manifest.branch)
        if head is None:
            continue
        base, rows = _since_base(table, head, manifest.attempt)
        counts.base[kind], counts.snapshots[kind], added[kind] = base, head, rows
    refused = Check("rows appended to quarantine", counts.table, counts.quarantined, added.get(QUARANTINED, 0))
    return [
        Check("rows appended to changes", counts.table, counts.accepted, added.get(CHANGES, 0)),
        refused if selected(manifest, work.table) is None else left(spark, manifest, counts, work.left),
    ]


def _state_checks(spark: SparkSession, manifest: Manifest, work: Work, state: State) -> list[Check]:
    """No touched key stands twice in the current table; no live touched row has a parent that was never seen."""
    if not (state.new or state.changed):
        return []
    table, current = work.table, spark.table(manifest.identifier(work.table.name, CURRENT))
    standing = work.asked.of(current, table.key).groupBy(*table.key).count()
    asked = _counted(standing.where("count > 1"), "keys that stand twice")
    for column, parent in table.parents.items():
        orphans = _orphans(spark, manifest, state.rows, column, parent, work.asked.small)
        asked = asked.union(_counted(orphans, f"live rows without {parent}"))
    return [Check(row["name"], table.name, 0, row["n"]) for row in collected(asked)]


def _orphans(
    spark: SparkSession, manifest: Manifest, state: DataFrame, column: str, parent: str, small: bool
) -> DataFrame:
    key = next(table.key[0] for table in manifest.tables if table.name == parent)
    live = state.where(~F.col("_is_deleted") & F.col(column).isNotNull()).select(F.col(column).alias("_asked"))
    # a state's row may be one of an earlier run, whose parent this run's rows never named
    asked = ask(live.distinct(), ["_asked"], small)
    parents = asked.of(spark.table(manifest.identifier(parent, CURRENT)), ["_asked"], [key])
    seen = parents.select(F.col(key).alias("_asked"))
    return asked.rows.join(seen, "_asked", "left_anti")


def _counted(rows: DataFrame, name: str) -> DataFrame:
    return rows.agg(F.count("*").alias("n")).select(F.lit(name).alias("name"), "n")


def _since_base(table: Any, head: int, attempt: str) -> tuple[int | None, int]:
    """The snapshot on which the attempt's own snapshots stand, and the rows that these added less those they took."""
    rows = 0
    for snapshot in lineage(table, head):
        if snapshot.summary().get(ATTEMPT) != attempt:
            return int(snapshot.snapshotId()), rows
        taken = ("deleted-records", "added-position-deletes")
        rows += count_of(snapshot, "added-records") - sum(count_of(snapshot, name) for name in taken)
    return None, rows
