"""Reading a cut: the rows that a source table's snapshots (from, to] appended, or all of them as of `to`.

Every snapshot of the cut is looked at first, without a Spark job: appended rows are counted, compactions add none, and
anything that took rows away is for a person to decide. Columns carry the names they had at `to`.
"""

from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import DataType

from curate_job.cast import quoted
from curate_job.catalog import count_of, lineage, load_table, rows_as_of, rows_at
from curate_job.manifest import Table, UpstreamError

REBUILD = "ask for a rebuild of the dataset (`tidemark publish --rebuild`)"


@dataclass(frozen=True)
class Cut:
    """What a source table holds for this run: its identity and how many rows its snapshots say are to be read."""

    source_uuid: str
    rows: int
    loaded: Any


def measure(spark: SparkSession, table: Table, catalog: str) -> Cut:
    """Look at the cut without reading its rows. Raises UpstreamError for a cut that cannot be read."""
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
        return Cut(uuid, _standing(spark, table, source, catalog), source)
    return Cut(uuid, _appended(source, table), source)


def rows_of(spark: SparkSession, table: Table, cut: Cut, catalog: str) -> DataFrame:
    """The rows of the cut, with the column names of its `to` snapshot."""
    if table.from_snapshot is None:
        return _as_of(spark, table, table.to_snapshot, catalog)
    if _lost_since(cut.loaded, table.to_snapshot):
        return _commit_by_commit(spark, table, cut.loaded, catalog)
    reader = spark.read.format("iceberg").option("start-snapshot-id", table.from_snapshot)
    appended = reader.option("end-snapshot-id", table.to_snapshot)
    return _named_as_of(appended.load(f"{catalog}.{table.source}"), cut.loaded, table.to_snapshot)


def _standing(spark: SparkSession, table: Table, source: Any, catalog: str) -> int:
    """Rows as of `to`. A summary's totals are no count: deletes upstream do not lower them, new branches begin at 0."""
    if source.snapshot(table.to_snapshot).deleteManifests(source.io()).isEmpty():
        return rows_at(source, table.to_snapshot or 0)
    return rows_of(spark, table, Cut("", 0, source), catalog).count()


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


def _lost_since(source: Any, snapshot_id: int | None) -> bool:
    """Whether columns of the snapshot have been dropped since: an incremental read no longer has them."""
    schema_id = source.snapshot(snapshot_id).schemaId()
    today = source.schema()
    if schema_id is None or schema_id == today.schemaId():
        return False
    columns = source.schemas()[schema_id].columns()
    return any(today.findColumnName(column.fieldId()) is None for column in columns)


def _commit_by_commit(spark: SparkSession, table: Table, source: Any, catalog: str) -> DataFrame:
    """The rows of the cut, each commit's own files as of itself: slow, but with all columns that `to` has."""
    whole = _as_of(spark, table, table.to_snapshot, catalog)
    columns = source.schemas()[source.snapshot(table.to_snapshot).schemaId()].columns()
    ids = {column.name(): column.fieldId() for column in columns}
    rows = whole.limit(0)
    for snapshot in lineage(source, table.to_snapshot or 0):
        if snapshot.snapshotId() == table.from_snapshot:
            break
        if str(snapshot.operation()) == "append":
            then = source.schemas()[snapshot.schemaId()]
            names = {name: then.findColumnName(field_id) for name, field_id in ids.items()}
            files = [file.location() for file in snapshot.addedDataFiles(source.io())]
            told = _as_of(spark, table, snapshot.snapshotId(), catalog).where(F.col("_file").isin(files))
            rows = rows.union(told.select(*[_value(names[field.name], field.dataType) for field in whole.schema]))
    return rows


def _value(name: str | None, type_: DataType) -> Column:
    return (F.lit(None) if name is None else F.col(quoted(name))).cast(type_)


def _as_of(spark: SparkSession, table: Table, snapshot_id: int | None, catalog: str) -> DataFrame:
    return rows_as_of(spark, f"{catalog}.{table.source}", snapshot_id)


def _named_as_of(rows: DataFrame, source: Any, snapshot_id: int | None) -> DataFrame:
    """An incremental read has today's names; a column renamed since gets the name that it had at the cut's end."""
    schema_id = source.snapshot(snapshot_id).schemaId()
    if schema_id is None or schema_id == source.schema().schemaId():
        return rows
    today = source.schema()
    names = [
        (column.name(), today.findColumnName(column.fieldId())) for column in source.schemas()[schema_id].columns()
    ]
    return rows.select(*[F.col(quoted(now)).alias(then) for then, now in names if now is not None])
