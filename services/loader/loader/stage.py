"""lake.curated -> raw.loaded: RAW gets exactly the rows that this run's snapshots of the changes tables added, once.

What makes it exactly once is the ledger row, written in the transaction that copies the files and read under the
table's lock. A run is loaded after the one before it; runs that this RAW never saw (a warehouse attached later, runs
that a rebuild passed by) are loaded first, from the lake's decisions; where the lake no longer tells their files apart,
the table is taken anew. A rollback takes back what later runs loaded.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TypeVar

from loader.ports import Ports, Position, Warehouse
from loader.runs import missed_runs, part_of
from loader.table import check_generation, load_table, take_anew
from tidemark import telemetry
from tidemark.errors import Invalid, Retryable, Superseded
from tidemark.events import LakeCurated, RawLoaded
from tidemark.failpoints import failpoint
from tidemark_lake.files import SnapshotLostError

T = TypeVar("T")
_GRAVEST_FIRST = (Invalid, Superseded, Retryable)

log = telemetry.logger(__name__)


def load(event: LakeCurated, ports: Ports) -> RawLoaded:
    """Load the run's tables side by side; the receipts are the ledger's, so that a repeat says the same."""
    # all before any is loaded: a table whose lock is made later counts as new, and begins at the run that brings it
    positions = {t.table: ports.warehouse.prepare(event.dataset, t.table, event.run_id) for t in event.tables}
    for table, position in positions.items():  # a glance before the work; what counts is read under the lock
        check_generation(position, event, table, event.generation)
    done = {receipt.table for receipt in ports.warehouse.receipts(event.dataset, event.run_id)}
    ahead = [table for table in positions if table not in done]
    side_by_side([partial(_bring_up, event, table, positions[table], ports) for table in ahead])
    failpoint("loader.after-commit")
    return _loaded(event, ports.warehouse)


def side_by_side(works: Sequence[Callable[[], T]]) -> list[T]:
    """Run all at once in threads of this trace; their results in order, or the gravest error once all have ended."""
    with ThreadPoolExecutor(max_workers=max(1, len(works)), thread_name_prefix="loader") as pool:
        futures = [pool.submit(copy_context().run, work) for work in works]
    errors = [error for error in (future.exception() for future in futures) if error is not None]
    if errors:
        raise min(errors, key=_gravity)
    return [future.result() for future in futures]


def _gravity(error: BaseException) -> int:
    """A crash before everything, an outage after everything."""
    return next((place + 1 for place, family in enumerate(_GRAVEST_FIRST) if isinstance(error, family)), 0)


def _bring_up(event: LakeCurated, table: str, position: Position, ports: Ports) -> None:
    try:
        for run in [*missed_runs(event, position, ports.decisions), event]:
            load_table(run, part_of(run, table), event.generation, ports)
    except SnapshotLostError as lost:
        log.warning("RAW takes a table anew", extra={"table": table, "reason": str(lost)})
        take_anew(event, table, ports)


def _loaded(event: LakeCurated, warehouse: Warehouse) -> RawLoaded:
    receipts = {receipt.table: receipt for receipt in warehouse.receipts(event.dataset, event.run_id)}
    unseen = [table.table for table in event.tables if table.table not in receipts]
    if unseen:
        raise Retryable(f"the ledger does not show {event.run_id} of {', '.join(unseen)} yet")
    tables = [receipts[table.table] for table in event.tables]
    return RawLoaded(
        dataset=event.dataset,
        run_id=event.run_id,
        run_seq=event.run_seq,
        kind=event.kind,
        generation=event.generation,
        tables=tables,
        max_ts_ms=max((t.max_ts_ms for t in event.tables if t.max_ts_ms is not None), default=None),
        committed_at_ms=event.committed_at_ms,
        seconds=max((table.seconds for table in tables), default=0.0),
    )
