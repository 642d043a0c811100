"""What is left of what a decision published: whether it has been rolled back since, and whether its snapshots are there
(those beyond the rollback horizon are expired one day).
"""

from collections.abc import Callable, Iterator

from pyiceberg.catalog import Catalog

from tidemark.tables import Registry
from tidemark_lake.catalog import load_table
from tidemark_lake.decisions import Decision


def curated_name(registry: Registry, dataset: str, table: str, kind: str) -> str:
    """A curated table's name in the catalog: `<t>_changes`, `<t>`, `<t>_held`, `<t>_quarantined` of its namespace."""
    return f"{registry.datasets[dataset].curated}.{table}" + ("" if kind == "current" else f"_{kind}")


def lost_tables(catalog: Catalog, registry: Registry, decision: Decision) -> list[str]:
    """Curated tables that no longer hold the snapshot at which the decision left them. Raises Retryable."""
    wanted = {
        curated_name(registry, decision.dataset, name, kind): snapshot
        for name, table in decision.tables.items()
        for kind, snapshot in table.snapshots.items()
        if snapshot is not None
    }
    loaded = {name: load_table(catalog, name) for name in wanted}
    return [name for name, table in loaded.items() if table is None or table.snapshot_by_id(wanted[name]) is None]


def standing(newest: Decision | None, decided: Callable[[int], Decision | None]) -> Iterator[Decision]:
    """The decisions that stand, newest first: past a rollback, those it went back to. `decided`: by number."""
    at = newest
    while at is not None:
        yield at
        before = at.curated.to_seq if at.kind == "rollback" else at.number - 1
        at = decided(before) if before else None


def rolled_back_by(
    decision: Decision, newest: Decision | None, decided: Callable[[int], Decision | None]
) -> Decision | None:
    """The rollback that took the decision's run away, None while it stands."""
    after = None
    for at in standing(newest, decided):
        if at.number <= decision.number:
            return None if at.number == decision.number else after
        after = at
    return after
