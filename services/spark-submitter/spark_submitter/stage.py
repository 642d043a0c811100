"""snapshot.committed -> lake.curated: the run's rows are curated on branches, decided, and published together.

The decision makes it exactly once: before it nothing shows on any main, after it a restart only rolls forward and says
again what the decision holds. An attempt that finds a main moved begins anew from the newest decision.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import asdict, replace

from spark_submitter.decide import decide, roll_back
from spark_submitter.ports import Decisions, Job, Lake, Snapshots, Stranger
from spark_submitter.resources import resources
from tidemark import signals, telemetry
from tidemark.errors import CheckFailed, Retryable, Superseded, TypedStop
from tidemark.events import AlertRaised, CuratedTable, Event, SnapshotCommitted, TableCut
from tidemark.failpoints import failpoint
from tidemark.tables import Registry
from tidemark_lake.decisions import TABLE_KINDS, DecidedTable, Decision, requests_done, unmaintained
from tidemark_lake.manifest import Manifest, ManifestTable, Result, TableResult, result_name

NAME = "spark-submitter"
ATTEMPTS = 3

log = telemetry.logger(__name__)


@dataclass(frozen=True)
class Ports:
    """The world as the stage sees it. `state` is the folder's URI of manifests and results; ids and time are given.

    `rollback_runs`: of how many runs, counted back from a maintenance, the snapshots are kept; `most_executors` and
    `memory_mib`: what a large run gets at most.
    """

    decisions: Decisions
    lake: Lake
    job: Job
    registry: Registry
    state: str
    new_attempt: Callable[[], str]
    now_ms: Callable[[], int]
    rollback_runs: int = 200
    most_executors: int = 4
    memory_mib: int = 2048


def curate(event: SnapshotCommitted, ports: Ports) -> Sequence[Event]:
    """Curate and publish one run. Returns alerts, if any, and the run's LakeCurated."""
    started_ms = ports.now_ms()
    alerts: list[Event] = []
    for _ in range(ATTEMPTS):
        newest = ports.decisions.newest(event.dataset)
        try:
            alerts += _settle(newest, event, ports)
        except Superseded as later:  # by a decision taken since the look; it may be this very run's
            log.info("looking again", extra={"reason": str(later)})
            continue
        decided = _decided(event, newest, ports)
        if decided is not None:
            return [*alerts, decided.curated]
        _refuse(event, newest)
        decision = _next_decision(event, newest, ports, started_ms)
        if decision is None:
            continue
        failpoint(f"{NAME}.before-commit")
        if ports.decisions.put(decision):
            failpoint(f"{NAME}.after-decision")
            alerts += _settle(decision, event, ports)
            failpoint(f"{NAME}.after-commit")
            return [*alerts, decision.curated]
        log.info("somebody else decided first", extra={"decision": decision.number})
    raise Retryable(f"{event.run_id} found a curated table moved in each of {ATTEMPTS} attempts")


def _decided(event: SnapshotCommitted, newest: Decision | None, ports: Ports) -> Decision | None:
    """The decision of this very run, if it has been taken."""
    if newest is None or newest.number < event.run_seq:
        return None
    taken = newest if newest.number == event.run_seq else ports.decisions.get(event.dataset, event.run_seq)
    return taken if taken is not None and taken.run_id == event.run_id else None


def _refuse(event: SnapshotCommitted, newest: Decision | None) -> None:
    """Raise where this run must not be curated: an older generation, a place taken, a request that another run did, a
    cut that does not connect.
    """
    number, generation = (newest.number, newest.generation) if newest else (0, 0)
    if event.generation < generation:
        raise Superseded(f"{event.run_id} is of generation {event.generation}, the lake is at {generation}")
    if event.run_seq <= number:
        raise Superseded(f"{event.run_id} comes after decision {number}, which another run took")
    if newest is not None and event.request_id in newest.requests:
        raise Superseded(f"{event.run_id} is asked for by {event.request_id}, which an earlier run has done")
    if event.run_seq > number + 1:
        raise TypedStop(f"{event.run_id} is run {event.run_seq} and the last decision is {number}; ask for a rebuild")
    if event.kind != "process":
        return
    for cut in event.tables:
        done = newest.tables.get(cut.table) if newest else None
        published = done.source_snapshot if done else None
        if cut.from_snapshot != published:
            raise TypedStop(
                f"{event.run_id} begins {cut.table} at snapshot {cut.from_snapshot}, and {published} is the last one "
                "published; ask for a rebuild"
            )


def _next_decision(event: SnapshotCommitted, newest: Decision | None, ports: Ports, started_ms: int) -> Decision | None:
    """What this run decides; None if a main moved meanwhile."""
    decide_it = _rolled_back if event.kind == "rollback" else _attempt
    decision = decide_it(event, newest, ports, started_ms)
    if decision is None:
        return None
    rows = sum(table.accepted for table in decision.curated.tables)
    waits = unmaintained(newest, event, rows)
    return replace(decision, requests=requests_done(newest, event), unmaintained=waits)


def _rolled_back(event: SnapshotCommitted, newest: Decision | None, ports: Ports, started_ms: int) -> Decision:
    target = ports.decisions.get(event.dataset, event.to_seq or 0)
    if target is not None and (lost := ports.lake.lost(target)):
        raise TypedStop(
            f"{event.run_id} cannot go back to run {target.number}: {', '.join(lost)} no longer hold its snapshots; "
            "ask for a rollback to a newer run"
        )
    return roll_back(event, newest, target, (ports.now_ms() - started_ms) / 1000)


