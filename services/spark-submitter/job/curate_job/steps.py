"""What the job says about its own work: steps with wall-clock ends for the run's trace, and Spark's own metrics."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyspark.sql import SparkSession

_ADAPTED = ("coalesced", "skewed", "local")
_SHUFFLE_READ = re.compile(r"AQEShuffleRead\n(?:Input .*\n)?Arguments: (.*)")


class Steps:
    """Collects steps; threads may share it."""

    def __init__(self) -> None:
        self.done: list[dict[str, Any]] = []

    @contextmanager
    def step(self, name: str, table: str = "") -> Iterator[dict[str, Any]]:
        """Time a step. The block may set `rows` on what it gets."""
        step: dict[str, Any] = {"name": name, "table": table, "start_ns": time.time_ns(), "rows": 0}
        yield step
        self.done.append({**step, "end_ns": time.time_ns()})


def spark_metrics(spark: SparkSession, group: str) -> dict[str, int]:
    """Totals over all stages of a job group: tasks, rows, bytes, milliseconds; memory is the highest of a stage."""
    tracker = spark.sparkContext.statusTracker()
    store = spark._jsc.sc().statusStore()
    jobs = tracker.getJobIdsForGroup(group)
    infos = [tracker.getJobInfo(job) for job in jobs]
    totals = dict.fromkeys(("tasks", "run_ms", "gc_ms", "read_rows", "shuffle_bytes", "spill_bytes", "peak_bytes"), 0)
    for stage_id in {stage for info in infos if info is not None for stage in info.stageIds}:
        if tracker.getStageInfo(stage_id) is None:  # a skipped stage was never attempted
            continue
        stage = store.lastStageAttempt(stage_id)
        totals["tasks"] += stage.numCompleteTasks()
        totals["run_ms"] += stage.executorRunTime()
        totals["gc_ms"] += stage.jvmGcTime()
        totals["read_rows"] += stage.inputRecords()
        totals["shuffle_bytes"] += stage.shuffleWriteBytes()
        totals["spill_bytes"] += stage.diskBytesSpilled()
        totals["peak_bytes"] = max(totals["peak_bytes"], stage.peakExecutionMemory())
    return {"jobs": len(jobs), **totals}


def adaptive_effects(spark: SparkSession, since_ms: int) -> dict[str, int]:
    """What adaptive execution made of the plans of queries begun since then: shuffle reads by kind of change.

    `coalesced`: fewer and larger partitions than planned, `skewed`: a large one split, `local`: no shuffle read left.
    """
    store = spark._jsparkSession.sharedState().statusStore()
    executions = store.executionsList()
    found = dict.fromkeys(_ADAPTED, 0)
    for number in range(executions.size() - 1, -1, -1):
        execution = executions.apply(number)
        if execution.submissionTime() < since_ms:
            break
        for read in _SHUFFLE_READ.findall(execution.physicalPlanDescription()):
            for kind in _ADAPTED:
                found[kind] += kind in read
    return {f"adaptive_{kind}": count for kind, count in found.items()}
