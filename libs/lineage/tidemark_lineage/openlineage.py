"""A run's events as OpenLineage run events: a job a stage, START and COMPLETE (or FAIL), with the tables it read and
wrote, snapshots, counts, and which columns each written column is made from.

To let a new event tell its tables, add a function to TABLES.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import RunFacet, error_message_run, external_query_run, parent_run, set_producer
from openlineage.client.serde import Serde

from tidemark.events import (
    CHAIN,
    Kind,
    LakeCurated,
    LayersReconciled,
    MartsBuilt,
    RawLoaded,
    RunFailed,
    SnapshotCommitted,
)
from tidemark.events import RunEvent as Told
from tidemark_lineage.datasets import World, input_of, is_model, output_of
from tidemark_lineage.lake import RAW

NAMESPACE = "tidemark"
PRODUCER = "urn:tidemark"
OF_A_CUT: tuple[Kind, ...] = ("process", "rebuild")  # these read the source; what they release was held
OF_TABLES: tuple[Kind, ...] = ("rollback", "maintain")  # these set tables, and tell no rows
Events = Mapping[str, Told]
Datasets = tuple[list[InputDataset], list[OutputDataset]]


def run_events(
    events: Events, at_ms: Mapping[str, int], failure: RunFailed | None, world: World
) -> list[dict[str, object]]:
    """OpenLineage's JSON of one run, in the order of the chain; `events` and `at_ms` (epoch ms) by stage."""
    set_producer(PRODUCER)
    found: list[RunEvent] = []
    for kind in CHAIN:
        event = events.get(kind.stage)
        if failure is not None and failure.failed_stage == kind.stage:
            found += _failed(failure, at_ms[RunFailed.stage])
        elif event is not None:
            found += _completed(event, at_ms[kind.stage], TABLES[kind](event, events, world))
    return [Serde.to_dict(event) for event in found]


def _completed(event: Told, at_ms: int, datasets: Datasets) -> list[RunEvent]:
    inputs, outputs = datasets
    started_ms = at_ms - round(getattr(event, "seconds", 0) * 1000)
    run, job = _run(event, event.stage), _job(event, event.stage)
    return [
        RunEvent(eventType=RunState.START, eventTime=_time(started_ms), run=run, job=job, inputs=inputs),
        RunEvent(eventType=RunState.COMPLETE, eventTime=_time(at_ms), run=run, job=job, inputs=inputs, outputs=outputs),
    ]


def _failed(failure: RunFailed, at_ms: int) -> list[RunEvent]:
    said = error_message_run.ErrorMessageRunFacet(f"{failure.error}: {failure.message}", programmingLanguage="Python")
    job, at = _job(failure, failure.failed_stage), _time(at_ms)
    run, failed = _run(failure, failure.failed_stage), _run(failure, failure.failed_stage, errorMessage=said)
    return [
        RunEvent(eventType=RunState.START, eventTime=at, run=run, job=job),
        RunEvent(eventType=RunState.FAIL, eventTime=at, run=failed, job=job),
    ]


def _run(event: Told, stage: str, **facets: RunFacet) -> Run:
    """The stage's run; its parent is the passage of the cut through the chain."""
    parent = parent_run.ParentRunFacet(
        run=parent_run.Run(_uuid(event.run_id)), job=parent_run.Job(NAMESPACE, event.dataset)
    )
    named = external_query_run.ExternalQueryRunFacet(externalQueryId=event.run_id, source=NAMESPACE)
    return Run(runId=_uuid(f"{event.run_id}/{stage}"), facets={"parent": parent, "externalQuery": named, **facets})


def _job(event: Told, stage: str) -> Job:
    return Job(namespace=NAMESPACE, name=f"{event.dataset}.{stage}")


