"""Curate one run: manifest in, everything on the attempt's branch, result out.

`python -m curate_job MANIFEST_URI` under spark-submit, or `curate(spark, uri)` in a resident driver, one run at a time.
"""

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType

from pyspark.sql import SparkSession

from curate_job.catalog import active_session, read_text, remember_names, write_text
from curate_job.curated import ensure_tables
from curate_job.defaults import fill_defaults
from curate_job.frames import Frames, rows_in
from curate_job.maintain import maintain
from curate_job.manifest import (
    ATTEMPT,
    CHANGES,
    HELD,
    Check,
    Manifest,
    Result,
    TableResult,
    UpstreamError,
    parse_manifest,
    result_text,
)
from curate_job.pipeline import Pipeline
from curate_job.quarantine import drop, replayed
from curate_job.read import Cut, measure
from curate_job.session import CATALOG, session
from curate_job.steps import Steps, adaptive_effects
from curate_job.tune import TUNED, tune

WRITERS = 4  # commits mostly wait for the catalog and the object store
SMALL_ROWS = 10_000  # up to it one partition, joined as it is
LONGEST_WORDS = 1000


def curate(spark: SparkSession, manifest_uri: str, catalog: str = CATALOG) -> str:
    """Run the manifest; returns the result's URI. A stop by upstream is a result; anything else is raised."""
    remember_names(spark)
    manifest = parse_manifest(read_text(spark, catalog, manifest_uri))
    group = f"{manifest.run_id}/{manifest.attempt}"
    steps = Steps(spark, group)
    with _session_for(spark, manifest, group):
        try:
            result = _run(spark, manifest, steps, group)
        except UpstreamError as stop:
            stopped = {"reason": stop.reason, "remedy": stop.remedy}
            result = Result(manifest.run_id, manifest.attempt, "stopped", stopped)
        result.steps, totals = steps.with_metrics()
        result.spark |= totals
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
        adapted: dict[str, int] = {}
        if manifest.kind in ("drop", "maintain"):
            standing = max(rows_in(spark, manifest, CHANGES).values())
            tune(spark, manifest, standing, standing <= SMALL_ROWS)
            if manifest.kind == "drop":
                checked = drop(spark, manifest, counts, steps)
            else:
                checked = maintain(spark, manifest, counts, steps, pool)
        else:
            checked, small = _take(spark, manifest, cuts, counts, steps, pool)
            adapted = {} if small else adaptive_effects(spark, began_ms)  # a small cut has no shuffle to adapt
    return Result(manifest.run_id, manifest.attempt, tables=list(counts.values()), checks=checked, spark=adapted)


def _take(
    spark: SparkSession,
    manifest: Manifest,
    cuts: dict[str, Cut],
    counts: dict[str, TableResult],
    steps: Steps,
    pool: ThreadPoolExecutor,
) -> tuple[list[Check], bool]:
    """Bring the rows of the cuts, or those that are replayed, to the branch; the checks, and was it a small cut?"""
    if manifest.kind == "replay":
        cuts = replayed(spark, manifest, cuts)
    held = rows_in(spark, manifest, HELD)
    largest = max(cut.rows for cut in cuts.values())
    small = max(largest, *held.values()) <= SMALL_ROWS  # held rows are asked for too
    tune(spark, manifest, largest, small)
    filled: list[Check] = []
    if largest or manifest.kind == "rebuild":
        with steps.step("ensure tables"):
            for name, changes in ensure_tables(spark, manifest, manifest.tables, pool).items():
                counts[name].schema_changes = changes
        with steps.step("fill defaults"):
            filled = fill_defaults(spark, manifest, counts, pool)
    return filled + Pipeline(Frames(spark, manifest, small), cuts, held, counts, steps, pool).run(), small


@contextmanager
def _session_for(spark: SparkSession, manifest: Manifest, group: str) -> Iterator[None]:
    """The session's settings for one run: its branch, its mark on snapshots, its job group."""
    settings = {
        "spark.wap.branch": manifest.branch,
        f"spark.sql.iceberg.snapshot-property.{ATTEMPT}": manifest.attempt,
        "spark.sql.iceberg.snapshot-property.tidemark.run_id": manifest.run_id,
        "spark.sql.iceberg.snapshot-property.tidemark.run_seq": str(manifest.run_seq),
    }
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    before = {name: spark.conf.get(name, None) for name in TUNED}
    for name, value in settings.items():
        spark.conf.set(name, value)
    _join_group(spark, group)
    try:
        yield
    finally:
        for rdd in spark.sparkContext._jsc.getPersistentRDDs().values():
            rdd.unpersist(False)  # one run at a time: whatever is kept was this run's
        for name in (*settings, *TUNED):
            spark.conf.unset(name)
        for name, was in before.items():  # unset alone would leave Spark's default, 200 partitions of each shuffle
            if was is not None:
                spark.conf.set(name, was)


def _join_group(spark: SparkSession, group: str) -> None:
    """A Java thread is not born with the session; without it catalogs and the branch are not seen.

    Who called is said once for the whole run: else Spark walks the stack for every RDD, a twelfth of a small run.
    """
    active_session(spark)
    spark.sparkContext.setJobGroup(group, group)
    for form in ("short", "long"):
        spark.sparkContext.setLocalProperty(f"callSite.{form}", group)


def last_words(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Python's own report, then the error once more and short: of a log people are shown the end, and there Spark's
    errors have pages of plans.
    """
    sys.__excepthook__(kind, error, trace)
    sys.stderr.write(f"{kind.__name__}: {str(error)[:LONGEST_WORDS]}\n")


def main(arguments: list[str]) -> int:
    """The command: one manifest URI."""
    sys.excepthook = last_words
    spark = session(SparkSession.builder, {})
    try:
        curate(spark, arguments[0])
    finally:
        spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