def _attempt(event: SnapshotCommitted, newest: Decision | None, ports: Ports, started_ms: int) -> Decision | None:
    """Run the job once; the decision that would publish it, or None if a main moved meanwhile."""
    manifest = make_manifest(event, newest, ports)
    with telemetry.span(signals.SPARK_JOB, attempt=manifest.attempt, branch=manifest.branch):
        result = ports.job.run(manifest)
        for step in result.steps:
            name = signals.SPARK_STEP.format(step=step.name)
            more = {"table": step.table or None, "rows": step.rows, **step.spark}
            telemetry.record_span(name, step.start_ns, step.end_ns, **more)
    if result.stopped is not None:
        raise TypedStop(f"{result.stopped.reason}; {result.stopped.remedy}")
    base = {table.name: table.base for table in manifest.tables}
    if {table.table: table.base for table in result.tables} != base or _mains(event, ports) != base:
        log.warning("a curated table moved during the attempt", extra={"attempt": manifest.attempt})
        return None
    _verify(result)
    return _decision(event, manifest, result, ports.now_ms(), started_ms)


def make_manifest(event: SnapshotCommitted, newest: Decision | None, ports: Ports) -> Manifest:
    """The order to the job: the event's cut, the registry's contracts, the newest decision's snapshots as base."""
    attempt = ports.new_attempt()
    dataset = ports.registry.datasets[event.dataset]
    cuts = {cut.table: cut for cut in event.tables}
    return Manifest(
        run_id=event.run_id,
        run_seq=event.run_seq,
        attempt=attempt,
        dataset=event.dataset,
        kind=event.kind,
        generation=event.generation,
        order=dataset.order,
        curated=dataset.curated,
        branch=f"attempt_{event.run_seq}_{attempt}",
        result=f"{ports.state}/{result_name(event.run_id, attempt)}",
        tables=[_table(name, cuts.get(name), newest, ports.registry) for name in dataset.tables],
        keep_from=max(0, event.run_seq - ports.rollback_runs),
        selection=event.asked.selection if event.asked else None,
        resources=resources(event, ports.most_executors, ports.memory_mib),
    )


def _table(name: str, cut: TableCut | None, newest: Decision | None, registry: Registry) -> ManifestTable:
    contract = registry.tables[name]
    done = newest.tables.get(name) if newest else None
    standing = done.source_snapshot if done else None
    return ManifestTable(
        name=name,
        source=f"{registry.datasets[contract.dataset].source}.{name}",
        from_snapshot=cut.from_snapshot if cut else standing,
        to_snapshot=cut.to_snapshot if cut else standing,
        key=contract.key,
        columns=contract.columns,
        parents=contract.parents,
        rules=contract.rules,
        unique=contract.unique,
        base=dict(done.snapshots) if done else dict.fromkeys(TABLE_KINDS),
    )


def _mains(event: SnapshotCommitted, ports: Ports) -> Snapshots:
    return ports.lake.mains(event.dataset, ports.registry.datasets[event.dataset].tables)


def _verify(result: Result) -> None:
    failed = [f"{c.table}: {c.name}: {c.expected} expected, {c.actual} found" for c in result.checks if not c.holds]
    if failed:
        raise CheckFailed(f"attempt {result.attempt} of {result.run_id} failed its checks: {'; '.join(failed)}")


def _decision(event: SnapshotCommitted, manifest: Manifest, result: Result, now_ms: int, started_ms: int) -> Decision:
    cuts = {cut.table: cut for cut in event.tables}
    ends = {table.name: table.to_snapshot for table in manifest.tables}
    tables = {
        t.table: DecidedTable(
            source_snapshot=ends[t.table],
            source_uuid=t.source_uuid,
            snapshots=t.snapshots,
            source_schema=cuts[t.table].to_schema if t.table in cuts else None,
        )
        for t in result.tables
    }
    told = [_curated(table, cuts.get(table.table)) for table in result.tables]
    spark = {**result.spark, **asdict(manifest.resources)}
    return decide(event, manifest.attempt, tables, told, (now_ms - started_ms) / 1000, spark)


def _curated(table: TableResult, cut: TableCut | None) -> CuratedTable:
    return CuratedTable(
        table=table.table,
        read=table.read,
        released=table.released,
        accepted=table.accepted,
        repeated=table.repeated,
        held=table.held,
        quarantined=table.quarantined,
        dropped=table.dropped,
        flagged=table.flagged,
        changes_snapshot=table.snapshots["changes"] if table.accepted else None,
        current_snapshot=table.snapshots["current"],
        max_ts_ms=table.max_ts_ms,
        schema_changes=_schema_changes(table, cut),
        rules=table.rules,
    )


def _schema_changes(table: TableResult, cut: TableCut | None) -> list[str]:
    """The source's within the cut, and the lake's: told by the run whose rows are the first of the new shape."""
    source = [f"source: {change}" for change in cut.schema_changes] if cut else []
    return source + [f"lake: {change}" for change in table.schema_changes if table.accepted]


def _settle(decision: Decision | None, event: SnapshotCommitted, ports: Ports) -> list[Event]:
    """Roll forward; alerts for snapshots found there that no decision knows."""
    if decision is None:
        return []
    before = ports.decisions.get(decision.dataset, decision.number - 1)
    with telemetry.span(signals.PUBLISH_LAKE, decision=decision.number):
        strangers = ports.lake.settle(decision, before)
    return [_alert(stranger, event) for stranger in strangers]


def _alert(stranger: Stranger, event: SnapshotCommitted) -> AlertRaised:
    return AlertRaised(
        dataset=event.dataset,
        incident=f"{event.dataset}/stranger/{stranger.table}/{stranger.snapshot}",
        severity="warning",
        title=f"Somebody else wrote to {stranger.table}",
        detail=f"Snapshot {stranger.snapshot} was not written by a run. It stays readable as tag {stranger.tag}; "
        "the table was set back to what the newest decision says.",
        raised_by=NAME,
        run_id=event.run_id,
    )
