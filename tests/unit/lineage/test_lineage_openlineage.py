"""A run's events as OpenLineage: who read and wrote what, how much, and which columns came from which."""

from typing import Any

import pytest
from lineage_world import PLACES, read_back

from tidemark.events import (
    BuiltModel,
    CuratedTable,
    LakeCurated,
    LayersReconciled,
    LoadedTable,
    MartsBuilt,
    RawLoaded,
    ReconciledPair,
    RunFailed,
    SnapshotCommitted,
    TableCut,
)
from tidemark.events import RunEvent as ChainEvent
from tidemark.tables import registry
from tidemark_lineage import Edges
from tidemark_lineage.datasets import World
from tidemark_lineage.openlineage import run_events

RUN = {"dataset": "ecommerce", "run_id": "ecommerce-process-g0-1", "run_seq": 1, "kind": "process", "generation": 0}
TIMES = {"committed_at_ms": 1_000, "seconds": 2.5}
SNOWFLAKE = "snowflake://acme"


@pytest.fixture
def world(edges: Edges) -> World:
    """What is known beside the events."""
    return World(registry(), edges, PLACES)


def whole_run() -> list[ChainEvent]:
    """One run of orders through the chain."""
    curated = CuratedTable(
        table="orders", read=9, released=0, accepted=7, repeated=0, held=1, quarantined=1, flagged=0,
        changes_snapshot=21, current_snapshot=22, max_ts_ms=1,
    )  # fmt: skip
    counts = {"rows": 7, "pending": 0, "suspect": 0, "confirmed": 0, "resolved": 0, "seconds": 0.1}
    pairs = [
        ReconciledPair(pair=name, status="CONVERGED", cutoff_ms=1, **counts)
        for name in ("layers.orders", "transactions")
    ]
    cut = TableCut(table="orders", from_snapshot=None, to_snapshot=11, rows=9, files=3)
    return [
        SnapshotCommitted(**RUN, tables=[cut], committed_at_ms=1_000),
        LakeCurated(**RUN, decision=1, tables=[curated], **TIMES),
        RawLoaded(
            **RUN, tables=[LoadedTable(table="orders", rows=7, files=1, bytes=99, seconds=1)], max_ts_ms=1, **TIMES
        ),
        MartsBuilt(
            **RUN,
            from_seq=0,
            to_seq=1,
            as_of_ms=1,
            models=[
                BuiltModel(name=name, status="success", rows=rows, seconds=1)
                for name, rows in (("stg_orders", 7), ("fct_orders", 5))
            ],
            tests=3,
            **TIMES,
        ),
        LayersReconciled(**RUN, status="CONVERGED", pairs=pairs, **TIMES),
    ]


def told(events: list[ChainEvent], world: World, failure: RunFailed | None = None) -> list[dict[str, Any]]:
    """The OpenLineage events of these, each 10 s after the other."""
    at_ms = {event.stage: 10_000 * number for number, event in enumerate([*events, *([failure] if failure else [])], 1)}
    return run_events({event.stage: event for event in events}, at_ms, failure, world)


def completed(events: list[dict[str, Any]], stage: str) -> dict[str, Any]:
    """The COMPLETE event of a stage."""
    (found,) = [e for e in events if e["eventType"] == "COMPLETE" and e["job"]["name"] == f"ecommerce.{stage}"]
    return found


