"""The source's change logs in Glue: the pointer first, so that an idle poll reads nothing else."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.table.snapshots import Snapshot as IcebergSnapshot

from ingest_watcher.ports import History, Snapshot
from tidemark.errors import Retryable, TypedStop
from tidemark.tables import Registry
from tidemark_lake.catalog import load_table

_MISSING = "EntityNotFoundException"


class GlueSource:
    """Reads pointers with one call a dataset; a table's commits only when its pointer has moved."""

    def __init__(self, catalog: Catalog, registry: Registry) -> None:
        if not isinstance(catalog, GlueCatalog):
            raise TypeError(f"the source is read through Glue, not {type(catalog).__name__}")
        self._catalog = catalog
        self._registry = registry
        self._pointers: dict[str, dict[str, str]] = {}
        self._known: dict[tuple[str, str], tuple[str, History]] = {}

    def pointers(self, dataset: str) -> dict[str, str]:
        self._pointers[dataset] = self._list(dataset)
        return self._pointers[dataset]

    def _list(self, dataset: str) -> dict[str, str]:
        wanted = self._registry.datasets[dataset].tables
        found = {}
        try:
            for page in self._catalog.glue.get_paginator("get_tables").paginate(
                DatabaseName=self._registry.datasets[dataset].source
            ):
                for table in page["TableList"]:
                    if table["Name"] in wanted and "metadata_location" in table.get("Parameters", {}):
                        found[table["Name"]] = table["Parameters"]["metadata_location"]
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == _MISSING:
                return {}
            raise Retryable(f"the catalog did not list {dataset}: {error}") from error
        except BotoCoreError as error:
            raise Retryable(f"the catalog did not list {dataset}: {error}") from error
        return found

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


def _columns(schema: Any) -> dict[str, str]:
    return {f.name: f"{f.field_type}{'' if f.required else '?'}" for f in schema.fields}
