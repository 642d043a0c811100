"""The lake's figures as of a decision, and the folder beside it for reports.

The lake may be ahead of the marts; a decision names the snapshots of its own run, so what is read here never moves.
The current tables are read in batches and with the few columns that are summed.
"""

from collections.abc import Sequence
from decimal import Decimal
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import to_builtins
from pyiceberg.catalog import Catalog
from pyiceberg.table import Table as IcebergTable

from reconciler.entries import Difference
from reconciler.layers import columns_summed
from reconciler.ports import Figures, Uncomparable
from tidemark.errors import Retryable
from tidemark.tables import Registry, Table
from tidemark_lake.catalog import load_table
from tidemark_lake.decisions import Decision, DecisionStore
from tidemark_lake.objects import Folder
from tidemark_lake.standing import curated_name

_TEXTS = pa.map_(pa.string(), pa.string())
DIFFERENCES = pa.schema(
    {
        "key": pa.string(),
        "kind": pa.string(),
        "columns": pa.list_(pa.string()),
        "copies": pa.int64(),
        "event_ms": pa.int64(),
        "speed": _TEXTS,
        "batch": _TEXTS,
    }
)
DELETED = "_is_deleted"  # Iceberg keeps the name _deleted for itself


class IcebergLake:
    """Lake on Iceberg tables in a catalog, with tidemark's decisions."""

    def __init__(self, catalog: Catalog, decisions: DecisionStore, registry: Registry) -> None:
        self._catalog = catalog
        self._decisions = decisions
        self._registry = registry

    def figures(self, dataset: str, number: int, name: str, table: Table) -> Figures:
        """`changes`, `rows`, `deleted`, and of the rows not deleted the sums of key and money."""
        decision = self._decisions.get(dataset, number)
        if decision is None or name not in decision.tables:
            raise Uncomparable(f"the lake has no decision {number} on {name}")
        try:
            changes = self._records(decision, dataset, name)
            return {"changes": changes, **self._current(decision, dataset, name, table)}
        except (BotoCoreError, ClientError, OSError) as error:
            raise Retryable(f"the lake did not answer for {name}: {error}") from error

    def _records(self, decision: Decision, dataset: str, name: str) -> Decimal:
        snapshot_id = decision.tables[name].snapshots.get("changes")
        if snapshot_id is None:
            return Decimal(0)
        changes = self._open(dataset, name, "changes")
        if changes.snapshot_by_id(snapshot_id) is None:
            raise Uncomparable(f"snapshot {snapshot_id} of {name}_changes is gone (expired)")
        # from the manifests: a summary's totals begin anew with the first commit on a branch
        return Decimal(changes.scan(snapshot_id=snapshot_id).count())

    def _current(self, decision: Decision, dataset: str, name: str, table: Table) -> dict[str, Decimal]:
        snapshot_id, summed = decision.tables[name].snapshots.get("current"), columns_summed(table)
        totals = dict.fromkeys(["rows", "deleted", *summed], Decimal(0))
        if snapshot_id is None:
            return totals
        current = self._open(dataset, name, "current")
        if current.snapshot_by_id(snapshot_id) is None:
            raise Uncomparable(f"snapshot {snapshot_id} of {name} is gone (expired)")
        scan = current.scan(selected_fields=(DELETED, *summed), snapshot_id=snapshot_id)
        return reduce(_added, scan.to_arrow_batch_reader(), totals)

    def _open(self, dataset: str, name: str, kind: str) -> IcebergTable:
        identifier = curated_name(self._registry, dataset, name, kind)
        table = load_table(self._catalog, identifier)
        if table is None:
            raise Uncomparable(f"the lake has no table {identifier}")
        return table


class LakeReports:
    """Reports in the folder beside the lake."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def write(self, name: str, body: bytes) -> str:
        """Write or overwrite a report; gives back its address."""
        self._folder.write(name, body)
        return self.address(name)

    def write_differences(self, name: str, found: Sequence[Difference]) -> None:
        """Write a part of a pair's full list; rows are canonical texts by column."""
        maps = ({"speed": list(one.speed.items()), "batch": list(one.batch.items())} for one in found)
        rows = [to_builtins(one) | both for one, both in zip(found, maps, strict=True)]
        body = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(rows, DIFFERENCES), body, compression="zstd")
        self._folder.write(name, body.getvalue().to_pybytes())

    def address(self, name: str) -> str:
        """Where a report or a folder of reports is found."""
        return f"{self._folder.uri}/{name}"


def _added(totals: dict[str, Decimal], batch: Any) -> dict[str, Decimal]:
    live = batch.filter(pc.invert(batch[DELETED]))
    more = {"rows": batch.num_rows, "deleted": batch.num_rows - live.num_rows}
    more |= {name: pc.sum(live[name]).as_py() or 0 for name in totals if name not in more}
    return {name: total + Decimal(more[name]) for name, total in totals.items()}