def _uuid(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{PRODUCER}:{name}"))


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")


def _cut(event: SnapshotCommitted, events: Events, world: World) -> Datasets:
    source = world.registry.datasets[event.dataset].source
    return [
        input_of(f"{source}.{t.table}", world, snapshot=t.to_snapshot, rows=t.rows, files=t.files) for t in event.tables
    ], []


def _curated(event: LakeCurated, events: Events, world: World) -> Datasets:
    dataset = world.registry.datasets[event.dataset]
    cut = events.get(SnapshotCommitted.stage)
    ends = {t.table: t.to_snapshot for t in cut.tables} if isinstance(cut, SnapshotCommitted) else {}
    inputs, outputs = [], []
    for table in event.tables:
        name = f"{dataset.curated}.{table.table}"
        if event.kind in OF_A_CUT:
            source = f"{dataset.source}.{table.table}"
            inputs.append(input_of(source, world, snapshot=ends.get(table.table), rows=table.read))
        if table.released:
            left = "held" if event.kind in OF_A_CUT else "quarantined"
            inputs.append(input_of(f"{name}_{left}", world, rows=table.released))
        counts = (None, None, None) if event.kind in OF_TABLES else (table.accepted, table.held, table.quarantined)
        accepted, held, quarantined = counts
        outputs += [
            output_of(f"{name}_changes", world, snapshot=table.changes_snapshot, rows=accepted),
            output_of(name, world, snapshot=table.current_snapshot),
            output_of(f"{name}_held", world, rows=held),
            output_of(f"{name}_quarantined", world, rows=quarantined),
        ]
    return inputs, outputs


def _loaded(event: RawLoaded, events: Events, world: World) -> Datasets:
    """The tables that rows came to; a rollback reads nothing and takes rows out of all of them."""
    if event.kind == "rollback":
        return [], [output_of(f"{RAW}.{t.table}", world) for t in event.tables]
    curated = events.get(LakeCurated.stage)
    from_ = {t.table: t.changes_snapshot for t in curated.tables} if isinstance(curated, LakeCurated) else {}
    changes = f"{world.registry.datasets[event.dataset].curated}.{{}}_changes"
    taken = [t for t in event.tables if t.rows]
    inputs = [input_of(changes.format(t.table), world, snapshot=from_.get(t.table), rows=t.rows) for t in taken]
    outputs = [output_of(f"{RAW}.{t.table}", world, rows=t.rows, files=t.files, size=t.bytes) for t in taken]
    return inputs, outputs


def _built(event: MartsBuilt, events: Events, world: World) -> Datasets:
    models = {column.table.partition(".")[2]: column.table for column in world.edges if is_model(column.table)}
    tables = world.registry.datasets[event.dataset].tables if event.models else []
    inputs = [input_of(f"{RAW}.{name}", world) for name in tables]
    outputs = [output_of(models[m.name], world, rows=m.rows) for m in event.models if m.name in models]
    return inputs, outputs


def _reconciled(event: LayersReconciled, events: Events, world: World) -> Datasets:
    """The two sides of each pair; a pair `layers.<table>` holds the lake, RAW and staging against each other."""
    registry, curated = world.registry, world.registry.datasets[event.dataset].curated
    inputs = []
    for pair in event.pairs:
        if known := registry.pairs.get(pair.pair):
            places = world.places
            speed = InputDataset(f"clickhouse://{places.speed}", f"{places.speed_database}.{known.speed}")
            inputs += [input_of(f"{known.batch_schema}.{known.batch}", world), speed]
        elif (table := pair.pair.removeprefix("layers.")) in registry.tables:
            sides = (f"{curated}.{table}_changes", f"{curated}.{table}", f"{RAW}.{table}", f"staging.stg_{table}")
            inputs += [input_of(side, world) for side in sides]
    return inputs, []


TABLES: dict[type[Told], Callable[..., Datasets]] = {
    SnapshotCommitted: _cut,
    LakeCurated: _curated,
    RawLoaded: _loaded,
    MartsBuilt: _built,
    LayersReconciled: _reconciled,
}
