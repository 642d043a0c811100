"""Runs that read no cut (rollback, maintain, replay, drop) as OpenLineage: what each read and wrote, no more."""

from typing import Any

import pytest
from lineage_world import PLACES, read_back

from tidemark.events import (
    BuiltModel,
    CuratedTable,
    Kind,
    LakeCurated,
    LayersReconciled,
    LoadedTable,
    MartsBuilt,
    RawLoaded,
    ReconciledPair,
    RunRequested,
    Selection,
    SnapshotCommitted,
)
from tidemark.events import RunEvent as ChainEvent
from tidemark.tables import registry
from tidemark_lineage import Edges
from tidemark_lineage.datasets import World
from tidemark_lineage.openlineage import run_events

LAKE, RAW = "curated_ecommerce.orders", "TIDEMARK.RAW.ORDERS"
# what the lake says of orders in each kind of run
TOLD: dict[Kind, CuratedTable] = {
    "rollback": CuratedTable(table="orders", current_snapshot=12),
    "maintain": CuratedTable(table="orders", current_snapshot=22),
    "replay": CuratedTable(
        table="orders", released=5, accepted=3, quarantined=2, changes_snapshot=31, current_snapshot=32
    ),
    "drop": CuratedTable(table="orders", released=4, dropped=4, current_snapshot=32),
}
MODELS = {"rollback": ["stg_orders", "fct_orders"], "maintain": [], "replay": ["stg_orders"], "drop": []}


def chain_of(kind: Kind) -> list[ChainEvent]:
    """One run of this kind through the chain."""
    about: dict[str, Any] = {
        "dataset": "ecommerce", "run_id": f"ecommerce-{kind}-q", "run_seq": 4, "kind": kind, "generation": 1
    }  # fmt: skip
    selection = Selection(table="orders") if kind in ("replay", "drop") else None
    asked = RunRequested(
        dataset="ecommerce", request_id="q", kind=kind, requested_by="ada", selection=selection, reason="it's a test"
    )
    back: dict[str, Any] = {"asked": asked, "to_seq": 1 if kind == "rollback" else None}
    times: dict[str, Any] = {"committed_at_ms": 1_000, "seconds": 2.5}
    table = TOLD[kind]
    files = 1 if table.accepted else 0
    loaded = LoadedTable(table="orders", rows=table.accepted, files=files, bytes=99 * files, seconds=1)
    built = [BuiltModel(name=name, status="success", rows=1, seconds=1) for name in MODELS[kind]]
    pair = ReconciledPair(
        pair="layers.orders", status="CONVERGED", cutoff_ms=None, rows=1, pending=0, suspect=0, confirmed=0,
        resolved=0, seconds=0.1,
    )  # fmt: skip
    return [
        SnapshotCommitted(**about, **back, tables=[], committed_at_ms=1_000),
        LakeCurated(**about, **back, decision=4, tables=[table], **times),
        RawLoaded(**about, tables=[loaded], max_ts_ms=None, **times),
        MartsBuilt(**about, from_seq=3, to_seq=4, as_of_ms=1, models=built, tests=len(built), **times),
        LayersReconciled(**about, status="CONVERGED", pairs=[pair], **times),
    ]


@pytest.fixture
def world(edges: Edges) -> World:
    """What is known beside the events."""
    return World(registry(), edges, PLACES)


def rendered(kind: Kind, world: World) -> list[dict[str, Any]]:
    events = {event.stage: event for event in chain_of(kind)}
    return run_events(events, dict.fromkeys(events, 10_000), None, world)


def stage_of(kind: Kind, stage: str, world: World) -> tuple[dict[str, Any], dict[str, Any]]:
    """A stage's inputs and outputs: name -> (version, rows)."""
    (event,) = [
        e for e in rendered(kind, world) if e["eventType"] == "COMPLETE" and e["job"]["name"] == f"ecommerce.{stage}"
    ]
    return (
        {table["name"]: _counted(table, "inputFacets", "inputStatistics") for table in event["inputs"]},
        {table["name"]: _counted(table, "outputFacets", "outputStatistics") for table in event["outputs"]},
    )


def _counted(table: dict[str, Any], facets: str, name: str) -> tuple[str | None, int | None]:
    version = table.get("facets", {}).get("version", {}).get("datasetVersion")
    return version, table.get(facets, {}).get(name, {}).get("rowCount")


