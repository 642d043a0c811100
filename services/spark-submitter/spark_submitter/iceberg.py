"""The curated tables through pyiceberg: what their mains hold, and setting them to a decision.

One commit per table moves main, tags the snapshot and drops attempts' branches; it is a compare-and-swap on main, so a
writer in between makes it look again. Tables are done side by side. Pointers come first: a table whose metadata has
not moved since it was last read is not read again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import Table
from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRef, SnapshotRefType
from pyiceberg.table.update import (
    AssertRefSnapshotId,
    AssertTableUUID,
    RemoveSnapshotRefUpdate,
    SetSnapshotRefUpdate,
    TableUpdate,
)
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from spark_submitter.ports import Snapshots, Stranger
from tidemark.errors import Retryable, Superseded
from tidemark.failpoints import failpoint
from tidemark.tables import Registry
from tidemark_lake.catalog import glue_catalog, is_transient, load_table, pointers
from tidemark_lake.decisions import TABLE_KINDS, Decision
from tidemark_lake.standing import curated_name, lost_tables

ATTEMPT_BRANCHES = "attempt_"
RUN_TAGS = "run_"
_SIDE_BY_SIDE = 8
A = TypeVar("A")
B = TypeVar("B")


class IcebergLake:
    """The datasets' curated namespaces in a Glue catalog."""

    def __init__(self, catalog: Catalog, registry: Registry) -> None:
        self._catalog = glue_catalog(catalog)
        self._registry = registry
        self._known: dict[str, tuple[str, Table]] = {}

    def mains(self, dataset: str, tables: Sequence[str]) -> Snapshots:
        """What every curated table's main holds."""
        loaded = self._load(dataset, tables)
        return {name: {kind: _main(loaded[name, kind]) for kind in TABLE_KINDS} for name in tables}

    def lost(self, decision: Decision) -> list[str]:
        """Tables that no longer hold the decision's snapshot."""
        return lost_tables(self._catalog, self._registry, decision)

    def settle(self, decision: Decision, before: Decision | None) -> list[Stranger]:
        """Make every table's main what the decision says."""
        loaded = self._load(decision.dataset, list(decision.tables))
        behind = [
            (name, kind, snapshot)
            for name, table in decision.tables.items()
            for kind, snapshot in table.snapshots.items()
            if _main(loaded[name, kind]) != snapshot
        ]

        def publish(one: tuple[str, str, int | None]) -> Stranger | None:
            name, kind, snapshot = one
            published = before.tables[name].snapshots[kind] if before and name in before.tables else None
            identifier = curated_name(self._registry, decision.dataset, name, kind)
            return self._publish(identifier, decision.number, snapshot, published)

        return [stranger for stranger in _side_by_side(publish, behind) if stranger is not None]

    @retry(
        retry=retry_if_exception_type(CommitFailedException),
        stop=stop_after_attempt(8),
        wait=wait_random_exponential(multiplier=0.05, max=2),
        retry_error_callback=lambda state: _give_up(state.args),
    )
    def _publish(self, identifier: str, number: int, snapshot: int | None, published: int | None) -> Stranger | None:
        table = load_table(self._catalog, identifier)
        if table is None:
            raise Retryable(f"the curated table {identifier} is not in the catalog")
        main = _main(table)
        if main == snapshot:
            return None
        newest = newest_run(table.refs(), main)
        if newest > number:
            raise Superseded(f"{identifier} is at decision {newest} already, {number} does not set it back")
        stranger = _stranger(identifier, table, main, published)
        updates: list[TableUpdate] = [_tag(stranger.tag, stranger.snapshot)] if stranger else []
        if snapshot is None:
            updates.append(_without(MAIN_BRANCH))
        else:
            updates += [_ref(MAIN_BRANCH, SnapshotRefType.BRANCH, snapshot), _tag(f"{RUN_TAGS}{number}", snapshot)]
        done = [name for name in table.refs() if name.startswith(ATTEMPT_BRANCHES)]
        updates += [_without(name) for name in done]
        requirements = (
            AssertTableUUID(uuid=table.metadata.table_uuid),
            AssertRefSnapshotId.model_validate({"ref": MAIN_BRANCH, "snapshot-id": main}),
        )
        failpoint("spark-submitter.before-fast-forward")
        try:
            self._catalog.commit_table(table, requirements, tuple(updates))
        except (BotoCoreError, ClientError, OSError) as error:
            if is_transient(error):
                raise Retryable(f"{identifier} could not be published: {error}") from error
            raise
        failpoint("spark-submitter.after-fast-forward")
        return stranger

    def _load(self, dataset: str, tables: Sequence[str]) -> dict[tuple[str, str], Table | None]:
        curated = self._registry.datasets[dataset].curated
        places = {f"{curated}.{name}": place for name, place in pointers(self._catalog, curated).items()}
        wanted = [(name, kind) for name in tables for kind in TABLE_KINDS]
        names = [curated_name(self._registry, dataset, name, kind) for name, kind in wanted]
        stale = [name for name in names if name in places and self._known.get(name, ("",))[0] != places[name]]
        for name, table in zip(stale, _side_by_side(lambda name: load_table(self._catalog, name), stale), strict=True):
            if table is not None:
                self._known[name] = (table.metadata_location, table)
        found = [self._known[name][1] if name in places and name in self._known else None for name in names]
        return dict(zip(wanted, found, strict=True))


def newest_run(refs: Mapping[str, SnapshotRef], main: int | None) -> int:
    """The newest decision whose tag the snapshot on main carries; 0 without any."""
    names = [name.removeprefix(RUN_TAGS) for name, ref in refs.items() if ref.snapshot_id == main]
    return max((int(name) for name in names if name.isdecimal()), default=0)


def _main(table: Table | None) -> int | None:
    return table.metadata.current_snapshot_id if table is not None else None


def _stranger(identifier: str, table: Table, main: int | None, published: int | None) -> Stranger | None:
    """The snapshot on main, unless a decision put it there: the one before, or an older one by its tag."""
    ours = {ref.snapshot_id for name, ref in table.refs().items() if name.startswith(RUN_TAGS)}
    if main is None or main == published or main in ours:
        return None
    return Stranger(identifier, main, f"stranger_{main}")


def _ref(name: str, kind: SnapshotRefType, snapshot: int) -> SetSnapshotRefUpdate:
    return SetSnapshotRefUpdate.model_validate({"ref-name": name, "type": kind.value, "snapshot-id": snapshot})


def _without(name: str) -> RemoveSnapshotRefUpdate:
    return RemoveSnapshotRefUpdate.model_validate({"ref-name": name})


def _tag(name: str, snapshot: int) -> SetSnapshotRefUpdate:
    return _ref(name, SnapshotRefType.TAG, snapshot)


def _side_by_side(work: Callable[[A], B], items: Sequence[A]) -> Iterable[B]:
    if not items:
        return []
    with ThreadPoolExecutor(min(_SIDE_BY_SIDE, len(items))) as pool:
        return list(pool.map(work, items))


def _give_up(arguments: tuple[object, ...]) -> Stranger | None:
    raise Retryable(f"the main of {arguments[1]} kept moving while it was published")
