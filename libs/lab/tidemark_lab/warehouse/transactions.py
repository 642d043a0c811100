"""Mends of transactions: locks, what a statement sees, DDL, and what is left after an error.

DuckDB gives every transaction one snapshot and answers a conflict with an error; Snowflake lets the second one wait
and shows each statement what has been committed before it (READ COMMITTED). Here UPDATE, DELETE, MERGE and TRUNCATE
lock their table until the transaction ends, as in Snowflake (INSERT and COPY do not), and a transaction that has
written nothing yet gets a new snapshot for each statement. From its first write on it keeps its snapshot.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from weakref import WeakKeyDictionary

import duckdb
from fakesnow.conn import FakeSnowflakeConnection
from fakesnow.cursor import FakeSnowflakeCursor
from sqlglot import exp

from tidemark_lab.warehouse.errors import lock_error, sql_error
from tidemark_lab.warehouse.locks import Locks, Session

LOCKING = (exp.Update, exp.Delete, exp.Merge, exp.TruncateTable)
WRITING = (*LOCKING, exp.Insert, exp.Copy)
DEFINING = (exp.Create, exp.Drop, exp.Alter, exp.Comment)
METADATA_MARKS = ("create_stage_name", "create_file_format_name", "create_db_name", "table_comment")
TABLE_KINDS = ("TABLE", "VIEW")

_defining = threading.Lock()  # DuckDB answers two definitions at once with a conflict
_sessions: WeakKeyDictionary[FakeSnowflakeConnection, Session] = WeakKeyDictionary()


def waiting_transactions(locks: Locks) -> None:
    """Quirk: two transactions that change one row end in an error or HTTP 500 instead of one waiting for the other."""
    stock = FakeSnowflakeCursor._execute

    def execute(self: FakeSnowflakeCursor, transformed: exp.Expression, params: Any = None) -> None:
        session = session_of(self._conn)
        with session.statement:
            try:
                _before(locks, session, self, transformed)
                with _around(session, self._duck_conn, transformed):
                    stock(self, transformed, params)
                session.wrote = session.wrote or (session.open and is_write(transformed))
            except duckdb.Error as error:
                _after_error(session, self._duck_conn, is_write(transformed))
                raise sql_error(error) from error
            except Exception:
                _after_error(session, self._duck_conn, is_write(transformed))
                raise
            finally:
                _after(locks, session, transformed)

    FakeSnowflakeCursor._execute = execute


def _around(
    session: Session, connection: duckdb.DuckDBPyConnection, statement: exp.Expression
) -> AbstractContextManager[object]:
    if is_definition(statement):
        return _defining
    return _one_transaction(connection) if isinstance(statement, exp.Copy) and not session.open else nullcontext()


@contextmanager
def _one_transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Quirk: outside BEGIN, a COPY that fails on its second file keeps the first."""
    connection.begin()
    try:
        yield
    except BaseException:
        _rollback(connection)
        raise
    connection.commit()


def session_of(connection: FakeSnowflakeConnection) -> Session:
    if connection not in _sessions:
        _sessions[connection] = Session(rollback=lambda: _rollback(connection._duck_conn))
    return _sessions[connection]


def close_session(locks: Locks, connection: FakeSnowflakeConnection) -> None:
    """The client has said goodbye: what it had open is rolled back."""
    session = session_of(connection)
    with session.statement:
        _rollback(connection._duck_conn)
        locks.release(session)
        connection.close()


def _before(locks: Locks, session: Session, cursor: FakeSnowflakeCursor, statement: exp.Expression) -> None:
    connection = cursor._duck_conn
    session.open = session.open or not cursor._conn._autocommit
    if session.broken and not isinstance(statement, exp.Rollback):
        reason = session.broken
        if isinstance(statement, exp.Commit):
            _rollback(connection)
            session.end()
        raise lock_error(f"the transaction cannot go on ({reason}); ROLLBACK and begin again")
    if is_definition(statement) and session.open:  # DDL commits what is open
        _commit(connection)
        locks.release(session)
        session.end()
    for table in locked_tables(statement, cursor._conn):
        locks.acquire(session, table)
    if session.open and not session.wrote and not is_ending(statement):
        _rollback(connection)  # nothing was written: only the snapshot is renewed
        connection.execute("BEGIN TRANSACTION")


def _after(locks: Locks, session: Session, statement: exp.Expression) -> None:
    if isinstance(statement, exp.Transaction):
        session.open = True
    elif isinstance(statement, exp.Commit | exp.Rollback):
        session.end()
    if not session.open:
        locks.release(session)
    session.last_used = time.monotonic()


def _after_error(session: Session, connection: duckdb.DuckDBPyConnection, wrote: bool) -> None:
    """After an error DuckDB may refuse all but ROLLBACK. When nothing is lost by it, the transaction goes on afresh."""
    if not session.open or _usable(connection):
        return
    if session.wrote:
        session.broken = "an earlier statement failed"
        return
    _rollback(connection)
    connection.execute("BEGIN TRANSACTION")


def _usable(connection: duckdb.DuckDBPyConnection) -> bool:
    try:
        connection.execute("SELECT 1")
    except duckdb.Error:
        return False
    return True


def _commit(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.commit()
    except duckdb.TransactionException as error:
        if "no transaction is active" not in str(error):
            raise


def _rollback(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.rollback()
    except (duckdb.TransactionException, duckdb.ConnectionException):
        return  # nothing was open


def is_ending(statement: exp.Expression) -> bool:
    return isinstance(statement, exp.Commit | exp.Rollback | exp.Transaction)


def is_definition(statement: exp.Expression) -> bool:
    return isinstance(statement, DEFINING) or any(statement.args.get(mark) for mark in METADATA_MARKS)


def is_write(statement: exp.Expression) -> bool:
    return isinstance(statement, WRITING) and not is_definition(statement)


def _defines_table(statement: exp.Expression) -> bool:
    return isinstance(statement, DEFINING) and str(statement.args.get("kind")).upper() in TABLE_KINDS


def locked_tables(statement: exp.Expression, connection: FakeSnowflakeConnection) -> list[str]:
    """The qualified names of the tables that the statement must have for itself."""
    if isinstance(statement, exp.TruncateTable):
        targets = statement.expressions
    elif isinstance(statement, LOCKING) or _defines_table(statement):
        targets = [statement.this.this if isinstance(statement.this, exp.Schema) else statement.this]
    else:
        return []
    tables = [target for target in targets if isinstance(target, exp.Table)]
    return sorted(f"{t.catalog or connection.database}.{t.db or connection.schema}.{t.name}".upper() for t in tables)
