"""Sessions of the warehouse: connect, execute, transactions, and which errors are outages.

Every vendor error that a later try can heal leaves this module as `Retryable`; what the warehouse refuses for good
stays the connector's ProgrammingError, for the caller to judge. A newly seen outage is added to the tables below.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import snowflake.connector
from snowflake.connector import SnowflakeConnection, errors

from tidemark.errors import Retryable

Row = tuple[Any, ...]
Parameters = dict[str, Any]

TRANSIENT_CLASSES = (
    errors.OperationalError,
    errors.InterfaceError,
    errors.HttpError,
    errors.InternalServerError,
    errors.ServiceUnavailableError,
    errors.GatewayTimeoutError,
    errors.BadGatewayError,
    errors.RequestTimeoutError,
    errors.TooManyRequests,
    errors.OtherHTTPRetryableError,
    errors.RequestExceedMaxRetryError,
    errors.TokenExpiredError,
    ConnectionError,
    TimeoutError,
)
# SQLSTATE: connection lost; serialisation failure and deadlock; cancelled by a time-out or by too many lock waiters.
TRANSIENT_STATES = ("08", "40", "57")
TRANSIENT_TEXTS = (
    "transaction conflict",
    "conflict on update",
    "conflict on tuple deletion",
    "write-write conflict",
    "current transaction is aborted",
    "has locked table",
    "deadlock",
)
# UTC, because metadata columns take the session's zone. A dead session's transaction is aborted after five minutes in
# which it blocks another one, so waiting for a lock lasts longer than that. A statement may take an hour; by itself the
# warehouse would stop it after two days.
SESSION_PARAMETERS = {
    "TIMEZONE": "UTC",
    "LOCK_TIMEOUT": 900,
    "STATEMENT_TIMEOUT_IN_SECONDS": 3600,
    "CLIENT_TELEMETRY_ENABLED": False,
}
# Before each login the connector asks six metadata services of clouds where it runs, only to report it: up to 0.2 s and
# an AWS client a session. dbt's sessions in the same process read this too.
os.environ.setdefault("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")
CONNECTION_CLOSED = {250001, 250002, 250003, 390111, 390112, 390114}


class WarehouseSettings(Protocol):
    """What connect() needs; SnowflakeSettings has it."""

    def connect_arguments(self) -> dict[str, Any]:
        """Keyword arguments for the connector."""


def connect(settings: WarehouseSettings, query_tag: str = "tidemark") -> SnowflakeConnection:
    """A session with autocommit on; `query_tag` marks its cost. Retryable if the warehouse is away."""
    logging.getLogger("snowflake.connector").setLevel(logging.ERROR)
    arguments = {"application": "tidemark", **settings.connect_arguments()}
    own = arguments.pop("session_parameters", {})
    parameters = {**SESSION_PARAMETERS, "QUERY_TAG": query_tag, **own}
    with outages():
        return snowflake.connector.connect(**arguments, session_parameters=parameters)


def is_transient(error: BaseException) -> bool:
    """Whether the same statement may succeed later."""
    if isinstance(error, TRANSIENT_CLASSES):
        return True
    if not isinstance(error, errors.Error):
        return False
    text = str(error).lower()
    return (
        (error.sqlstate or "").startswith(TRANSIENT_STATES)
        or error.errno in CONNECTION_CLOSED
        or any(part in text for part in TRANSIENT_TEXTS)
    )


@contextmanager
def outages() -> Iterator[None]:
    """Turn the transient errors of what runs inside into Retryable."""
    try:
        yield
    except (errors.Error, ConnectionError, TimeoutError) as error:
        if not is_transient(error):
            raise
        raise Retryable(f"the warehouse is away or busy: {error}") from error


def execute(connection: SnowflakeConnection, statement: str, parameters: Parameters | None = None) -> list[Row]:
    """Run one statement, values bound by name, and fetch all its rows. Retryable on an outage."""
    with outages(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [tuple(row) for row in cursor.fetchall()]


def execute_many(connection: SnowflakeConnection, statement: str, rows: Sequence[Parameters]) -> None:
    """Run one INSERT for many rows in one request. Retryable on an outage."""
    if rows:
        with outages(), connection.cursor() as cursor:
            cursor.executemany(statement, rows)


class Transaction:
    """An open transaction of one session. `rollback()` ends it early; else leaving the block commits it."""

    def __init__(self, connection: SnowflakeConnection) -> None:
        self.connection = connection
        self.is_open = True

    def execute(self, statement: str, parameters: Parameters | None = None) -> list[Row]:
        """Run one statement inside and fetch its rows. Retryable on an outage."""
        return execute(self.connection, statement, parameters)

    def update(self, statement: str, parameters: Parameters | None = None) -> int:
        """Run one DML statement inside; the number of rows it touched. Retryable on an outage."""
        with outages(), self.connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.rowcount or 0

    def rollback(self) -> None:
        """Give up what was done; the block may go on and leaves nothing behind."""
        self.is_open = False
        execute(self.connection, "ROLLBACK")


@contextmanager
def transaction(connection: SnowflakeConnection) -> Iterator[Transaction]:
    """BEGIN, then COMMIT; ROLLBACK if the block raises. A lost session's transaction ends with the session."""
    execute(connection, "BEGIN")
    work = Transaction(connection)
    try:
        yield work
    except BaseException:
        if work.is_open:
            with suppress(Retryable, errors.Error):
                work.rollback()
        raise
    if work.is_open:
        execute(connection, "COMMIT")
