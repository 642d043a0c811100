"""Reading a cut: the rows that a source table's snapshots (from, to] appended, or all of them as of `to`.

Every snapshot of the cut is looked at first, without a Spark job: appended rows are counted, compactions add none, and
anything that took rows away is for a person to decide. Columns carry the names they had at `to`.
"""

from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from curate_job.catalog import count_of, lineage, load_table
from curate_job.manifest import Table, UpstreamError

REBUILD = "ask for a rebuild of the dataset (`tidemark publish --rebuild`)"


@dataclass(frozen=True)
class Cut:
    """What a source table holds for this run: its identity and how many rows its snapshots say are to be read."""

    source_uuid: str
    rows: int
    loaded: Any


def measure(spark: SparkSession, table: Table, catalog: str) -> Cut:
    """Look at the cut, without reading its rows where it can. Raises UpstreamError for a cut that cannot be read."""
    source = load_table(spark, f"{catalog}.{table.source}")
    if source is None:
        if table.to_snapshot is None:
            return Cut("", 0, None)
        raise UpstreamError(f"{table.source} is gone", REBUILD)
    uuid = str(source.uuid())
    if table.to_snapshot is None or table.to_snapshot == table.from_snapshot:
        return Cut(uuid, 0, source)
    newest = source.snapshot(table.to_snapshot)
    if newest is None:
        raise UpstreamError(f"snapshot {table.to_snapshot} of {table.source} has been expired", REBUILD)
    if table.from_snapshot is None:
        # rows that delete files take away (merge-on-read) are still among the summary's
        exact = not count_of(newest, "total-delete-files")
        rows = count_of(newest, "total-records") if exact else _as_of(spark, table, catalog).count()
        return Cut(uuid, rows, source)
    return Cut(uuid, _appended(source, table), source)


def rows_of(spark: SparkSession, table: Table, cut: Cut, catalog: str) -> DataFrame:
    """The rows of the cut, with the column names of its `to` snapshot."""
    if table.from_snapshot is None:
        return _as_of(spark, table, catalog)
    reader = spark.read.format("iceberg")
    appended = reader.option("start-snapshot-id", table.from_snapshot).option("end-snapshot-id", table.to_snapshot)
    return _named_as_of(appended.load(f"{catalog}.{table.source}"), cut.loaded, table.to_snapshot)


def _as_of(spark: SparkSession, table: Table, catalog: str) -> DataFrame:
    return spark.read.format("iceberg").option("versionAsOf", table.to_snapshot).load(f"{catalog}.{table.source}")


def _appended(source: Any, table: Table) -> int:
    rows = 0
    for snapshot in lineage(source, table.to_snapshot or 0):
        if snapshot.snapshotId() == table.from_snapshot:
            return rows
        operation = str(snapshot.operation())
        if operation == "append":
            rows += count_of(snapshot, "added-records")
        elif operation != "replace":
            reason = f"{table.source} had rows taken away by snapshot {snapshot.snapshotId()} ({operation})"
            raise UpstreamError(reason, REBUILD)
        if snapshot.parentId() == table.from_snapshot:
            return rows
    gone = f"snapshot {table.from_snapshot} of {table.source} is no ancestor of {table.to_snapshot} (rollback, expiry)"
    raise UpstreamError(gone, REBUILD)


def _named_as_of(rows: DataFrame, source: Any, snapshot_id: int | None) -> DataFrame:
    """An incremental read has today's names; a column renamed since gets the name that it had at the cut's end."""
    schema_id = source.snapshot(snapshot_id).schemaId()
    if schema_id is None or schema_id == source.schema().schemaId():
        return rows
    today = source.schema()
    names = [
        (column.name(), today.findColumnName(column.fieldId())) for column in source.schemas()[schema_id].columns()
    ]
    return rows.select(*[F.col(f"`{now}`").alias(then) for then, now in names if now is not None])
