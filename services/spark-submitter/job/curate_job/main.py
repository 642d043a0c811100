"""Curate one run: manifest in, everything on the attempt's branch, result out.

`python -m curate_job MANIFEST_URI` under spark-submit, or `curate(spark, uri)` in a resident driver, one run at a time.
"""

import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager

from pyspark.sql import SparkSession

from curate_job import checks
from curate_job.catalog import active_session, read_text, remember_names, write_text
from curate_job.classify import Classifier, Work, held_rows
from curate_job.curated import ensure_tables
from curate_job.maintain import maintain
from curate_job.manifest import Check, Manifest, Result, Table, TableResult, UpstreamError, parse_manifest, result_text
from curate_job.publish import publish
from curate_job.quarantine import drop, replayed
from curate_job.read import Cut, measure
from curate_job.steps import Steps, adaptive_effects, spark_metrics

WRITERS = 4  # commits mostly wait for the catalog and the object store
HINTED_ROWS = 1_000_000  # above it Spark chooses what to broadcast
SMALL_ROWS = 10_000  # up to it one partition, joined as it is, and no generated code: compiling would take longer
SMALL_SETTINGS = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.autoBroadcastJoinThreshold": "-1",
    "spark.sql.defaultSizeInBytes": "1",  # what Spark supposes of kept rows: joins multiply it, and large ones shuffle
    # it would move joins below what brings rows together in one partition
    "spark.sql.optimizer.excludedRules": "org.apache.spark.sql.catalyst.optimizer.PushDownLeftSemiAntiJoin",
}
HINTS_OFF = {"spark.sql.optimizer.disableHints": "true"}


def curate(spark: SparkSession, manifest_uri: str, catalog: str = "lake") -> str:
    """Run the manifest; returns the result's URI. A stop by upstream is a result; anything else is raised."""
    remember_names(spark)
    manifest = parse_manifest(read_text(spark, catalog, manifest_uri))
    group = f"{manifest.run_id}/{manifest.attempt}"
    steps = Steps()
    with _session_for(spark, manifest, group):
        try:
            result = _run(spark, manifest, steps, group)
        except UpstreamError as stop:
            stopped = {"reason": stop.reason, "remedy": stop.remedy}
            result = Result(manifest.run_id, manifest.attempt, "stopped", stopped)
        result.steps = steps.done
        result.spark |= spark_metrics(spark, group)
        write_text(spark, catalog, manifest.result, result_text(result))
    return manifest.result


def _run(spark: SparkSession, manifest: Manifest, steps: Steps, group: str) -> Result:
    began_ms = time.time_ns() // 1_000_000
    counts = {t.name: TableResult(t.name, dict(t.base), dict(t.base)) for t in manifest.tables}
    with ThreadPoolExecutor(WRITERS, initializer=_join_group, initargs=(spark, group)) as pool:
        with steps.step("look"):
            found = pool.map(lambda table: measure(spark, table, manifest.catalog), manifest.tables)
            cuts = dict(zip(counts, found, strict=True))
        for name, cut in cuts.items():
            counts[name].source_uuid, counts[name].read = cut.source_uuid, cut.rows
        if manifest.kind == "drop":
            return Result(
                manifest.run_id,
                manifest.attempt,
                tables=list(counts.values()),
                checks=drop(spark, manifest, counts, steps),
            )
        if manifest.kind == "replay":
            cuts = replayed(spark, manifest, cuts)
        held = held_rows(spark, manifest)
        largest = max(cut.rows for cut in cuts.values())
        small = max(largest, *held.values()) <= SMALL_ROWS  # held rows are asked for too
        _tune(spark, largest, small)
        if largest or manifest.kind == "rebuild":
            with steps.step("ensure tables"):
                for name, changes in ensure_tables(spark, manifest, manifest.tables, pool).items():
                    counts[name].schema_changes = changes
        if manifest.kind == "maintain":
            checked = maintain(spark, manifest, counts, steps, pool)
            return Result(manifest.run_id, manifest.attempt, tables=list(counts.values()), checks=checked)
        works = _curate_tables(Classifier(spark, manifest, held, small), cuts, counts, steps, pool)
        with steps.step("check"):
            checked = _checks(spark, manifest, works, pool)
    adapted = {} if small else adaptive_effects(spark, began_ms)  # a small cut has no shuffle to adapt
    return Result(manifest.run_id, manifest.attempt, tables=list(counts.values()), checks=checked, spark=adapted)


