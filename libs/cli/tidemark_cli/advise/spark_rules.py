"""Rules about the Spark job; the evidence is what Spark measured, as lake.curated carries it."""

from collections.abc import Sequence

from tidemark_cli.advise import thresholds as t
from tidemark_cli.advise.evidence import Advice, SparkRun


def idle_executors(runs: Sequence[SparkRun]) -> list[Advice]:
    """Long runs used less than half of the cores that they had."""
    long = [run for run in runs if run.seconds >= t.SPARK_SECONDS and run.slots > 1]
    had, busy = sum(run.seconds * run.slots for run in long), sum(run.busy_seconds for run in long)
    if not long or busy / had >= t.BUSY_SHARE:
        return []
    return [
        Advice(
            title="Idle executors",
            subject=f"{len(long)} runs of the Spark job",
            evidence={"core seconds": had, "of them busy": busy, "cores at most": max(run.slots for run in long)},
            saving=had - busy / t.BUSY_SHARE,
            unit="seconds",
            reckoned=f"core seconds that need not be there for the rest to be {t.BUSY_SHARE:.0%} busy",
            what_to_do="Lower the submitter's executors, or raise the rows that each is given (resources.py).",
        )
    ]


def skewed(runs: Sequence[SparkRun]) -> list[Advice]:
    """Spark had to split shuffle partitions that were far larger than the others."""
    return [
        Advice(
            title="Skewed shuffle",
            subject=run.run,
            evidence={"partitions split": run.skewed, "seconds": run.seconds, "busy core seconds": run.busy_seconds},
            saving=_idle(run),
            unit="seconds",
            reckoned="at most: core seconds that stood idle while the run went on",
            what_to_do="Look in the run's trace for the step with the longest stage, and spread its key.",
        )
        for run in runs
        if run.skewed >= t.SKEWED
    ]


def spark_spills(runs: Sequence[SparkRun]) -> list[Advice]:
    """Tasks did not fit into memory."""
    return [
        Advice(
            title="Spark spills to disk",
            subject=run.run,
            evidence={"spilled GB": run.spilled_bytes / t.GB, "seconds": run.seconds, "cores": run.slots},
            saving=run.busy_seconds,
            unit="seconds",
            reckoned="at most: all time of its tasks",
            what_to_do="More memory for each core, or more and smaller partitions (spark.sql.shuffle.partitions).",
        )
        for run in runs
        if run.spilled_bytes > 0
    ]


def _idle(run: SparkRun) -> float:
    return max(0.0, run.seconds * run.slots - run.busy_seconds)
