"""The one order of a key's changes: which of them is the state.

A function of the set of accepted changes, not of when they came. `debezium`: changes with an LSN (c, u, d) stand
among themselves by LSN; the best of them stands against the best snapshot row by `_ts_ms`, the earliest delivery
counting, and wins a tie. A snapshot row is an `r`, or anything without an LSN (a rebuild's tombstone). `arrival`: the
highest `_ts_ms`, and of one millisecond the greatest values. dbt holds the same function over RAW
(dbt/macros/latest_change.sql).
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

RANK = {"r": 0, "c": 1, "u": 2, "d": 3}  # only decides between changes of one key with one LSN


def rank_of(operation: Column) -> Column:
    """The place of an operation among those with one LSN."""
    rank = F.lit(-1)
    for name, place in RANK.items():
        rank = F.when(operation == name, place).otherwise(rank)
    return rank


_MICROS = "yyyy-MM-dd'T'HH:mm:ss.SSSSSS"
JSON_TIMES = {"timestampFormat": f"{_MICROS}XXX", "timestampNTZFormat": _MICROS}


def json_of(row: Column) -> Column:
    """A struct as JSON. Spark alone ends timestamps at milliseconds there, and rows that differ would be the same."""
    return F.to_json(row, JSON_TIMES)


def content_of(columns: list[str]) -> Column:
    """A digest of the row's contract columns, the same for every delivery of one row."""
    return F.md5(json_of(F.struct(*[F.col(c) for c in columns])))


def winners(changes: DataFrame, key: list[str], columns: list[str], order: str) -> DataFrame:
    """One row per key, with the columns of `changes`: the change that is the key's state."""
    return _by_log(changes, key) if order == "debezium" else _by_arrival(changes, key, columns)


def _by_log(changes: DataFrame, key: list[str]) -> DataFrame:
    row = F.struct(*[F.col(c) for c in changes.columns])
    delivery = F.when(F.col("_lsn").isNull(), F.col("_ts_ms"))
    earliest = (
        changes.groupBy(*key, "_op", "_lsn", delivery.alias("_delivery"))
        .agg(F.min_by(row, F.col("_ts_ms")).alias("_row"))
        .select(*key, "_row", _is_logged(F.col("_row._op"), F.col("_row._lsn")).alias("_logged"))
    )
    lsn, rank, ts = F.col("_row._lsn"), rank_of(F.col("_row._op")), F.col("_row._ts_ms")
    logged = F.max_by(F.when(F.col("_logged"), F.col("_row")), F.when(F.col("_logged"), F.struct(lsn, rank)))
    by_time = F.struct(ts, F.coalesce(lsn, F.lit(-1)), rank)
    snapshot = F.max_by(F.when(~F.col("_logged"), F.col("_row")), F.when(~F.col("_logged"), by_time))
    best = earliest.groupBy(*key).agg(logged.alias("_change"), snapshot.alias("_read"))
    change, read = F.col("_change"), F.col("_read")
    later = change.isNull() | (F.col("_read._ts_ms") > F.col("_change._ts_ms"))
    winner = F.when(read.isNotNull() & later, read).otherwise(change)
    return best.select(winner.alias("_winner")).select("_winner.*")


def _by_arrival(changes: DataFrame, key: list[str], columns: list[str]) -> DataFrame:
    row = F.struct(*[F.col(c) for c in changes.columns])
    earliest = changes.groupBy(*key, content_of(columns).alias("_content")).agg(
        F.min_by(row, F.col("_ts_ms")).alias("_row")
    )
    by_time = F.struct(F.col("_row._ts_ms"), *[F.col(f"_row.{c}") for c in columns])
    latest = F.max_by(F.col("_row"), by_time)
    return earliest.groupBy(*key).agg(latest.alias("_winner")).select("_winner.*")


def _is_logged(operation: Column, lsn: Column) -> Column:
    return (operation != "r") & lsn.isNotNull()
