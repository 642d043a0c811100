"""What one run's comparison says, leaves and raises: what stage.py puts together."""

from msgspec import structs

from reconciler import alerts
from reconciler.asked import Asked, Outcome
from reconciler.heartbeat import Heartbeat
from reconciler.of_layers import layers_outcome
from reconciler.of_pair import pair_outcome
from reconciler.ports import Ports, Published, Uncomparable
from tidemark import signals
from tidemark.errors import Retryable
from tidemark.events import MartsBuilt
from tidemark.telemetry import span


def compare_all(
    event: MartsBuilt, published: Published | None, ports: Ports, remembered: Heartbeat, patient: bool
) -> list[Outcome]:
    """Every pair of the event's dataset, or its layers if it has none. `remembered`: the stalls that a tick has told
    of, and what is known of settled rows; `patient`: an engine that is away is waited for (Retryable) instead of
    stopping the pair."""
    stops = (Uncomparable,) if patient else (Uncomparable, Retryable)
    asked, raised = Asked(event, published, ports, stops, remembered.settled), remembered.raised
    standing = ports.ledger.standing(event.dataset)
    pairs = {name: pair for name, pair in ports.registry.pairs.items() if pair.dataset == event.dataset}
    outcomes = []
    for name, pair in pairs.items():
        with span(signals.RECONCILE.format(pair=name), pair=name):
            outcome = pair_outcome(asked, name, pair, standing.get(name))
        outcomes.append(_with_alerts(event, outcome, {"stalled": raised[name]} if name in raised else {}))
    for name, table in {} if pairs else ports.registry.tables_of(event.dataset).items():
        with span(signals.RECONCILE.format(pair=f"layers.{name}"), pair=f"layers.{name}"):
            outcome = layers_outcome(asked, name, table, standing.get(f"layers.{name}"))
        outcomes.append(_with_alerts(event, outcome, {}))
    return outcomes


def _with_alerts(event: MartsBuilt, outcome: Outcome, raised: dict[str, str]) -> Outcome:
    pair = outcome.reconciled
    judged = alerts.Judged(
        dataset=event.dataset,
        pair=pair.pair,
        run_id=event.run_id,
        status=pair.status,
        cutoff_ms=pair.cutoff_ms,
        detail=f"{pair.confirmed} confirmed, {pair.suspect} seen once, {pair.rows} rows; {pair.detail}".rstrip("; "),
        uncomparable=outcome.uncomparable,
    )
    incidents, told = alerts.transitions(raised | outcome.standing.incidents, judged)
    standing = structs.replace(outcome.standing, incidents=incidents)
    return structs.replace(outcome, standing=standing, alerts=told)
