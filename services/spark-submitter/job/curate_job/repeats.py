"""Repeated deliveries: the same change, told again.

A change's identity is its key, LSN and op (without an LSN also its `_ts_ms`); for rows ordered by arrival it is the
whole row but `_ts_ms`. Of one identity the earliest delivery counts, so a repeat with an earlier `_ts_ms` than all
known ones is no repeat: it is kept, because the order of changes uses the earliest.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from curate_job.manifest import Table
from curate_job.order import content_of, json_of


def identity_of(table: Table, order: str) -> Column:
    """The identity of a change whose contract columns could be read, as text."""
    key = json_of(F.struct(*[F.col(column) for column in table.key]))
    if order != "debezium":
        return F.concat_ws("|", key, content_of(list(table.columns)))
    place = F.coalesce(F.col("_lsn").cast("string"), F.concat(F.lit("ts"), F.col("_ts_ms").cast("string")))
    return F.concat_ws("|", key, F.col("_op"), place)


def key_text(table: Table) -> Column:
    """A row's key as text: what a quarantined row is known by, whose key may be no key."""
    return F.concat_ws("|", *[F.col(column).cast("string") for column in table.key])


def identity_of_judged(table: Table, order: str) -> Column:
    """The identity of a judged row; one whose identity cannot be read is known by all of its source row."""
    unreadable = F.col("_op").isNull() | F.col("_ts_ms").isNull()
    for column in table.key:
        unreadable = unreadable | F.col(column).isNull()
    if order != "debezium":
        unreadable = unreadable | F.col("_rule").isNotNull()
    told = F.regexp_replace(F.coalesce("_raw", F.lit("")), '"__ts_ms":("[^"]*"|[0-9]+),?', "")
    return F.when(unreadable, F.concat(F.lit("row|"), F.md5(told))).otherwise(identity_of(table, order))


def mark_repeats(rows: DataFrame, known: DataFrame | None) -> DataFrame:
    """Rows plus `_repeated`. `known`: (`_identity`, `_ts_ms`) of changes accepted, held or quarantined before."""
    deliveries = Window.partitionBy("_identity").orderBy(F.col("_ts_ms").asc_nulls_last())
    later = F.row_number().over(deliveries) > 1
    if known is None:
        return rows.withColumn("_repeated", later)
    earliest = known.groupBy("_identity").agg(F.min("_ts_ms").alias("_known_ts_ms"))
    told = F.col("_known_ts_ms").isNotNull() & (F.coalesce("_ts_ms", "_known_ts_ms") >= F.col("_known_ts_ms"))
    return rows.join(earliest, "_identity", "left").withColumn("_repeated", later | told).drop("_known_ts_ms")
