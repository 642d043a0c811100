"""RAW on Snowflake: one session per table, kept between runs, dropped after any error."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from queue import Empty, LifoQueue

from msgspec.structs import asdict
from snowflake.connector import SnowflakeConnection, errors

from loader.ports import CopyError, LedgerEntry, Position
from tidemark.errors import TypedStop
from tidemark.events import LoadedTable
from tidemark.tables import Registry, Table
from tidemark_lake.files import DataFile
from tidemark_warehouse import Transaction, execute, load, quote, render, transaction
from tidemark_warehouse.raw import fill_defaults, follow_registry

ACTOR = "loader"
FILES_PER_COPY = 1000  # Snowflake takes no more names in FILES
UNREADABLE = 91016  # Snowflake's "Remote file was not found", which it also says of a store that does not answer
_sql = load("loader")
_audit = load("tidemark_warehouse")["audit"]


def utc_now() -> datetime:
    """The wall clock of ledger and audit rows."""
    return datetime.now(UTC).replace(tzinfo=None)


class SnowflakeWarehouse:
    """The Warehouse port. `lake_url` is what the stage OPS.LAKE points at."""

    def __init__(
        self,
        open_session: Callable[[], SnowflakeConnection],
        registry: Registry,
        lake_url: str,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._open_session = open_session
        self._registry = registry
        self._lake_url = lake_url.rstrip("/") + "/"
        self._now = now
        self._idle: LifoQueue[SnowflakeConnection] = LifoQueue()
        self._prepared: set[str] = set()

    def prepare(self, dataset: str, table: str, run_id: str) -> Position:
        """The table, its columns and its lock are made once per process: the registry does not change meanwhile."""
        with self._session() as session:
            if table not in self._prepared:
                self._follow_registry(session, dataset, table, run_id)
                self._prepared.add(table)
            return _position(execute(session, render(_sql["position"], lock=_lock(table))), table)

    @contextmanager
    def locked(self, table: str) -> Iterator["SnowflakeTable"]:
        """A transaction on a session of its own, holding the table's lock from its first statement on."""
        with self._session() as session, transaction(session) as work:
            touched = work.update(render(_sql["take_lock"], lock=_lock(table)))
            if touched != 1:
                raise TypedStop(f"the lock of RAW.{table} has {touched} rows instead of one: drop it, then resume")
            yield SnowflakeTable(work, table, self._registry.tables[table], self._lake_url, self._now)

    def receipts(self, dataset: str, run_id: str) -> list[LoadedTable]:
        """What the ledger holds of the run, committed."""
        with self._session() as session:
            return [
                _receipt(*row) for row in execute(session, _sql["receipts"], {"dataset": dataset, "run_id": run_id})
            ]

    def _follow_registry(self, session: SnowflakeConnection, dataset: str, table: str, run_id: str) -> None:
        by = {"at": self._now(), "run_id": run_id, "actor": ACTOR}
        follow_registry(session, table, self._registry.tables[table], by)
        execute(session, render(_sql["create_lock"], lock=_lock(table)), {"dataset": dataset, "table": table})

    @contextmanager
    def _session(self) -> Iterator[SnowflakeConnection]:
        try:
            session = self._idle.get_nowait()
        except Empty:
            session = self._open_session()
        try:
            yield session
        except BaseException:
            with suppress(errors.Error, OSError):
                session.close(retry=False)
            raise
        self._idle.put(session)