def _curate_tables(
    classifier: Classifier, cuts: dict[str, Cut], counts: dict[str, TableResult], steps: Steps, pool: Executor
) -> dict[str, Work]:
    """Classify the tables, those side by side whose parents are done, and write each while the next ones are at it."""
    spark, manifest = classifier.spark, classifier.manifest
    works: dict[str, Work] = {}
    written: list[Future[None]] = []

    def classified(table: Table) -> Work:
        with steps.step("classify", table.name) as step:
            work = classifier.classify(table, cuts[table.name], works, counts[table.name])
            step["rows"] = work.counts.read + work.counts.released
        return work

    for wave in waves(manifest.tables):
        at_work = [table for table in wave if classifier.has_work(table, cuts[table.name], works)]
        found = list(pool.map(classified, at_work))
        works |= {work.table.name: work for work in found}
        written += [pool.submit(publish, spark, manifest, work, steps) for work in found]
    for future in written:
        future.result()
    return works


def waves(tables: list[Table]) -> Iterator[list[Table]]:
    """The tables in groups: every table's parents (but itself) stand in groups before its own."""
    ahead = list(tables)
    while ahead:
        names = {table.name for table in ahead}
        ready = [table for table in ahead if not (set(table.parents.values()) - {table.name}) & names]
        if not ready:
            raise ValueError(f"tables are each other's parents: {', '.join(sorted(names))}")
        yield ready
        ahead = [table for table in ahead if table not in ready]


def _checks(spark: SparkSession, manifest: Manifest, works: dict[str, Work], pool: ThreadPoolExecutor) -> list[Check]:
    found = [check for work in works.values() for check in checks.balance(work, work.counts.read)]
    for settled in pool.map(lambda work: checks.settle(spark, manifest, work), works.values()):
        found += settled
    return found + checks.state_checks(spark, manifest, works)


def _tune(spark: SparkSession, largest: int, small: bool) -> None:
    settings = {**(SMALL_SETTINGS if small else {}), **(HINTS_OFF if largest > HINTED_ROWS else {})}
    for name, value in settings.items():
        spark.conf.set(name, value)


@contextmanager
def _session_for(spark: SparkSession, manifest: Manifest, group: str) -> Iterator[None]:
    """The session's settings for one run: its branch, its mark on snapshots, its job group."""
    settings = {
        "spark.wap.branch": manifest.branch,
        f"spark.sql.iceberg.snapshot-property.{checks.ATTEMPT}": manifest.attempt,
        "spark.sql.iceberg.snapshot-property.tidemark.run_id": manifest.run_id,
        "spark.sql.iceberg.snapshot-property.tidemark.run_seq": str(manifest.run_seq),
    }
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    for name, value in settings.items():
        spark.conf.set(name, value)
    _join_group(spark, group)
    try:
        yield
    finally:
        for rdd in spark.sparkContext._jsc.getPersistentRDDs().values():
            rdd.unpersist(False)  # one run at a time: whatever is kept was this run's
        for name in (*settings, *SMALL_SETTINGS, *HINTS_OFF):
            spark.conf.unset(name)


def _join_group(spark: SparkSession, group: str) -> None:
    """A Java thread is not born with the session; without it catalogs and the branch are not seen."""
    active_session(spark)
    spark.sparkContext.setJobGroup(group, group)


def main(arguments: list[str]) -> int:
    """The command: one manifest URI."""
    spark = SparkSession.builder.getOrCreate()
    try:
        curate(spark, arguments[0])
    finally:
        spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
