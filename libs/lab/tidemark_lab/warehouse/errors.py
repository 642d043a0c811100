"""The errors that the emulator answers with: always SQL errors, with Snowflake's number where it has one."""

import duckdb
from snowflake.connector.errors import ProgrammingError

LOCK_ERRNO = 625
UNSUPPORTED_ERRNO = 2  # Snowflake's "Unsupported feature"
MISSING_FILE_ERRNO = 91016


def lock_error(reason: str) -> ProgrammingError:
    """A statement lost against another transaction: roll back and begin the transaction again."""
    return ProgrammingError(msg=f"lock not acquired: {reason}", errno=LOCK_ERRNO, sqlstate="57014")


def unsupported(reason: str) -> ProgrammingError:
    return ProgrammingError(
        msg=f"Unsupported in the lab's warehouse: {reason}", errno=UNSUPPORTED_ERRNO, sqlstate="0A000"
    )


# The first that fits; the connector makes a ProgrammingError of each.
KNOWN_ERRORS: tuple[tuple[type[Exception], int, str], ...] = (
    (duckdb.TransactionException, LOCK_ERRNO, "57014"),
    (duckdb.IOException, MISSING_FILE_ERRNO, "22000"),
    (FileNotFoundError, MISSING_FILE_ERRNO, "22000"),
    (duckdb.ConstraintException, 100072, "22000"),
    (duckdb.ParserException, 1003, "42000"),
    (duckdb.CatalogException, 2003, "42S02"),
    (duckdb.BinderException, 904, "42000"),
    (duckdb.DataError, 100038, "22018"),
)


def sql_error(error: Exception) -> ProgrammingError:
    """The SQL error for whatever went wrong below; the connector retries an HTTP 500 for ever, an SQL error never."""
    text = f"{type(error).__name__}: {str(error)[:400]}"
    for kind, errno, sqlstate in KNOWN_ERRORS:
        if isinstance(error, kind):
            return ProgrammingError(msg=text, errno=errno, sqlstate=sqlstate)
    return unsupported(text)