def tables(datasets: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Datasets by name."""
    return {dataset["name"]: dataset for dataset in datasets}


def sources(dataset: dict[str, Any], column: str) -> list[tuple[str, str, str]]:
    """What the column lineage facet says of one column."""
    found = dataset["facets"]["columnLineage"]["fields"][column]["inputFields"]
    return [(source["namespace"], source["name"], source["field"]) for source in found]


def test_every_stage_starts_and_completes_under_the_run(world: World) -> None:
    """One job a stage, START `seconds` before COMPLETE, all with one parent; the same events give the same ids."""
    events = told(whole_run(), world)
    stages = ["ingest-watcher", "spark-submitter", "loader", "transformer", "reconciler"]
    assert [(e["job"]["name"], e["eventType"]) for e in events] == [
        (f"ecommerce.{stage}", state) for stage in stages for state in ("START", "COMPLETE")
    ]
    assert len({e["run"]["facets"]["parent"]["run"]["runId"] for e in events}) == 1
    assert len({e["run"]["runId"] for e in events}) == 5
    assert (events[4]["eventTime"], events[5]["eventTime"]) == (
        "1970-01-01T00:00:27.500+00:00",
        "1970-01-01T00:00:30.000+00:00",
    )
    assert told(whole_run(), world) == events


def test_the_json_is_what_openlineages_classes_hold(world: World) -> None:
    """Read back into the client's classes, which check ids and times, it is the same."""
    failure = RunFailed(**RUN, failed_stage="loader", error="TypedStop", message="no such file")
    for body in told(whole_run(), world) + told(whole_run()[:2], world, failure):
        assert read_back(body) == body


def test_the_lake_s_tables_carry_snapshots_and_counts(world: World) -> None:
    """The source up to the cut's end; changes, current, held and quarantined as the run left them."""
    event = completed(told(whole_run(), world), "spark-submitter")
    (source,) = event["inputs"]
    assert (source["namespace"], source["name"]) == ("s3://lake/wh", "ecommerce.orders")
    assert source["facets"]["version"]["datasetVersion"] == "11"
    outputs = tables(event["outputs"])
    rows = {n: d.get("outputFacets", {}).get("outputStatistics", {}).get("rowCount") for n, d in outputs.items()}
    assert rows == {
        "curated_ecommerce.orders_changes": 7,
        "curated_ecommerce.orders": None,
        "curated_ecommerce.orders_held": 1,
        "curated_ecommerce.orders_quarantined": 1,
    }
    assert outputs["curated_ecommerce.orders"]["facets"]["version"]["datasetVersion"] == "22"
    changes = outputs["curated_ecommerce.orders_changes"]
    assert sources(changes, "_lsn") == [("s3://lake/wh", "ecommerce.orders", "__source_lsn")]


def test_raw_columns_come_from_the_changes_of_this_snapshot(world: World) -> None:
    """S3 column to RAW column, with rows, files and bytes."""
    event = completed(told(whole_run(), world), "loader")
    (changes,), (raw,) = event["inputs"], event["outputs"]
    assert changes["facets"]["version"]["datasetVersion"] == "21"
    assert (raw["namespace"], raw["name"]) == (SNOWFLAKE, "TIDEMARK.RAW.ORDERS")
    assert sources(raw, "STATUS") == [("s3://lake/wh", "curated_ecommerce.orders_changes", "status")]
    statistics = raw["outputFacets"]["outputStatistics"]
    assert [statistics[name] for name in ("rowCount", "fileCount", "size")] == [7, 1, 99]


def test_models_carry_their_columns_sources(world: World) -> None:
    """Only what this run built, each column from the tables that the model reads."""
    event = completed(told(whole_run(), world), "transformer")
    outputs = tables(event["outputs"])
    assert outputs.keys() == {"TIDEMARK.STAGING.STG_ORDERS", "TIDEMARK.MARTS.FCT_ORDERS"}
    revenue = sources(outputs["TIDEMARK.MARTS.FCT_ORDERS"], "REVENUE")
    assert revenue == [(SNOWFLAKE, "TIDEMARK.STAGING.LIVE_ORDERS", name) for name in ("STATUS", "TOTAL_AMOUNT")]


def test_the_reconciler_reads_both_sides(world: World) -> None:
    """The layers of a table, or a mart and the speed layer's table."""
    inputs = completed(told(whole_run(), world), "reconciler")["inputs"]
    assert [(dataset["namespace"], dataset["name"]) for dataset in inputs] == [
        ("s3://lake/wh", "curated_ecommerce.orders_changes"),
        ("s3://lake/wh", "curated_ecommerce.orders"),
        (SNOWFLAKE, "TIDEMARK.RAW.ORDERS"),
        (SNOWFLAKE, "TIDEMARK.STAGING.STG_ORDERS"),
        (SNOWFLAKE, "TIDEMARK.MARTS.FCT_TRANSACTIONS"),
        ("clickhouse://ch:8123", "speed.transactions_realtime"),
    ]


def test_a_stage_that_failed_says_why(world: World) -> None:
    """START and FAIL with the message in place of COMPLETE; what was done before stands."""
    failure = RunFailed(**RUN, failed_stage="loader", error="TypedStop", message="no such file")
    events = told(whole_run()[:2], world, failure)
    assert [e["eventType"] for e in events] == ["START", "COMPLETE", "START", "COMPLETE", "START", "FAIL"]
    assert events[-1]["job"]["name"] == "ecommerce.loader"
    assert events[-1]["run"]["facets"]["errorMessage"]["message"] == "TypedStop: no such file"