@pytest.mark.parametrize("kind", TOLD)
def test_every_stage_of_every_kind_is_told_as_openlineage_has_it(kind: Kind, world: World) -> None:
    """START and COMPLETE of five jobs under one run, read back into the client's classes; repeats give the same."""
    events = rendered(kind, world)
    assert [e["eventType"] for e in events] == ["START", "COMPLETE"] * 5
    assert len({e["run"]["facets"]["parent"]["run"]["runId"] for e in events}) == 1
    assert {e["run"]["facets"]["externalQuery"]["externalQueryId"] for e in events} == {f"ecommerce-{kind}-q"}
    assert rendered(kind, world) == events
    for body in events:
        assert read_back(body) == body


def test_a_rollback_writes_every_layer_and_reads_no_source(world: World) -> None:
    """The lake's tables as the target left them, RAW without later rows, marts built anew from RAW; no counts."""
    assert stage_of("rollback", "ingest-watcher", world) == ({}, {})
    tables = {f"{LAKE}{suffix}": (None, None) for suffix in ("_changes", "_held", "_quarantined")}
    assert stage_of("rollback", "spark-submitter", world) == ({}, tables | {LAKE: ("12", None)})
    assert stage_of("rollback", "loader", world) == ({}, {RAW: (None, None)})
    inputs, outputs = stage_of("rollback", "transformer", world)
    assert RAW in inputs
    assert outputs.keys() == {"TIDEMARK.STAGING.STG_ORDERS", "TIDEMARK.MARTS.FCT_ORDERS"}


def test_maintenance_rewrites_the_lake_alone(world: World) -> None:
    """Its tables are written anew; the source, RAW and marts are not."""
    tables = {f"{LAKE}{suffix}": (None, None) for suffix in ("_changes", "_held", "_quarantined")}
    assert stage_of("maintain", "spark-submitter", world) == ({}, tables | {LAKE: ("22", None)})
    for stage in ("ingest-watcher", "loader", "transformer"):
        assert stage_of("maintain", stage, world) == ({}, {}), stage


def test_a_replay_reads_quarantine_and_goes_on_as_a_run_of_rows(world: World) -> None:
    """What it judged again, what it accepted, what stays; RAW takes the accepted ones of its snapshot."""
    outputs = {
        f"{LAKE}_changes": ("31", 3),
        LAKE: ("32", None),
        f"{LAKE}_held": (None, 0),
        f"{LAKE}_quarantined": (None, 2),
    }
    assert stage_of("replay", "spark-submitter", world) == ({f"{LAKE}_quarantined": (None, 5)}, outputs)
    assert stage_of("replay", "loader", world) == ({f"{LAKE}_changes": ("31", 3)}, {RAW: (None, 3)})


def test_a_drop_takes_rows_from_quarantine_and_brings_none(world: World) -> None:
    """No source is read, and RAW and the marts are not touched."""
    inputs, outputs = stage_of("drop", "spark-submitter", world)
    assert inputs == {f"{LAKE}_quarantined": (None, 4)}
    assert outputs[f"{LAKE}_changes"] == (None, 0)
    for stage in ("loader", "transformer"):
        assert stage_of("drop", stage, world) == ({}, {}), stage


def test_a_run_s_released_rows_come_from_the_held_ones(world: World) -> None:
    """Beside the source that it read."""
    events = {event.stage: event for event in chain_of("replay")}
    about: dict[str, Any] = {
        "dataset": "ecommerce", "run_id": "r", "run_seq": 1, "kind": "process", "generation": 0, "committed_at_ms": 1
    }  # fmt: skip
    tables = [CuratedTable(table="orders", read=2, released=1, accepted=3, changes_snapshot=1, current_snapshot=2)]
    events = {LakeCurated.stage: LakeCurated(**about, decision=1, tables=tables, seconds=1.0)}
    (_, done) = run_events(events, {LakeCurated.stage: 10_000}, None, world)
    read = {table["name"]: _counted(table, "inputFacets", "inputStatistics") for table in done["inputs"]}  # type: ignore[attr-defined]
    assert read == {"ecommerce.orders": (None, 2), f"{LAKE}_held": (None, 1)}
