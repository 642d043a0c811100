"""The current table's new rows: the winner of every touched key, and flags that only the whole state can tell.

Uniqueness (an e-mail) is such a flag: it is judged anew for every value that a touched key had or has, among live rows.
Only rows that differ from what stands in the current table are returned, each with `_new`: no row stands there yet.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from curate_job.manifest import Table

_COMPARED = ("_op", "_lsn", "_ts_ms", "_source_ts", "_flags", "_state_flags", "_is_deleted")


def state_rows(winners: DataFrame, table: Table, current: DataFrame | None) -> DataFrame:
    """Rows to merge into the current table, with its columns plus `_new`.

    `winners`: one change per touched key; `current`: the table to merge into, None when it is empty.
    """
    state = winners.withColumn("_is_deleted", F.col("_op") == "d").drop("_run_id")
    if not table.unique:
        return _differing(state.withColumn("_state_flags", F.lit(None).cast("string")), table, current)
    rows = state if current is None else _with_neighbours(state, table, current)
    return _differing(rows.withColumn("_state_flags", _unique_flags(rows, table)), table, current)


def _with_neighbours(state: DataFrame, table: Table, current: DataFrame) -> DataFrame:
    """The touched rows and every untouched row that shares a unique value with them, before or after."""
    keys = state.select(*table.key)
    touched = current.join(F.broadcast(keys), table.key, "left_semi")
    untouched = current.join(F.broadcast(keys), table.key, "left_anti")
    near = F.lit(False)
    for column in table.unique:
        values = state.select(column).union(touched.select(column)).distinct()
        marked = F.broadcast(values.select(F.col(column).alias(f"_near_{column}")).where(F.col(column).isNotNull()))
        untouched = untouched.join(marked, F.col(column) == F.col(f"_near_{column}"), "left")
        near = near | F.col(f"_near_{column}").isNotNull()
    return state.unionByName(untouched.where(near).select(*state.columns))


def _unique_flags(rows: DataFrame, table: Table) -> Column:
    live = ~F.col("_is_deleted")
    flags = []
    for column in table.unique:
        same = F.sum(F.when(live, 1).otherwise(0)).over(Window.partitionBy(column))
        flags.append(F.when(live & F.col(column).isNotNull() & (same > 1), F.lit(f"{column}_not_unique")))
    joined = F.concat_ws(",", *flags)
    return F.when(joined != "", joined)


def _differing(rows: DataFrame, table: Table, current: DataFrame | None) -> DataFrame:
    if current is None:
        return rows.withColumn("_new", F.lit(True))
    compared = [*[c for c in table.columns if c not in table.key], *_COMPARED]
    stands = F.struct(*[F.col(c) for c in compared]).alias("_stands")
    touched = current.join(F.broadcast(rows.select(*table.key)), table.key, "left_semi").select(*table.key, stands)
    joined = rows.join(touched, table.key, "left")
    is_new = F.col("_stands").isNull()
    differs = is_new | ~F.struct(*[F.col(c) for c in compared]).eqNullSafe(F.col("_stands"))
    return joined.where(differs).withColumn("_new", is_new).drop("_stands")
