"""Evidence from the warehouse (OPS and Snowflake's own history), the dbt project and the chain's events.

Whatever is not there (the lab has no ACCOUNT_USAGE; a role may not see it) is missing with a reason, not an error.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from snowflake.connector import SnowflakeConnection, errors

from tidemark.tables import registry
from tidemark_cli.advise import thresholds
from tidemark_cli.advise.evidence import (
    Clustering,
    Evidence,
    Loads,
    ModelRuns,
    Queries,
    Reads,
    SparkRun,
    Warehouse,
)
from tidemark_cli.runs import Run
from tidemark_lineage import edges_of, read_project
from tidemark_lineage.columns import uses
from tidemark_warehouse import execute, load

NO_HISTORY = "SNOWFLAKE.ACCOUNT_USAGE is not here, or this role may not read it (`tidemark init --account`)"
NO_ACCESS = "SNOWFLAKE.ACCOUNT_USAGE.ACCESS_HISTORY has no rows (it needs the Enterprise edition)"
NOT_THERE = (2003, 2043)  # Snowflake: object does not exist or not authorized
_sql = load("tidemark_cli")


def gather(session: SnowflakeConnection, runs: Iterable[Run], project: Path) -> Evidence:
    """All there is. Fills OPS.QUERY_COSTS first. Retryable if the warehouse is away."""
    values = values_since(datetime.now(UTC))
    history = fill_costs(session, values)
    access = _reads(session, values, project) if history else []
    return Evidence(
        warehouses=_warehouses(session, values) if history else None,
        queries=[Queries(**row) for row in _rows(session, "queries", Queries, values)] if history else None,
        clustering=_clustering(session) if history else None,
        loads=[Loads(**row) for row in _rows(session, "loads", Loads, values)],
        model_runs=[ModelRuns(**row) for row in _rows(session, "model_runs", ModelRuns, values)],
        reads=access or None,
        spark_runs=spark_runs(runs),
        missing={
            **({} if history else dict.fromkeys(("warehouses", "queries", "clustering"), NO_HISTORY)),
            "reads": NO_ACCESS if history else NO_HISTORY,
        },
    )


def values_since(now: datetime) -> dict[str, Any]:
    """What the queries are bound to: the days looked at, and their begin as OPS writes times."""
    since = now.replace(tzinfo=None) - timedelta(days=thresholds.DAYS)
    return {"days": thresholds.DAYS, "since": since, "partitions": thresholds.PRUNING_PARTITIONS}


def fill_costs(session: SnowflakeConnection, values: dict[str, Any]) -> bool:
    """Bring OPS.QUERY_COSTS up to now, from the history if there is one, else from the ledgers; was there one?"""
    try:
        execute(session, _sql["costs_from_history"], values)
    except errors.ProgrammingError as error:
        if error.errno not in NOT_THERE:
            raise
        execute(session, _sql["costs_measured"])
        return False
    return True


def spark_runs(runs: Iterable[Run]) -> list[SparkRun]:
    """What Spark measured in the runs that used it; those from before cores were told are left out."""
    found = []
    for run in runs:
        if run.curated is None or "cores" not in run.curated.spark:
            continue
        spark = run.curated.spark
        one = SparkRun(
            run=f"{run.dataset}#{run.run_seq}",
            seconds=run.curated.seconds,
            slots=spark["cores"] * max(1, spark["executors"]),
            busy_seconds=spark.get("run_ms", 0) / 1000,
            spilled_bytes=spark.get("spill_bytes", 0),
            skewed=spark.get("adaptive_skewed", 0),
        )
        found.append(one)
    return found


def _rows(session: SnowflakeConnection, query: str, shape: Any, values: dict[str, Any]) -> list[dict[str, Any]]:
    """The query's rows under the names of the shape's fields, which stand in the query's order."""
    return [dict(zip(shape.__struct_fields__, row, strict=True)) for row in execute(session, _sql[query], values)]


def _warehouses(session: SnowflakeConnection, values: dict[str, Any]) -> list[Warehouse]:
    execute(session, _sql["show_warehouses"])
    shown = {name: (size, suspend) for name, size, suspend in execute(session, _sql["shown_warehouses"])}
    found = []
    for name, queries, running, queued, p90, spilled, metered, attributed in execute(
        session, _sql["warehouse_use"], values
    ):
        if name not in shown:  # dropped since
            continue
        size, suspend = shown[name]
        one = Warehouse(
            name=name,
            size=size,
            auto_suspend=int(suspend) if suspend else None,
            queries=queries,
            running_seconds=float(running),
            queued_seconds=float(queued),
            p90_seconds=float(p90),
            spilled_bytes=int(spilled),
            credits=float(metered),
            query_credits=float(attributed),
        )
        found.append(one)
    return found


def _clustering(session: SnowflakeConnection) -> list[Clustering]:
    found = []
    for (table,) in execute(session, _sql["clustered_tables"]):
        ((told,),) = execute(session, _sql["clustering"], {"table": table})
        says = json.loads(told)
        one = Clustering(table=table, partitions=says["total_partition_count"], depth=says["average_depth"])
        found.append(one)
    return found


def _reads(session: SnowflakeConnection, values: dict[str, Any], project: Path) -> list[Reads]:
    """Every mart with its reads; none at all if nothing was read by anybody: then nothing is recorded."""
    reads = {str(mart): int(count) for mart, count in execute(session, _sql["mart_reads"], values)}
    fed = feeding(project) if reads else {}
    marts = execute(session, _sql["marts"], values) if reads else []
    return [
        Reads(model=name, reads=reads.get(name, 0), seconds=seconds, feeds=len(fed.get(name, ())))
        for name, seconds in marts
    ]


def feeding(project: Path) -> dict[str, set[str]]:
    """For each table, by its bare name, the other tables that are made from it."""
    found: dict[str, set[str]] = {}
    for column, made in uses(edges_of(registry(), read_project(project))).items():
        others = {other.table for other in made} - {column.table}
        found.setdefault(column.table.rpartition(".")[2], set()).update(others)
    return found
