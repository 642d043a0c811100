"""What only a rebuild does: a tombstone for every key that the source's newest full snapshot does not hold.

Debezium writes one full snapshot as `r` rows that share an LSN. A live key that neither that snapshot nor any later
change tells of is gone (a lost delete, a TRUNCATE). Its tombstone has no LSN and stands in order like an `r` at the
snapshot's first `_ts_ms`; it then travels like any change.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from curate_job.manifest import Table


def tombstones(rows: DataFrame, current: DataFrame, table: Table) -> DataFrame:
    """Tombstone changes for live keys of `current` that the full snapshot among `rows` does not hold.

    None are made when `rows` hold no full snapshot. Columns: the contract's plus `_op, _lsn, _ts_ms, _source_ts`.
    """
    reads = rows.where((F.col("_op") == "r") & F.col("_lsn").isNotNull())
    newest = reads.groupBy("_lsn").agg(F.min("_ts_ms").alias("_began")).orderBy(F.col("_lsn").desc()).limit(1)
    newest = newest.select(F.col("_lsn").alias("_snapshot"), "_began", F.lit(True).alias("_full"))
    within = (F.col("_lsn") == F.col("_snapshot")) | (F.col("_ts_ms") >= F.col("_began"))
    told = rows.crossJoin(F.broadcast(newest)).where(within).select(*table.key).distinct()
    gone = current.where(~F.col("_is_deleted")).join(told, table.key, "left_anti").crossJoin(F.broadcast(newest))
    return gone.select(
        *table.columns,
        F.lit("d").alias("_op"),
        F.lit(None).cast("bigint").alias("_lsn"),
        F.col("_began").alias("_ts_ms"),
        F.timestamp_millis("_began").cast("timestamp_ntz").alias("_source_ts"),
    )
