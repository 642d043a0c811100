"""Rules about virtual warehouses and the queries on them; the evidence is Snowflake's own history."""

from collections.abc import Sequence

from tidemark_cli.advise import thresholds as t
from tidemark_cli.advise.evidence import Advice, Clustering, Queries, Warehouse

SMALLEST = "X-Small"


def too_small(warehouses: Sequence[Warehouse]) -> list[Advice]:
    """Queries waited because the warehouse was full."""
    return [
        Advice(
            title="Warehouse too small",
            subject=w.name,
            evidence={"size": w.size, "queued s": w.queued_seconds, "running s": w.running_seconds},
            saving=w.queued_seconds,
            unit="seconds",
            reckoned="all time spent queued for want of room",
            what_to_do="Let it run more clusters (MAX_CLUSTER_COUNT), or take the next size; then compare the credits.",
        )
        for w in warehouses
        if w.running_seconds > 0 and w.queued_seconds / w.running_seconds > t.QUEUED_SHARE
    ]


def too_large(warehouses: Sequence[Warehouse]) -> list[Advice]:
    """Nothing waits, nothing spills, all is quick, and there is a smaller size."""
    return [
        Advice(
            title="Warehouse too large",
            subject=w.name,
            evidence={"size": w.size, "p90 s": w.p90_seconds, "queued s": w.queued_seconds, "queries": w.queries},
            saving=w.credits / 2,
            unit="credits",
            reckoned="at most half of its credits: the next smaller size costs half by the hour, but may take longer",
            what_to_do="Take the next smaller WAREHOUSE_SIZE and watch p90 and queueing for some days.",
        )
        for w in warehouses
        if w.size != SMALLEST and w.running_seconds > 0 and w.spilled_bytes == 0 and w.credits > 0
        if w.p90_seconds < t.QUICK_SECONDS and w.queued_seconds / w.running_seconds < t.UNQUEUED_SHARE
    ]


def suspends_late(warehouses: Sequence[Warehouse]) -> list[Advice]:
    """It idles longer than the minute for which a start is billed."""
    return [
        Advice(
            title="Auto-suspend too long",
            subject=w.name,
            evidence={"auto-suspend s": w.auto_suspend or "never", "idle credits": w.credits - w.query_credits},
            saving=(w.credits - w.query_credits) * (1 - t.SUSPEND_SECONDS / w.auto_suspend if w.auto_suspend else 1),
            unit="credits",
            reckoned="idle credits, in the proportion by which each idle stretch becomes shorter",
            what_to_do=f"ALTER WAREHOUSE {w.name} SET AUTO_SUSPEND = {t.SUSPEND_SECONDS};",
        )
        for w in warehouses
        if not w.auto_suspend or w.auto_suspend > t.SUSPEND_SECONDS
        if w.credits > w.query_credits
    ]


def spills(queries: Sequence[Queries]) -> list[Advice]:
    """Statements did not fit into memory."""
    return [
        Advice(
            title="Queries spill to disk",
            subject=_subject(q),
            evidence={
                "queries": q.spilled_queries,
                "local GB": q.spilled_local / t.GB,
                "remote GB": q.spilled_remote / t.GB,
            },
            saving=q.spilled_credits,
            unit="credits",
            reckoned="at most: all credits of the statements that spilled",
            what_to_do="Select fewer columns and rows before joins and windows, else run just these on a larger size.",
        )
        for q in queries
        if q.spilled_remote > 0 or q.spilled_local >= t.SPILLED_LOCAL_BYTES
    ]


def prunes_badly(queries: Sequence[Queries]) -> list[Advice]:
    """Most of large tables is read although keys could leave most of it out."""
    return [
        Advice(
            title="Poor partition pruning",
            subject=_subject(q),
            evidence={
                "partitions scanned": q.partitions_scanned,
                "of": q.partitions_total,
                "queries": q.queries,
                "credits": q.credits,
            },
            saving=q.credits * (1 - t.PRUNED_SCAN_SHARE * q.partitions_total / q.partitions_scanned),
            unit="credits",
            reckoned=f"at most: credits in proportion to what was scanned beyond {t.PRUNED_SCAN_SHARE:.0%} of all",
            what_to_do="Bound the scan by a clustered column (cluster_by of the model's meta or the registry).",
        )
        for q in queries
        if q.partitions_total >= t.PRUNING_PARTITIONS
        if q.partitions_scanned / q.partitions_total > t.PRUNED_SCAN_SHARE
    ]


def clustered_badly(tables: Sequence[Clustering]) -> list[Advice]:
    """A key's rows lie in many micro-partitions that overlap."""
    return [
        Advice(
            title="Clustering has become deep",
            subject=c.table,
            evidence={"average depth": c.depth, "partitions": c.partitions},
            saving=c.depth - 1,
            unit="partitions read by a lookup",
            reckoned="a lookup by key reads about as many partitions as the depth; at best one",
            what_to_do="Look whether automatic clustering is suspended (ALTER TABLE ... RESUME RECLUSTER), or fewer or "
            "coarser keys would do.",
        )
        for c in tables
        if c.partitions >= t.CLUSTERING_PARTITIONS and c.depth > t.CLUSTERING_DEPTH
    ]


def _subject(queries: Queries) -> str:
    return f"{queries.stage}: {queries.model}" if queries.model else queries.stage
