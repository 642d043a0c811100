"""Joining a large current table's small files before more come to them.

Each merge leaves a file of rows, and one of deletes for every file that it touched; each later look at recent keys
opens them all. Maintenance would join them too, but comes seldom and takes a run's turn.
"""

from math import ceil
from typing import Any

from pyspark.sql import SparkSession

from curate_job.catalog import files_at, java_class, load_table, snapshot_of
from curate_job.manifest import ATTEMPT, CURRENT, Manifest, Table

ROWS_PER_FILE = 500_000  # of a large write
JOINED_FILES = 5  # so many small ones become one
SMALL_BYTES = 1024 * 1024
_OPTIONS = {
    "min-input-files": JOINED_FILES,
    "min-file-size-bytes": SMALL_BYTES,
    "max-file-size-bytes": 1024**4,  # no file is too large
}


def join_small_files(spark: SparkSession, manifest: Manifest, table: Table, standing: int) -> None:
    """Of a current table of so many rows that is about to be merged into, on the attempt's branch; nothing if few."""
    base, identifier = table.base[CURRENT], manifest.identifier(table.name, CURRENT)
    loaded = None if base is None else load_table(spark, identifier)
    if loaded is None or base is None:
        return
    if files_at(loaded, base) - ceil(standing / ROWS_PER_FILE) < JOINED_FILES:
        return
    if snapshot_of(loaded, manifest.branch) is None:
        loaded.manageSnapshots().createBranch(manifest.branch, base).commit()
    _rewrite(spark, loaded, manifest)


def _rewrite(spark: SparkSession, loaded: Any, manifest: Manifest) -> None:
    """Iceberg's own action: its SQL procedure could not mark the snapshot as the attempt's."""
    actions = java_class(spark, "org.apache.iceberg.spark.actions.SparkActions").get(spark._jsparkSession)
    action = actions.rewriteDataFiles(loaded).toBranch(manifest.branch).snapshotProperty(ATTEMPT, manifest.attempt)
    for name, value in _OPTIONS.items():
        action = action.option(name, str(value))
    action.execute()
