"""A run's frames: the curated tables as of their base, and rows computed once and held by Spark.

Every step's frame is held: it is used more than once, and plans that carried their whole past along would cost far more
than the rows (Spark looks at every step of a plan, again and again).
"""

from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from curate_job.asked import together
from curate_job.catalog import of_unknown_size, rows_as_of, rows_at, table_with
from curate_job.curated import columns_of
from curate_job.defaults import has_defaults, value_of
from curate_job.manifest import Manifest, Table


@dataclass(frozen=True)
class Frames:
    """Reads for one manifest. `small`: rows stay in one partition, so that nothing needs a shuffle."""

    spark: SparkSession
    manifest: Manifest
    small: bool

    def together(self, *frames: DataFrame) -> DataFrame:
        """All rows of the frames."""
        return together(frames, self.small)

    def kept(self, rows: DataFrame) -> DataFrame:
        """The rows computed once and held by Spark; what follows knows nothing of how they came about."""
        kept = rows.localCheckpoint(eager=True)
        return self.together(of_unknown_size(self.spark, kept)) if self.small else kept

    def base(self, table: Table, kind: str) -> DataFrame | None:
        """A curated table as of its base, with the contract's columns of today; None: it has no base."""
        if table.base[kind] is None:
            return None
        rows = rows_as_of(self.spark, self.manifest.identifier(table.name, kind), table.base[kind])
        columns = columns_of(table, kind)
        present = {field.name: field.dataType.simpleString() for field in rows.schema.fields}
        if present == columns and not has_defaults(table):
            return rows
        # an older snapshot has the older shape
        return rows.select(*[value_of(table, name, type_, name in present) for name, type_ in columns.items()])


def rows_in(spark: SparkSession, manifest: Manifest, kind: str) -> dict[str, int]:
    """`rows_at_base` of every table."""
    return {table.name: rows_at_base(spark, manifest, table, kind) for table in manifest.tables}


def rows_at_base(spark: SparkSession, manifest: Manifest, table: Table, kind: str) -> int:
    """No fewer than the rows of a curated table at its base: those that a delete file takes off are counted too."""
    snapshot = table.base[kind]
    loaded = None if snapshot is None else table_with(spark, manifest.identifier(table.name, kind), snapshot)
    return 0 if snapshot is None or loaded is None else rows_at(loaded, snapshot)
