"""marts.built -> layers.reconciled: the marts against the speed layer up to W, or the layers against each other.

    receipt there? give it back
    progress of both sides -> W; passes; the marts moved on meanwhile? start again
    differences -> entries, status, alerts; report; ledger in one transaction

A pair that cannot be compared stops with an alert, the others and the chain go on. So does one whose engine is away
for longer than a restart takes: the run has its status, and the pair is compared again by the next one. The ledger
stands in the warehouse, so a warehouse that is away is waited for. The tick only looks at progress.
"""

from reconciler.asked import Outcome
from reconciler.heartbeat import Heartbeat
from reconciler.outcome import compare_all
from reconciler.ports import Ports, Published, Recorded
from reconciler.report import write_report
from tidemark.errors import Retryable, Superseded
from tidemark.events import Event, LayersReconciled, MartsBuilt, ReconciliationStatus
from tidemark.failpoints import failpoint
from tidemark.stage import Stage

WORST_LAST: tuple[ReconciliationStatus, ...] = ("CONVERGED", "CONVERGING", "DIVERGED", "STALLED")
ATTEMPTS = 5
TICK_SECONDS = 60.0


def stage(ports: Ports) -> Stage:
    """The stage as the runner takes it."""
    heartbeat = Heartbeat(ports)
    return Stage(
        name="reconciler",
        handlers={MartsBuilt: lambda event: reconcile(event, ports, heartbeat)},
        tick=heartbeat.tick,
        tick_seconds=TICK_SECONDS,
    )


def reconcile(event: MartsBuilt, ports: Ports, heartbeat: Heartbeat | None = None) -> list[Event]:
    """Compare, write it down, say it. A run that has been compared gives back what was said then.

    Retryable when the warehouse is away, or for some minutes any engine; Superseded when the marts are already those of
    a newer generation.
    """
    if (stored := ports.ledger.receipt(event.run_id)) is not None:
        return stored
    began, remembered = ports.clock(), heartbeat or Heartbeat(ports)
    published, outcomes = _compared(event, ports, remembered)
    reconciled = LayersReconciled(
        dataset=event.dataset,
        run_id=event.run_id,
        run_seq=event.run_seq,
        kind=event.kind,
        generation=event.generation,
        status=max((o.reconciled.status for o in outcomes), key=WORST_LAST.index, default="CONVERGED"),
        pairs=[o.reconciled for o in outcomes],
        committed_at_ms=event.committed_at_ms,
        seconds=round(ports.clock() - began, 3),
    )
    failpoint("reconciler.before-report")
    write_report(reconciled, outcomes, ports)
    failpoint("reconciler.after-report")
    recorded = _recorded(reconciled, published, outcomes, ports.now_ms())
    failpoint("reconciler.before-commit")
    events = ports.ledger.record(recorded)
    failpoint("reconciler.after-commit")
    remembered.compared(event.dataset, recorded.standing, published)
    return events


def _compared(event: MartsBuilt, ports: Ports, remembered: Heartbeat) -> tuple[Published | None, list[Outcome]]:
    """All pairs, seen in one state of the marts; begun again while they move on underneath."""
    patient = remembered.is_patient(event.dataset, event.run_id)
    for _ in range(ATTEMPTS):
        published = ports.marts.published(event.dataset)
        if published and published.generation > event.generation:
            raise Superseded(f"{event.run_id}: the marts are of generation {published.generation}")
        outcomes = compare_all(event, published, ports, remembered, patient)
        if ports.marts.published(event.dataset) == published:
            remembered.keep(outcome.reconciled.pair for outcome in outcomes)
            return published, outcomes
    raise Retryable(f"the marts of {event.dataset} moved on during each of {ATTEMPTS} comparisons")


def _recorded(
    reconciled: LayersReconciled, published: Published | None, outcomes: list[Outcome], now_ms: int
) -> Recorded:
    return Recorded(
        dataset=reconciled.dataset,
        run_id=reconciled.run_id,
        run_seq=reconciled.run_seq,
        generation=reconciled.generation,
        compared_seq=published.to_seq if published else 0,
        status=reconciled.status,
        recorded_ms=now_ms,
        seconds=reconciled.seconds,
        events=[reconciled, *(alert for outcome in outcomes for alert in outcome.alerts)],
        standing={outcome.reconciled.pair: outcome.standing for outcome in outcomes},
        entries=[entry for outcome in outcomes for entry in outcome.entries],
    )
