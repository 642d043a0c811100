"""The source's change logs in Glue: the pointer first, so that an idle poll reads nothing else. And the curated tables,
which are looked at for a rollback alone.
"""

from collections.abc import Mapping
from typing import Any

from pyiceberg.catalog import Catalog
from pyiceberg.table.snapshots import Snapshot as IcebergSnapshot

from ingest_watcher.ports import Columns, History, Snapshot, SourceColumn
from tidemark.errors import TypedStop
from tidemark.tables import Registry
from tidemark_lake.catalog import glue_catalog, load_table, pointers
from tidemark_lake.decisions import Decision
from tidemark_lake.standing import lost_tables


class GlueSource:
    """Reads pointers with one call a dataset; a table's commits only when its pointer has moved."""

    def __init__(self, catalog: Catalog, registry: Registry) -> None:
        self._catalog = glue_catalog(catalog)
        self._registry = registry
        self._pointers: dict[str, dict[str, str]] = {}
        self._known: dict[tuple[str, str], tuple[str, History]] = {}

    def pointers(self, dataset: str) -> dict[str, str]:
        wanted = self._registry.datasets[dataset]
        found = pointers(self._catalog, wanted.source)
        self._pointers[dataset] = {table: found[table] for table in wanted.tables if table in found}
        return self._pointers[dataset]

    def history(self, dataset: str, table: str) -> History:
        known = self._known.get((dataset, table))
        if known is not None and known[0] == self._pointers.get(dataset, {}).get(table):
            return known[1]
        identifier = f"{self._registry.datasets[dataset].source}.{table}"
        loaded = load_table(self._catalog, identifier)
        if loaded is None:
            raise TypedStop(f"source table {identifier} is gone; bring it back, then resume")
        found = _history(loaded.metadata)
        self._known[dataset, table] = (loaded.metadata_location, found)
        return found


class GlueLake:
    """The datasets' curated tables."""

    def __init__(self, catalog: Catalog, registry: Registry) -> None:
        self._catalog = catalog
        self._registry = registry

    def lost(self, decision: Decision) -> list[str]:
        return lost_tables(self._catalog, self._registry, decision)


def _history(metadata: Any) -> History:
    return History(
        uuid=str(metadata.table_uuid),
        current=metadata.current_snapshot_id,
        snapshots={s.snapshot_id: _snapshot(s) for s in metadata.snapshots},
        schemas={schema.schema_id: _columns(schema) for schema in metadata.schemas},
    )


def _snapshot(snapshot: IcebergSnapshot) -> Snapshot:
    summary: Mapping[str, str | None] = snapshot.summary.additional_properties if snapshot.summary else {}
    return Snapshot(
        snapshot_id=snapshot.snapshot_id,
        parent_id=snapshot.parent_snapshot_id,
        operation=snapshot.summary.operation.value if snapshot.summary else "append",
        committed_at_ms=snapshot.timestamp_ms,
        rows=int(summary.get("added-records") or 0),
        files=int(summary.get("added-data-files") or 0),
        schema_id=snapshot.schema_id,
    )


def _columns(schema: Any) -> Columns:
    return {f.field_id: SourceColumn(f.name, str(f.field_type), not f.required) for f in schema.fields}
