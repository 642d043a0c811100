"""The lake's figures as of a decision, and the folder beside it for reports.

The lake may be ahead of the marts; a decision names the snapshots of its own run, so what is read here never moves.
The current tables are read in batches and with the few columns that are summed.
"""

from decimal import Decimal
from functools import reduce
from typing import Any

import pyarrow.compute as pc
from botocore.exceptions import BotoCoreError, ClientError
from pyiceberg.catalog import Catalog
from pyiceberg.table import Table as IcebergTable

from reconciler.layers import columns_summed
from reconciler.ports import Figures, Uncomparable
from tidemark.errors import Retryable
from tidemark.tables import Registry, Table
from tidemark_lake.catalog import load_table
from tidemark_lake.decisions import Decision, DecisionStore
from tidemark_lake.objects import Folder
from tidemark_lake.standing import curated_name

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
        return f"{self._folder.uri}/{name}"


def _added(totals: dict[str, Decimal], batch: Any) -> dict[str, Decimal]:
    live = batch.filter(pc.invert(batch[DELETED]))
    more = {"rows": batch.num_rows, "deleted": batch.num_rows - live.num_rows}
    more |= {name: pc.sum(live[name]).as_py() or 0 for name in totals if name not in more}
    return {name: total + Decimal(more[name]) for name, total in totals.items()}
