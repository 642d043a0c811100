"""The Iceberg catalog (Glue) as the services read it.

`open_catalog` takes LakeSettings.catalog_properties(); `load_table` is the one way to a table: outages are tried again
for a few seconds and then leave as Retryable. `pointers` tells with one call which tables have moved.
"""

from collections.abc import Mapping

from botocore.exceptions import BotoCoreError, ClientError
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import Table
from tenacity import RetryError, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from tidemark.errors import Retryable

_NO_NAMESPACE = "EntityNotFoundException"
_THROTTLED = frozenset({"ThrottlingException", "InternalServiceException", "OperationTimeoutException", "SlowDown"})


def open_catalog(properties: Mapping[str, str], name: str = "lake") -> Catalog:
    """The catalog; nothing is asked of it yet."""
    return load_catalog(name, **properties)


def is_transient(error: BaseException) -> bool:
    """Whether the same request can succeed a moment later: no connection, a timeout, throttling."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or error.response.get("Error", {}).get("Code") in _THROTTLED
    return isinstance(error, BotoCoreError | OSError)


def load_table(catalog: Catalog, identifier: str) -> Table | None:
    """The table as it is now, None if the catalog has none of that name. Raises Retryable when the lake is away."""
    attempts = Retrying(
        retry=retry_if_exception(is_transient),
        stop=stop_after_attempt(3),
        wait=wait_exponential_jitter(multiplier=0.2, max=2),
    )
    try:
        return attempts(catalog.load_table, identifier)
    except NoSuchTableError:
        return None
    except RetryError as error:
        raise Retryable(f"the catalog did not answer for {identifier}: {error.last_attempt.exception()}") from error


def glue_catalog(catalog: Catalog) -> GlueCatalog:
    """The catalog, known to be Glue: pointers and publishing commits are asked of Glue itself."""
    if not isinstance(catalog, GlueCatalog):
        raise TypeError(f"the lake's catalog is Glue, not {type(catalog).__name__}")
    return catalog


def pointers(catalog: GlueCatalog, namespace: str) -> dict[str, str]:
    """Where the metadata of each Iceberg table of the namespace lies now, by table name; {} without the namespace.

    One call for a hundred tables. Raises Retryable when the catalog is away.
    """
    try:
        pages = catalog.glue.get_paginator("get_tables").paginate(DatabaseName=namespace)
        tables = [table for page in pages for table in page["TableList"]]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == _NO_NAMESPACE:
            return {}
        raise Retryable(f"the catalog did not list {namespace}: {error}") from error
    except BotoCoreError as error:
        raise Retryable(f"the catalog did not list {namespace}: {error}") from error
    found = {table["Name"]: table.get("Parameters", {}).get("metadata_location") for table in tables}
    return {name: place for name, place in found.items() if place}
