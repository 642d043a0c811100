"""Writing one table's outcome onto the attempt's branch: append changes, merge the state, hold and release, quarantine.

The session writes to a branch of its own (write-audit-publish), so nothing here is seen on main until the submitter
has decided. Tables and their parts that get no rows are not written at all. A small current table is written anew
instead of merged into: a file and a file of deletes more with each run would soon cost more than its rows.
"""

from math import ceil

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from curate_job.asked import ask
from curate_job.classify import State, Work
from curate_job.compact import ROWS_PER_FILE, join_small_files
from curate_job.curated import columns_of
from curate_job.manifest import CHANGES, CURRENT, HELD, QUARANTINED, Manifest, Table
from curate_job.quarantine import leave, selected
from curate_job.repeats import key_text
from curate_job.steps import Steps

REWRITTEN_ROWS = 50_000  # of a current table: up to it the table is written anew


def publish(spark: SparkSession, manifest: Manifest, work: Work, state: State, steps: Steps) -> None:
    """Write everything that was found of one table onto the branch."""
    counts, table = work.counts, work.table
    run = {"_run_id": F.lit(manifest.run_id), "_run_seq": F.lit(manifest.run_seq).cast("bigint")}
    if counts.accepted:
        with steps.step("append changes", table.name) as step:
            rows = work.outcome("accepted").withColumns(run)
            _append(rows, manifest, table, CHANGES, counts.accepted)
            step["rows"] = counts.accepted
    if state.new or state.changed:
        with steps.step("merge current", table.name) as step:
            _write_state(spark, manifest, work, state)
            step["rows"] = state.new + state.changed
    if counts.quarantined:
        with steps.step("quarantine", table.name) as step:
            _append(_refused(work.outcome("quarantined"), table).withColumns(run), manifest, table, QUARANTINED, 1)
            step["rows"] = counts.quarantined
    if selected(manifest, table) is not None:
        with steps.step("leave quarantine", table.name) as step:
            leave(spark, manifest, table, work.rows)
            step["rows"] = work.left
    if counts.held or counts.released or work.rewaiting:
        with steps.step("hold and release", table.name) as step:
            _write_held(spark, manifest, work, work.rows.withColumns(run))
            step["rows"] = counts.held + counts.released


def _append(rows: DataFrame, manifest: Manifest, table: Table, kind: str, expected: int) -> None:
    rows = _by_key(rows.select(*columns_of(table, kind)), table, ceil(expected / ROWS_PER_FILE))
    rows.writeTo(manifest.identifier(table.name, kind)).append()


def _by_key(rows: DataFrame, table: Table, files: int) -> DataFrame:
    """In so many files, each a range of the key in order, so that who asks for a few keys reads little."""
    ranges = rows.coalesce(1) if files == 1 else rows.repartitionByRange(files, *table.key)
    return ranges.sortWithinPartitions(*table.key)


def _write_state(spark: SparkSession, manifest: Manifest, work: Work, state: State) -> None:
    if work.asked.small and 0 < state.standing <= REWRITTEN_ROWS:  # a large cut's keys are no broadcast
        _rewrite(spark, manifest, work, state)
        return
    join_small_files(spark, manifest, work.table, state.standing)
    if state.changed:
        _merge(spark, manifest, work, state)
    else:
        _append(state.rows, manifest, work.table, CURRENT, state.new)


def _rewrite(spark: SparkSession, manifest: Manifest, work: Work, state: State) -> None:
    identifier = manifest.identifier(work.table.name, CURRENT)
    written = _padded(spark, state.rows, identifier)
    kept = spark.table(identifier).join(F.broadcast(written.select(*work.table.key)), work.table.key, "left_anti")
    rows = kept.unionByName(written)
    rows.coalesce(ceil((state.standing + state.new) / ROWS_PER_FILE)).writeTo(identifier).overwrite(F.lit(True))


def _merge(spark: SparkSession, manifest: Manifest, work: Work, state: State) -> None:
    view, identifier = f"{work.table.name}_state", manifest.identifier(work.table.name, CURRENT)
    # the table's rows are looked for by literals too, so that files without any of the keys are not read
    key = work.table.key
    touched = ask(state.rows.select(*key), key, work.asked.small).conditions(key, "t")
    rows = _padded(spark, state.rows, identifier).coalesce(ceil((state.new + state.changed) / ROWS_PER_FILE))
    (F.broadcast(rows) if work.asked.small else rows).createOrReplaceTempView(view)
    spark.sql(
        f"MERGE INTO {identifier} t USING {view} s ON {' AND '.join([_same(key), *touched])} "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )


def _write_held(spark: SparkSession, manifest: Manifest, work: Work, rows: DataFrame) -> None:
    leaving = (F.col("_origin") == "held") & F.col("_outcome").isin("accepted", "rewaiting")
    moved = rows.where(leaving | (F.col("_outcome") == "held")).withColumns(
        {"_rule": F.col("_wait_rule"), "_reason": F.col("_wait_reason")}
    )
    if work.counts.released == work.counts.tombstones and not work.rewaiting:
        if work.counts.held:
            _append(moved, manifest, work.table, HELD, work.counts.held)
        return
    view, identifier = f"{work.table.name}_moved", manifest.identifier(work.table.name, HELD)
    moved = _padded(spark, moved.select(*columns_of(work.table, HELD), "_outcome"), identifier, "_outcome")
    (F.broadcast(moved) if work.asked.small else moved).createOrReplaceTempView(view)
    names = ", ".join(f"`{column}`" for column in moved.columns[:-1])
    values = ", ".join(f"s.`{column}`" for column in moved.columns[:-1])
    spark.sql(
        f"MERGE INTO {identifier} t USING {view} s "  # noqa: S608 - our own names
        f"ON {_same([*work.table.key, '_op', '_lsn', '_ts_ms'])} WHEN MATCHED AND s._outcome = 'accepted' THEN DELETE "
        f"WHEN MATCHED THEN UPDATE SET _rule = s._rule, _reason = s._reason "
        f"WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({values})"
    )


def _refused(rows: DataFrame, table: Table) -> DataFrame:
    return rows.withColumns({"_key": key_text(table), "_row": F.col("_raw")})


def _padded(spark: SparkSession, rows: DataFrame, identifier: str, *more: str) -> DataFrame:
    """The rows with all columns of the table, which MERGE asks for, and `more`: what left the contract is null."""
    there, known = spark.table(identifier).schema, set(rows.columns)
    values = [F.col(f.name) if f.name in known else F.lit(None).cast(f.dataType).alias(f.name) for f in there]
    return rows.select(*values, *more)


def _same(columns: list[str]) -> str:
    return " AND ".join(f"t.`{column}` <=> s.`{column}`" for column in columns)
