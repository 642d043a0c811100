"""The catalog and its file store as the job reaches them: Iceberg's own Java API through py4j.

Metadata that Spark SQL would need a job for (snapshots, their parents and counts) is read here without one.
"""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, Row, SparkSession

# paths from the gateway's view that pyspark and py4j look up again for every column, sequence and frame
_FUNCTIONS = ("col", "lit", "when", "struct", "coalesce", "not", "concat", "concat_ws", "substring", "count")
_ASKED_AGAIN = (
    *(("functions", name) for name in _FUNCTIONS),
    *(("org.apache.spark.sql.functions", name) for name in _FUNCTIONS),
    ("org.apache.spark.sql.expressions.Window", "partitionBy"),
    ("PythonUtils", "toSeq"),
    ("PythonUtils", "toArray"),
    ("PythonSQLUtils",),
    ("PythonErrorUtils",),
    ("py4j", "reflection", "TypeUtil", "isInstanceOf"),
)
_UTIL = "org.apache.iceberg.spark.Spark3Util"


def remember_names(spark: SparkSession) -> None:
    """Keep what is asked for again and again as attributes of the gateway's view, of its classes and packages.

    py4j forgets what it finds, and for a name without its package it searches every jar of the class path: a third of
    a small run's time went there.
    """
    for path in _ASKED_AGAIN:
        holder = spark._jvm
        for name in path:
            found = getattr(holder, name)
            vars(holder)[name] = found
            holder = found


def load_table(spark: SparkSession, identifier: str) -> Any | None:
    """The Iceberg table (a Java object) as it is now, None if there is none.

    Spark's catalog keeps loaded tables for a while (opening one costs a new client of the object store), and what
    others have committed since is seen by a refresh alone: for the whole session, so once a run for each table. One
    that cannot be refreshed may have been dropped, or made anew under its name: it is forgotten and looked for again.
    """
    try:
        table = _open(spark, identifier)
        try:
            table.refresh()
        except Py4JJavaError:
            _forget(spark, identifier)
            table = _open(spark, identifier)
        return table
    except AnalysisException as error:
        if error.getCondition() in ("TABLE_OR_VIEW_NOT_FOUND", "SCHEMA_NOT_FOUND"):
            return None
        raise


def table_with(spark: SparkSession, identifier: str, snapshot_id: int) -> Any | None:
    """The Iceberg table as Spark's catalog keeps it, for it has the snapshot; else as `load_table` finds it."""
    try:
        table = _open(spark, identifier)
    except AnalysisException:
        table = None
    return load_table(spark, identifier) if table is None or table.snapshot(snapshot_id) is None else table


def _open(spark: SparkSession, identifier: str) -> Any:
    return java_class(spark, _UTIL).loadIcebergTable(spark._jsparkSession, identifier)


def _forget(spark: SparkSession, identifier: str) -> None:
    found = java_class(spark, _UTIL).catalogAndIdentifier(spark._jsparkSession, identifier)
    found.catalog().invalidateTable(found.identifier())


def snapshot_of(table: Any, ref: str) -> int | None:
    """The snapshot that a branch of the table points at, None without such a branch."""
    snapshot = table.snapshot(ref)
    return None if snapshot is None else int(snapshot.snapshotId())


def refs_of(table: Any) -> dict[str, bool]:
    """The table's branches and tags by name, and whether it is a branch."""
    refs = table.refs()
    return {str(name): bool(refs.get(name).isBranch()) for name in list(refs.keySet())}


def count_of(snapshot: Any, name: str) -> int:
    """A counter of the snapshot's summary, 0 if it has none."""
    return int(snapshot.summary().get(name) or 0)


def rows_at(table: Any, snapshot_id: int) -> int:
    """Rows that a snapshot of a table without delete files holds, from its manifests.

    Not from its summary: the first commit on a new branch starts the summary's totals at 0 again.
    """
    return sum(int(m.addedRowsCount() or 0) + int(m.existingRowsCount() or 0) for m in _manifests(table, snapshot_id))


