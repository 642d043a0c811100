"""What must hold before a run may be published. Every check is a pair of numbers that must be equal.

Counts of rows come from the snapshots' own summaries, not from the frames that were written. State checks look at the
keys that the run touched, as they now stand on the branch: one Spark action for all tables.
"""

from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from curate_job.asked import ask
from curate_job.catalog import count_of, lineage, load_table, snapshot_of
from curate_job.classify import Work
from curate_job.manifest import CHANGES, CURRENT, KINDS, QUARANTINED, Check, Manifest, Table
from curate_job.quarantine import left, selected

ATTEMPT = "tidemark.attempt"  # a property of every snapshot that an attempt writes


def balance(work: Work, rows_expected: int) -> list[Check]:
    """Every row read or released came to exactly one end, and as many were read as the cut's snapshots hold."""
    counts = work.counts
    ends = counts.accepted + counts.repeated + counts.held + counts.quarantined
    return [
        Check(
            "read + released = accepted + repeated + held + quarantined",
            counts.table,
            rows_expected + counts.released,
            ends,
        )
    ]


def settle(spark: SparkSession, manifest: Manifest, work: Work) -> list[Check]:
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


def state_checks(spark: SparkSession, manifest: Manifest, works: dict[str, Work]) -> list[Check]:
    """No touched key stands twice in the current table; no live touched row has a parent that was never seen."""
    asked: list[DataFrame] = []
    for work in works.values():
        if not (work.new or work.changed):
            continue
        table, current = work.table, spark.table(manifest.identifier(work.table.name, CURRENT))
        standing = work.asked.of(current, table.key).groupBy(*table.key).count()
        asked.append(_counted(standing.where("count > 1"), "keys that stand twice", table))
        for column, parent in table.parents.items():
            asked.append(
                _counted(_orphans(spark, manifest, work, column, parent), f"live rows without {parent}", table)
            )
    if not asked:
        return []
    whole = asked[0]
    for one in asked[1:]:
        whole = whole.union(one)
    return [Check(row["name"], row["table"], 0, row["n"]) for row in whole.collect()]


def _orphans(spark: SparkSession, manifest: Manifest, work: Work, column: str, parent: str) -> DataFrame:
    key = next(table.key[0] for table in manifest.tables if table.name == parent)
    live = work.state.where(~F.col("_is_deleted") & F.col(column).isNotNull()).select(F.col(column).alias("_asked"))
    # a state's row may be one of an earlier run, whose parent this run's rows never named
    asked = ask(live.distinct(), ["_asked"], work.asked.small)
    parents = asked.of(spark.table(manifest.identifier(parent, CURRENT)), ["_asked"], [key])
    seen = parents.select(F.col(key).alias("_asked"))
    return asked.rows.join(seen, "_asked", "left_anti")


def _counted(rows: DataFrame, name: str, table: Table) -> DataFrame:
    return rows.agg(F.count("*").alias("n")).select(F.lit(name).alias("name"), F.lit(table.name).alias("table"), "n")


def _since_base(table: Any, head: int, attempt: str) -> tuple[int | None, int]:
    """The snapshot on which the attempt's own snapshots stand, and the rows that these added."""
    rows = 0
    for snapshot in lineage(table, head):
        if snapshot.summary().get(ATTEMPT) != attempt:
            return int(snapshot.snapshotId()), rows
        rows += count_of(snapshot, "added-records")
    return None, rows
