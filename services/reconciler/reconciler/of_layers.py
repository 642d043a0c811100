"""One table's layers held against each other, as an outcome like a pair's."""

from reconciler.asked import Asked, Outcome
from reconciler.layers import compare_layers, sentence
from reconciler.ports import Figures, PairStanding, Uncomparable
from tidemark.events import ReconciledPair
from tidemark.tables import Table


def layers_outcome(asked: Asked, name: str, table: Table, before: PairStanding | None) -> Outcome:
    """Compare a table in lake, RAW, staging and marts; `before`: how the last comparison left it."""
    published, ports = asked.published, asked.ports
    began, problem = ports.clock(), ""
    figures: Figures = {}
    unlike: list[str] = []
    try:
        figures, unlike = _compare(asked, name, table)
    except asked.stops as error:
        problem = str(error)
    reconciled = ReconciledPair(
        pair=f"layers.{name}",
        status="STALLED" if problem else "DIVERGED" if unlike else "CONVERGED",
        cutoff_ms=None,
        rows=int(figures.get("rows", 0)),
        pending=0,
        suspect=0,
        confirmed=0,
        resolved=0,
        seconds=round(ports.clock() - began, 3),
        detail=problem or "; ".join(unlike) or sentence(figures),
    )
    standing = PairStanding(
        cutoff_ms=None,
        speed_ms=None,
        batch_ms=published.progress_ms if published else None,
        moved_ms=ports.now_ms(),
        incidents=dict(before.incidents) if before else {},
    )
    return Outcome(reconciled=reconciled, standing=standing, uncomparable=bool(problem))


def _compare(asked: Asked, name: str, table: Table) -> tuple[Figures, list[str]]:
    published = asked.published
    if published is None or published.to_seq < asked.event.to_seq:
        raise Uncomparable(f"the marts of run {asked.event.to_seq} are not in the publish ledger")
    return compare_layers(asked.event.dataset, name, table, published, asked.ports.lake, asked.ports.marts)
