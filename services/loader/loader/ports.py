"""What the loader needs of the world: the lake's files and decisions, and RAW with its locks and ledger.

The real ones are lake.py and snowflake.py, the twins stand in memory.py; tests/contract holds both to one suite.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from msgspec import Struct

from tidemark.errors import TidemarkError
from tidemark.events import LoadedTable
from tidemark_lake.decisions import Decision
from tidemark_lake.files import DataFile


class CopyError(TidemarkError):
    """The warehouse would not load; the message is its own. `unreadable`: it could not read a file at all."""

    def __init__(self, message: str, *, unreadable: bool = False) -> None:
        super().__init__(message)
        self.unreadable = unreadable


class Position(Struct, frozen=True):
    """Where RAW stands with one table: the generation it belongs to and the last run loaded (0: none)."""

    generation: int
    run_seq: int


class AuditLine(Struct, frozen=True, kw_only=True):
    """Something that was done to the table, and who did it or asked for it."""

    actor: str
    action: str
    detail: str


class LedgerEntry(Struct, frozen=True, kw_only=True):
    """One table's part of one run, as the ledger keeps it. `generation`: the newest that the table has seen.

    `audited`: what the audit is to tell of it beside the load.
    """

    dataset: str
    run_id: str
    run_seq: int
    generation: int
    receipt: LoadedTable
    max_ts_ms: int | None
    audited: Sequence[AuditLine] = ()


class Lake(Protocol):
    """The data files of the changes tables."""

    def added_files(self, dataset: str, table: str, snapshot_id: int) -> list[DataFile]:
        """The files that this snapshot of `<table>_changes` added; SnapshotLostError if the snapshot is gone."""

    def all_files(self, dataset: str, table: str, snapshot_id: int) -> list[DataFile]:
        """The files that `<table>_changes` holds as of this snapshot; as `added_files`."""

    def missing(self, dataset: str, table: str, files: Sequence[DataFile]) -> list[str]:
        """Paths among `files` that the store does not hold any more."""


class Decisions(Protocol):
    """What the lake says has been published."""

    def newest(self, dataset: str, after: int = 0) -> Decision | None:
        """The newest decision with a number above `after`."""

    def get(self, dataset: str, number: int) -> Decision | None:
        """Decision `number`, None if it has not been taken."""


class LockedTable(Protocol):
    """One RAW table inside a transaction that holds its lock."""

    @property
    def position(self) -> Position:
        """Where the table stands, read under the lock."""

    def receipt(self, run_id: str) -> LoadedTable | None:
        """What the ledger says this run loaded, None if it has not been here."""

    def replace(self, run_id: str, run_seq: int, files: Sequence[DataFile]) -> Mapping[str, int]:
        """Delete the run's rows, copy the files in; rows loaded by file path. CopyError if it will not."""

    def take_back(self, run_id: str, to_seq: int) -> int:
        """For the rollback `run_id`: delete rows and ledger entries of all runs after `to_seq`; how many rows went."""

    def clear(self, run_id: str) -> int:
        """In the name of `run_id`: delete all rows; how many went. The ledger stays."""

    def record(self, entry: LedgerEntry) -> None:
        """Write the ledger and audit rows and move the table's position to the run."""

    def roll_back(self) -> None:
        """Leave the table as it was."""


class Warehouse(Protocol):
    """RAW. Every method raises Retryable while the warehouse is away or another session holds the lock."""

    def prepare(self, dataset: str, table: str, run_id: str) -> Position:
        """Bring the RAW table and its lock to the registry's shape (each change an audit row); where it stands."""

    def locked(self, table: str) -> AbstractContextManager[LockedTable]:
        """A transaction that holds the table's lock: commits at the end of the block, rolls back if it raises."""

    def receipts(self, dataset: str, run_id: str) -> Iterable[LoadedTable]:
        """What the ledger holds of the run, committed."""


class Ports(Struct, frozen=True):
    """The world as the loader sees it; `clock` counts seconds."""

    lake: Lake
    warehouse: Warehouse
    decisions: Decisions
    clock: Callable[[], float] = time.monotonic
