"""Whether what a decision published can still be read: snapshots beyond the rollback horizon are expired one day."""

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