class SnowflakeTable:
    """One RAW table under its lock, inside `work`."""

    def __init__(
        self, work: Transaction, table: str, contract: Table, lake_url: str, now: Callable[[], datetime]
    ) -> None:
        self._work = work
        self._dataset = contract.dataset
        self._table = table
        self._contract = contract
        self._target = quote("raw", table)
        self._lake_url = lake_url
        self._now = now

    @property
    def position(self) -> Position:
        """Where the table stands."""
        return _position(self._work.execute(render(_sql["position"], lock=_lock(self._table))), self._table)

    def receipt(self, run_id: str) -> LoadedTable | None:
        """What the ledger says this run loaded."""
        named = {"dataset": self._dataset, "table": self._table, "run_id": run_id}
        rows = self._work.execute(_sql["receipt"], named)
        return _receipt(*rows[0]) if rows else None

    def replace(self, run_id: str, run_seq: int, files: Sequence[DataFile]) -> Mapping[str, int]:
        """Delete the run's rows, then COPY in batches, and fill in defaults; rows loaded by file path."""
        run = {"run_id": run_id, "run_seq": run_seq}
        self._work.execute(render(_sql["delete_run"], table=self._target), run)
        names = {self._name_in_stage(file.path): file.path for file in files}
        ordered = list(names)
        loaded: dict[str, int] = {}
        for start in range(0, len(ordered), FILES_PER_COPY):
            for name, rows in self._copy(ordered[start : start + FILES_PER_COPY]):
                path = names.get(name, name)
                loaded[path] = loaded.get(path, 0) + rows
        fill_defaults(self._work.execute, self._table, self._contract, lambda said: self._say("fill", said, run_id))
        return loaded

    def take_back(self, run_id: str, to_seq: int) -> int:
        """Delete the rows of all runs after `to_seq`, and their ledger rows; how many rows went, which is audited."""
        named = {"dataset": self._dataset, "table": self._table, "to_seq": to_seq}
        gone = self._work.update(render(_sql["delete_after"], table=self._target), named)
        self._work.execute(_sql["forget_after"], named)
        self._say("take back", f"{gone} rows of the runs after {to_seq}", run_id)
        return gone

    def clear(self, run_id: str) -> int:
        """Delete all rows, to take them anew; how many went, which is audited."""
        gone = self._work.update(render(_sql["delete_after"], table=self._target), {"to_seq": 0})
        self._say("clear", f"{gone} rows, to be taken anew from the lake", run_id)
        return gone

    def record(self, entry: LedgerEntry) -> None:
        """Ledger row, audit row, and the lock row says that the table stands at this run."""
        receipt, now = entry.receipt, self._now()
        counts = {"rows": receipt.rows, "files": receipt.files, "bytes": receipt.bytes, "seconds": receipt.seconds}
        run = {"run_id": entry.run_id, "run_seq": entry.run_seq, "generation": entry.generation}
        named = {"dataset": entry.dataset, "table": receipt.table, "max_ts_ms": entry.max_ts_ms, "at": now}
        self._work.execute(_sql["record"], {**run, **counts, **named})
        self._say("copy", f"{receipt.rows} rows of {receipt.files} files, {receipt.bytes} bytes", entry.run_id)
        about = {"object": f"{entry.dataset}.{receipt.table}", "run_id": entry.run_id, "at": now}
        for line in entry.audited:
            self._work.execute(_audit, {**about, **asdict(line)})
        self._work.execute(render(_sql["move_on"], lock=_lock(self._table)), run)

    def roll_back(self) -> None:
        """Leave the table as it was."""
        self._work.rollback()

    def _say(self, action: str, detail: str, run_id: str) -> None:
        said = {"actor": ACTOR, "action": action, "object": f"RAW.{self._table.upper()}", "at": self._now()}
        self._work.execute(_audit, {**said, "run_id": run_id, "detail": detail})

    def _copy(self, names: Sequence[str]) -> list[tuple[str, int]]:
        """(name in the stage, rows loaded) per file. CopyError if the warehouse will not."""
        try:
            rows = self._work.execute(render(_sql["copy"], table=self._target), {"files": list(names)})
        except errors.Error as error:
            raise CopyError(str(error), unreadable=error.errno == UNREADABLE) from error
        # file, status, rows_parsed, rows_loaded, ...
        return [(self._reported(str(row[0]), names), int(row[3])) for row in rows if len(row) > 3]

    def _name_in_stage(self, path: str) -> str:
        name = path.replace("s3a://", "s3://", 1).removeprefix(self._lake_url)
        if "://" in name:
            raise TypedStop(f"{path} does not lie below the stage's {self._lake_url}: correct TIDEMARK_LAKE_WAREHOUSE")
        return name

    def _reported(self, said: str, names: Sequence[str]) -> str:
        """The name we gave for a file that COPY reports by its URL or by its path in the bucket."""
        name = said.removeprefix(self._lake_url)
        if name in names:
            return name
        folder = self._lake_url.split("://", 1)[1].split("/", 1)[1]
        return name.lstrip("/").removeprefix(folder)


def _lock(table: str) -> tuple[str, str]:
    return ("ops", f"load_lock_{table}")


def _position(rows: Sequence[tuple[int, ...]], table: str) -> Position:
    if len(rows) != 1:
        raise TypedStop(f"the lock of RAW.{table} has {len(rows)} rows instead of one: drop it, then resume")
    return Position(int(rows[0][0]), int(rows[0][1]))


def _receipt(table: str, rows: int, files: int, size: int, seconds: float) -> LoadedTable:
    return LoadedTable(table=table, rows=int(rows), files=int(files), bytes=int(size), seconds=float(seconds))
