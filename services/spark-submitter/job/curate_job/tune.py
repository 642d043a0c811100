"""Spark's settings for one run: by how many rows its cut holds, and by how many of the standing ones it has to read.

A small cut stays in one partition. Its plans are interpreted where they read few rows, for to compile them would take
longer; whether they do is known for sure only from what its first look at the standing rows has read.
"""

from math import ceil

from pyspark.sql import SparkSession

from curate_job.frames import rows_in
from curate_job.manifest import CHANGES, Manifest

HINTED_ROWS = 1_000_000  # above it Spark chooses what to broadcast
ROWS_PER_PARTITION = 250_000  # of a shuffle; adaptive execution joins those that turn out small
INTERPRETED_ROWS = 250_000  # read by the first look
SMALL_SETTINGS = {
    "spark.sql.autoBroadcastJoinThreshold": "-1",
    "spark.sql.defaultSizeInBytes": "1",  # what Spark supposes of kept rows: joins multiply it, and large ones shuffle
    "spark.sql.adaptive.enabled": "false",  # one partition: there is nothing to adapt
    "spark.sql.shuffle.partitions": "1",
    # to derive conditions that the looks at standing rows name anyway takes a fifteenth of a small run
    "spark.sql.constraintPropagation.enabled": "false",
    # it would move joins below what brings rows together in one partition
    "spark.sql.optimizer.excludedRules": "org.apache.spark.sql.catalyst.optimizer.PushDownLeftSemiAntiJoin",
}
INTERPRETED = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
HINTS_OFF = {"spark.sql.optimizer.disableHints": "true"}
TUNED = (*SMALL_SETTINGS, *INTERPRETED, *HINTS_OFF)  # what has to be as before when the run ends


def tune(spark: SparkSession, manifest: Manifest, largest: int, small: bool) -> None:
    """Before anything is read. `largest`: the rows of the largest cut; where there is none, of the largest table."""
    cores = manifest.resources.cores * (1 + manifest.resources.executors)
    partitions = {"spark.sql.shuffle.partitions": str(max(cores, ceil(largest / ROWS_PER_PARTITION)))}
    settings = {**partitions, **(SMALL_SETTINGS if small else {}), **(HINTS_OFF if largest > HINTED_ROWS else {})}
    if small and sum(rows_in(spark, manifest, CHANGES).values()) <= INTERPRETED_ROWS:
        settings |= INTERPRETED
    for name, value in settings.items():
        spark.conf.set(name, value)


def tune_after_look(spark: SparkSession, rows_read: int) -> None:
    """Once a small cut has looked at the accepted changes of its keys: every later look resembles that one."""
    if rows_read <= INTERPRETED_ROWS:
        for name, value in INTERPRETED.items():
            spark.conf.set(name, value)
