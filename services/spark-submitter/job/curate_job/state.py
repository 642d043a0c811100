"""The current table's new rows: the winner of every touched key, and flags that only the whole state can tell.

Uniqueness (an e-mail) is such a flag: it is judged anew for every value that a touched key had or has, among live rows.
Only rows that differ from what stands in the current table are returned, each with `_new`: no row stands there yet.
"""

from collections.abc import Callable

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from curate_job.asked import Asked, ask
from curate_job.manifest import Table

_COMPARED = ("_op", "_lsn", "_ts_ms", "_source_ts", "_flags", "_state_flags", "_is_deleted")


def state_rows(
    winners: DataFrame,
    table: Table,
    current: DataFrame | None,
    asked: Asked,
    kept: Callable[[DataFrame], DataFrame],
) -> DataFrame:
    """Rows to merge into the current table, with its columns plus `_new`.

    `winners`: one change per touched key; `current`: the table to merge into, None when it is empty; `asked`: asks for
    the touched keys at least; `kept`: holds rows that are looked at twice (Frames.kept).
    """
    is_deleted = {"_is_deleted": F.col("_op") == "d"}
    standing = None if current is None else asked.of(current, table.key)
    if not table.unique:
        none = F.lit(None).cast("string")
        return _differing(winners.withColumns({**is_deleted, "_state_flags": none}), table, standing)
    state = winners.withColumns(is_deleted)
    if current is None or standing is None:
        return _differing(state.withColumn("_state_flags", _unique_flags(state, table)), table, None)
    standing = kept(standing)
    near = kept(_neighbours(state, standing, current, table, asked))
    rows = asked.together(state, near.select(*state.columns))
    flagged = rows.withColumn("_state_flags", _unique_flags(rows, table))
    return _differing(flagged, table, asked.together(standing, near).dropDuplicates(table.key))


def _neighbours(state: DataFrame, standing: DataFrame, current: DataFrame, table: Table, asked: Asked) -> DataFrame:
    """Untouched rows of `current` that share a unique value with a touched row, as it is to be or as it stands."""
    values = ask(asked.together(*[f.select(*table.unique) for f in (state, standing)]), table.unique, asked.small)
    near = asked.together(*[values.of(current, [column]) for column in table.unique])
    return near.join(state.select(*table.key), table.key, "left_anti").dropDuplicates(table.key)


def _unique_flags(rows: DataFrame, table: Table) -> Column:
    live = ~F.col("_is_deleted")
    flags = []
    for column in table.unique:
        same = F.sum(F.when(live, 1).otherwise(0)).over(Window.partitionBy(column))
        flags.append(F.when(live & F.col(column).isNotNull() & (same > 1), F.lit(f"{column}_not_unique")))
    joined = F.concat_ws(",", *flags)
    return F.when(joined != "", joined)


def _differing(rows: DataFrame, table: Table, standing: DataFrame | None) -> DataFrame:
    if standing is None:
        return rows.withColumn("_new", F.lit(True))
    compared = F.struct(*[c for c in table.columns if c not in table.key], *_COMPARED)
    joined = rows.join(standing.select(*table.key, compared.alias("_stands")), table.key, "left")
    is_new = F.col("_stands").isNull()
    differs = is_new | ~compared.eqNullSafe(F.col("_stands"))
    return joined.where(differs).withColumn("_new", is_new).drop("_stands")