def files_at(table: Any, snapshot_id: int) -> int:
    """Data files that a snapshot holds, from its manifests."""
    return sum(int(m.addedFilesCount() or 0) + int(m.existingFilesCount() or 0) for m in _manifests(table, snapshot_id))


def _manifests(table: Any, snapshot_id: int) -> list[Any]:
    manifests = table.snapshot(snapshot_id).dataManifests(table.io())
    return [manifests.get(n) for n in range(manifests.size())]  # the end of a Java iterator is a slow exception


def rows_as_of(spark: SparkSession, identifier: str, snapshot_id: int | None) -> DataFrame:
    """The table as a snapshot holds it, with the columns that it had then."""
    return spark.read.format("iceberg").option("versionAsOf", snapshot_id).load(identifier)


def fields_in(spark: SparkSession, schema: Any) -> dict[str, dict[str, Any]]:
    """An Iceberg schema's top columns as Iceberg writes them: `type`, and `doc` where one has a comment."""
    fields = json.loads(java_class(spark, "org.apache.iceberg.SchemaParser").toJson(schema))["fields"]
    return {field["name"]: field for field in fields}


def lineage(table: Any, newest: int) -> Iterator[Any]:
    """The snapshot and its ancestors, newest first, as far as they have not been expired."""
    snapshot = table.snapshot(newest)
    while snapshot is not None:
        yield snapshot
        parent = snapshot.parentId()
        snapshot = None if parent is None else table.snapshot(parent)


def read_text(spark: SparkSession, catalog: str, uri: str) -> str:
    """A small text file, by the catalog's own file store."""
    stream = _file_io(spark, catalog).newInputFile(uri).newStream()
    try:
        return bytes(stream.readAllBytes()).decode()
    finally:
        stream.close()


def write_text(spark: SparkSession, catalog: str, uri: str, text: str) -> None:
    """Write a small text file, by the catalog's own file store."""
    stream = _file_io(spark, catalog).newOutputFile(uri).createOrOverwrite()
    try:
        stream.write(bytearray(text.encode()))
    finally:
        stream.close()


def active_session(spark: SparkSession) -> None:
    """Make the session the current Java thread's own."""
    java_class(spark, "org.apache.spark.sql.classic.SparkSession").setActiveSession(spark._jsparkSession)


def collected(rows: DataFrame) -> list[Row]:
    """The rows themselves. With each collect pyspark unsays who called, and Spark would walk the stack for what follows
    (main.py says it once for the whole run)."""
    found = rows.collect()
    context = rows.sparkSession.sparkContext
    context.setLocalProperty("callSite.short", context.getLocalProperty("callSite.long") or "")
    return found


def of_unknown_size(spark: SparkSession, rows: DataFrame) -> DataFrame:
    """The same rows without Spark's estimate of their size, a product over all joins that they came from."""
    plan = rows._jdf.queryExecution()
    return DataFrame(spark._jsparkSession.internalCreateDataFrame(plan.toRdd(), rows._jdf.schema(), False), spark)


@cache
def _file_io(spark: SparkSession, catalog: str) -> Any:
    prefix = f"spark.sql.catalog.{catalog}."
    settings = {k: v for k, v in spark.sparkContext.getConf().getAll() if k.startswith(prefix)}
    properties = java_class(spark, "java.util.HashMap")()
    for name, value in settings.items():
        properties.put(name[len(prefix) :], value)
    implementation = properties.get("io-impl") or "org.apache.iceberg.hadoop.HadoopFileIO"
    configuration = spark._jsc.hadoopConfiguration()
    return java_class(spark, "org.apache.iceberg.CatalogUtil").loadFileIO(implementation, properties, configuration)


def java_class(spark: SparkSession, name: str) -> Any:
    """A Java class by its full name, looked up once."""
    view = vars(spark._jvm)
    if name not in view:
        view[name] = getattr(spark._jvm, name)
    return view[name]
