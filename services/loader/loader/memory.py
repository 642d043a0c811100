"""In-memory twins of the loader's ports; they keep the same promises as the real ones.

A test fills `MemoryLake` with files of rows; `MemoryWarehouse` "copies" from it. `rows`, `ledger` and `audit` are what
was committed.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Condition
from typing import Any

from loader.ports import CopyError, LedgerEntry, Position
from tidemark.errors import Retryable
from tidemark.events import LoadedTable
from tidemark_lake.files import DataFile, SnapshotLostError

Row = Mapping[str, Any]


class MemoryLake:
    """Files by the snapshot that added them (numbers grow); each row carries `_run_id`, as the curated files do."""

    def __init__(self) -> None:
        self.contents: dict[str, list[Row]] = {}
        self.expired: set[int] = set()
        self.off_main: set[int] = set()  # rolled back
        self._added: dict[tuple[str, str, int], list[DataFile]] = {}

    def add(self, dataset: str, table: str, snapshot_id: int, files: Mapping[str, Sequence[Row]]) -> None:
        """Let `snapshot_id` of `<table>_changes` have added these files (path -> rows)."""
        self.contents.update({path: list(rows) for path, rows in files.items()})
        self._added[dataset, table, snapshot_id] = [DataFile(p, len(r), 100 * len(r)) for p, r in sorted(files.items())]

    def added_files(self, dataset: str, table: str, snapshot_id: int) -> list[DataFile]:
        """The files that the snapshot added."""
        if (dataset, table, snapshot_id) not in self._added or snapshot_id in self.expired:
            raise SnapshotLostError(f"snapshot {snapshot_id} of {table}_changes is gone (expired)")
        return self._added[dataset, table, snapshot_id]

    def all_files(self, dataset: str, table: str, snapshot_id: int) -> list[DataFile]:
        """The files that the table holds as of the snapshot: what it and those before it added."""
        self.added_files(dataset, table, snapshot_id)
        mine = {s: files for (d, t, s), files in self._added.items() if (d, t) == (dataset, table)}
        on_main = [s for s in mine if s <= snapshot_id and s not in self.off_main]
        return [file for snapshot in on_main for file in mine[snapshot]]

    def missing(self, dataset: str, table: str, files: Sequence[DataFile]) -> list[str]:
        """Paths whose content is gone."""
        return [file.path for file in files if file.path not in self.contents]


class _MemoryTable:
    """One table inside a transaction: works on copies, which `MemoryWarehouse` takes over at the commit."""

    def __init__(self, lake: MemoryLake, rows: list[Row], ledger: list[LedgerEntry], position: Position) -> None:
        self._lake = lake
        self._before = (list(rows), list(ledger), position)
        self.rows, self.ledger, self.position = list(rows), list(ledger), position
        self.said: list[tuple[str, str]] = []

    def receipt(self, run_id: str) -> LoadedTable | None:
        return next((entry.receipt for entry in self.ledger if entry.run_id == run_id), None)

    def replace(self, run_id: str, run_seq: int, files: Sequence[DataFile]) -> Mapping[str, int]:
        gone = self._lake.missing("", "", files)
        if gone:
            raise CopyError(f"Remote file {gone[0]!r} was not found", unreadable=True)
        self.rows = [row for row in self.rows if row["_run_id"] != run_id]
        loaded = {}
        for file in files:
            found = self._lake.contents[file.path]
            self.rows += [{**row, "_file_name": file.path, "_file_row_number": n} for n, row in enumerate(found, 1)]
            loaded[file.path] = len(found)
        return loaded

    def take_back(self, run_id: str, to_seq: int) -> int:
        before = len(self.rows)
        self.ledger = [entry for entry in self.ledger if entry.run_seq <= to_seq]
        self.rows = [row for row in self.rows if row["_run_seq"] <= to_seq]
        self.said.append((run_id, "take back"))
        return before - len(self.rows)

    def clear(self, run_id: str) -> int:
        before, self.rows = len(self.rows), []
        self.said.append((run_id, "clear"))
        return before

    def record(self, entry: LedgerEntry) -> None:
        self.ledger.append(entry)
        self.position = Position(entry.generation, entry.run_seq)
        self.said.append((entry.run_id, "copy"))

    def roll_back(self) -> None:
        self.rows, self.ledger, self.position = self._before
        self.said.clear()


class _TableLock:
    """Who waits for longer than `silent_seconds` takes the lock from its holder: whoever is so silent is dead."""

    def __init__(self, silent_seconds: float) -> None:
        self._silent_seconds = silent_seconds
        self.changed = Condition()
        self._holder: object | None = None

    def take(self) -> object:
        with self.changed:
            self.changed.wait_for(lambda: self._holder is None, self._silent_seconds)
            self._holder = object()
            return self._holder

    def holds(self, holder: object) -> bool:
        return self._holder is holder

    def release(self, holder: object) -> None:
        with self.changed:
            if self.holds(holder):
                self._holder = None
                self.changed.notify_all()


class MemoryWarehouse:
    """RAW in lists. A second session waits for a table's lock, as it does on Snowflake, and like there a holder that
    has been silent for long is rolled back."""

    def __init__(self, lake: MemoryLake, silent_seconds: float = 60.0) -> None:
        self.audit: list[tuple[str, str, str]] = []  # run, action, table
        self._lake = lake
        self._silent_seconds = silent_seconds
        self._locks: dict[str, _TableLock] = {}
        self._positions: dict[str, Position] = {}
        self._ledgers: dict[str, list[LedgerEntry]] = {}
        self._raw: dict[str, list[Row]] = {}

    def prepare(self, dataset: str, table: str, run_id: str) -> Position:
        """Make the table and its lock if they are not there; a new table begins where its dataset stands."""
        if table not in self._locks:
            last = max((entry.run_seq for entry in self.ledger() if entry.dataset == dataset), default=0)
            self._positions.setdefault(table, Position(0, last))
            self._locks.setdefault(table, _TableLock(self._silent_seconds))
        return self._positions[table]

    @contextmanager
    def locked(self, table: str) -> Iterator[_MemoryTable]:
        """A transaction: taken over at the end of the block, forgotten if it raises."""
        lock = self._locks[table]
        holder = lock.take()
        try:
            raw, ledger = self._raw.get(table, []), self._ledgers.get(table, [])
            work = _MemoryTable(self._lake, raw, ledger, self._positions[table])
            yield work
            with lock.changed:  # nobody takes the lock between the look and the commit
                if not lock.holds(holder):
                    raise Retryable(f"{table}: silent while another session waited for the lock, so rolled back")
                self._raw[table], self._ledgers[table], self._positions[table] = work.rows, work.ledger, work.position
                self.audit += [(run_id, action, table) for run_id, action in work.said]
        finally:
            lock.release(holder)

    def receipts(self, dataset: str, run_id: str) -> list[LoadedTable]:
        """What the ledger holds of the run."""
        return [e.receipt for e in self.ledger() if (e.dataset, e.run_id) == (dataset, run_id)]

    def ledger(self) -> list[LedgerEntry]:
        """The committed ledger of all tables."""
        return [entry for entries in list(self._ledgers.values()) for entry in entries]

    def rows(self, table: str) -> list[Row]:
        """The committed rows of one table."""
        return list(self._raw.get(table, []))
