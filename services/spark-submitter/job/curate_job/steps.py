"""What the job says about its own work: steps with wall-clock ends for the run's trace, and Spark's own metrics."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from pyspark.sql import SparkSession

from curate_job.catalog import java_class

_SUMMED = {
    "tasks": "numCompleteTasks",
    "run_ms": "executorRunTime",
    "gc_ms": "jvmGcTime",
    "read_rows": "inputRecords",
    "shuffle_bytes": "shuffleWriteBytes",
    "spill_bytes": "diskBytesSpilled",
}
_ADAPTED = ("coalesced", "skewed", "local")
_SHUFFLE_READ = re.compile(r"AQEShuffleRead\n(?:Input .*\n)?Arguments: (.*)")


class Steps:
    """Collects steps; threads may share it. What Spark does in a step carries the step's label, all of it the group."""

    def __init__(self, spark: SparkSession, group: str) -> None:
        self.done: list[dict[str, Any]] = []
        self._spark, self._group = spark, group
        self._context = spark.sparkContext

    @contextmanager
    def step(self, name: str, table: str = "") -> Iterator[dict[str, Any]]:
        """Time a step. The block may set `rows` on what it gets."""
        step: dict[str, Any] = {"name": name, "table": table, "start_ns": time.time_ns(), "rows": 0}
        self._context.setJobDescription(_label(step))
        yield step
        self._context.setJobDescription(None)  # type: ignore[arg-type] # the thread's next work is another step's
        self.done.append({**step, "end_ns": time.time_ns()})

    def rows_read(self) -> int:
        """Rows that Spark has read so far."""
        return _totals(_stages(self._spark, self._group))["read_rows"]

    def with_metrics(self) -> tuple[list[dict[str, Any]], dict[str, int]]:
        """The steps, each with the totals of Spark's stages in it as `spark`; and the totals of the job group.

        Tasks, rows, bytes, milliseconds; `peak_bytes` is the highest of a stage.
        """
        stages = _stages(self._spark, self._group)
        of_step = [[stage for stage in stages if stage["description"] == _label(step)] for step in self.done]
        told = [{**step, "spark": _totals(own)} for step, own in zip(self.done, of_step, strict=True)]
        jobs = len(self._context.statusTracker().getJobIdsForGroup(self._group))
        return told, {"jobs": jobs, **_totals(stages)}


def _label(step: dict[str, Any]) -> str:
    return f"{step['name']} {step['table']}".rstrip()


def _stages(spark: SparkSession, group: str) -> list[dict[str, Any]]:
    """Spark's own record of every stage of the group that was attempted (org.apache.spark.status.api.v1.StageData)."""
    store, mapper, tracker = spark._jsc.sc().statusStore(), _mapper(spark), spark._jsc.sc().statusTracker()
    jobs = json.loads(mapper.writeValueAsString(tracker.getJobIdsForGroup(group)))
    infos = [info for info in map(tracker.getJobInfo, jobs) if info.isDefined()]
    ids = {stage for info in infos for stage in json.loads(mapper.writeValueAsString(info.get().stageIds()))}
    attempted = [stage for stage in ids if tracker.getStageInfo(stage).isDefined()]
    return [json.loads(mapper.writeValueAsString(store.lastStageAttempt(stage))) for stage in attempted]


@cache
def _mapper(spark: SparkSession) -> Any:
    """JSON of Scala's records, in one call where each field would be one."""
    mapper = java_class(spark, "com.fasterxml.jackson.databind.ObjectMapper")()
    scala = java_class(spark, "com.fasterxml.jackson.module.scala.DefaultScalaModule$")
    mapper.registerModule(getattr(scala, "MODULE$"))
    return mapper


def _totals(stages: list[dict[str, Any]]) -> dict[str, int]:
    totals = {name: sum(stage[field] for stage in stages) for name, field in _SUMMED.items()}
    return {**totals, "peak_bytes": max((stage["peakExecutionMemory"] for stage in stages), default=0)}


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
