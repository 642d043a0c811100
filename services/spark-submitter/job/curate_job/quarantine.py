"""What a person decides about rows in quarantine: they are judged again (replay), or let go (drop).

A replay reads the row as it came, which quarantine keeps as JSON, with the source's columns of today, and judges it by
the contract and the rules of today. A row that no longer fits those columns stays as it is: read all the same, what
does not fit would become null in silence.
"""

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from curate_job.asked import literal
from curate_job.catalog import load_table, rows_as_of, snapshot_of
from curate_job.manifest import QUARANTINED, Check, Manifest, Table, TableResult
from curate_job.order import JSON_TIMES
from curate_job.read import Cut
from curate_job.steps import Steps

PLACE = "_was"  # which row in quarantine this one was
_UNREAD = "_tidemark_unread"
_OPTIONS = {**JSON_TIMES, "mode": "PERMISSIVE", "columnNameOfCorruptRecord": _UNREAD}


def as_they_came(spark: SparkSession, manifest: Manifest, table: Table) -> DataFrame | None:
    """The rows to be judged again, with the source's columns and their PLACE; None: there are none of this table."""
    condition, base = selected(manifest, table), table.base[QUARANTINED]
    if condition is None or base is None:
        return None
    columns = rows_as_of(spark, f"{manifest.catalog}.{table.source}", table.to_snapshot).schema
    kept = rows_as_of(spark, manifest.identifier(table.name, QUARANTINED), base).where(condition)
    names = F.array(*[F.lit(column.name) for column in columns])
    fits = F.size(F.array_except(F.json_object_keys("_row"), names)) == 0
    whole = StructType([*columns, StructField(_UNREAD, StringType())])
    read = kept.where(fits).select(F.from_json("_row", whole, _OPTIONS).alias("_source"), _place().alias(PLACE))
    return read.where(F.col(f"_source.{_UNREAD}").isNull()).select("_source.*", PLACE).drop(_UNREAD)


def replayed(spark: SparkSession, manifest: Manifest, cuts: dict[str, Cut]) -> dict[str, Cut]:
    """The cuts of a replay: no row of any source, and of one table the selected rows in quarantine."""
    found = {table.name: as_they_came(spark, manifest, table) for table in manifest.tables}
    rows = {name: 0 if frame is None else frame.count() for name, frame in found.items()}
    return {name: Cut(cut.source_uuid, rows[name], cut.loaded) for name, cut in cuts.items()}


def selected(manifest: Manifest, table: Table) -> str | None:
    """The run's selection as a condition on the table's quarantine; None: nothing of this table is selected."""
    selection = manifest.selection
    if selection is None or selection.table != table.name:
        return None
    asked = [f"`_key` IN ({', '.join(literal(key) for key in selection.keys)})"] if selection.keys else []
    asked += [f"`_rule` = {literal(selection.rule)}"] if selection.rule is not None else []
    return " AND ".join(asked) or "true"


def leave(spark: SparkSession, manifest: Manifest, table: Table, rows: DataFrame) -> None:
    """Take replayed rows out of quarantine; those refused again stay, with what is wrong with them today."""
    judged = rows.where(F.col("_origin") == "refused").select(PLACE, "_outcome", "_rule", "_reason")
    judged.dropDuplicates([PLACE]).createOrReplaceTempView(f"{table.name}_judged")
    spark.sql(
        f"MERGE INTO {manifest.identifier(table.name, QUARANTINED)} t USING {table.name}_judged s "
        f"ON concat_ws('@', t._identity, CAST(t._ts_ms AS STRING)) = s.{PLACE} "
        "WHEN MATCHED AND s._outcome <> 'quarantined' THEN DELETE "
        "WHEN MATCHED AND t._reason <> s._reason THEN UPDATE SET _rule = s._rule, _reason = s._reason"
    )


def drop(spark: SparkSession, manifest: Manifest, counts: dict[str, TableResult], steps: Steps) -> list[Check]:
    """Let the selected rows go; the snapshot goes into `counts`."""
    checked = []
    for table in manifest.tables:
        condition, base, told = selected(manifest, table), table.base[QUARANTINED], counts[table.name]
        if condition is None or base is None:
            continue
        identifier = manifest.identifier(table.name, QUARANTINED)
        with steps.step("drop from quarantine", table.name) as step:
            told.dropped = rows_as_of(spark, identifier, base).where(condition).count()
            told.released = step["rows"] = told.dropped
            if told.dropped:
                spark.sql(f"ALTER TABLE {identifier} CREATE OR REPLACE BRANCH `{manifest.branch}` AS OF VERSION {base}")
                spark.sql(f"DELETE FROM {identifier} WHERE {condition}")  # noqa: S608 - our own literals
                told.snapshots[QUARANTINED] = snapshot_of(load_table(spark, identifier), manifest.branch)
        checked.append(left(spark, manifest, told, told.dropped))
    return checked


def left(spark: SparkSession, manifest: Manifest, counts: TableResult, gone: int) -> Check:
    """Exactly `gone` rows have left quarantine."""
    identifier = manifest.identifier(counts.table, QUARANTINED)
    base, head = counts.base[QUARANTINED], counts.snapshots[QUARANTINED]
    before, after = (rows_as_of(spark, identifier, snapshot).count() for snapshot in (base, head))
    return Check("rows that stay in quarantine", counts.table, before - gone, after)


def _place() -> Column:
    return F.concat_ws("@", "_identity", F.col("_ts_ms").cast("string"))
