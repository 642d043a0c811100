"""Mends moto's Glue so that it is fit for an Iceberg catalog.

Stock, UpdateTable ignores VersionId, so that two committers both succeed and one commit is lost. Here it compares and
swaps, as Glue does; SkipArchive drops old versions; databases and tables are kept in the index and read back.
To keep another Glue operation's effect, wrap it in `install` with `_kept`.
"""

import json
import threading
from collections.abc import Callable
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.exceptions import JsonRESTError
from moto.glue.models import FakeDatabase, FakeTable, GlueBackend, glue_backends
from moto.glue.responses import GlueResponse

from tidemark_lab.store_index import Index

REGION = "us-east-1"
_lock = threading.RLock()


def install(index: Index) -> None:
    """Mends the classes and reads back what the index holds."""
    _read_back(index)
    GlueResponse.update_table = _compare_and_swap(index, GlueResponse.update_table)
    for name in ("create_database", "update_database", "delete_database", "create_table", "delete_table"):
        setattr(GlueBackend, name, _kept(index, getattr(GlueBackend, name)))


def _compare_and_swap(index: Index, stock: Callable[..., Any]) -> Callable[..., Any]:
    def update_table(self: GlueResponse) -> Any:
        wanted, database = self.parameters.get("VersionId"), self.parameters["DatabaseName"]
        name = self.parameters["TableInput"]["Name"]
        with _lock:  # compare and swap in one step: the server is threaded
            table = self.glue_backend.get_table(database, name)
            if wanted is not None and str(wanted) != str(table._current_version):
                message = f"Update table failed due to concurrent modifications: {name}"
                raise JsonRESTError("ConcurrentModificationException", message)
            answer = stock(self)
            if self.parameters.get("SkipArchive"):
                table.versions = {str(table._current_version): table.versions[str(table._current_version)]}
            _keep_table(index, database, table)
            return answer

    return update_table


def _kept(index: Index, stock: Callable[..., Any]) -> Callable[..., Any]:
    """Creating and deleting is rare: the whole catalog is compared with what the index holds."""

    def mended(self: GlueBackend, *arguments: Any, **named: Any) -> Any:
        with _lock:
            answer = stock(self, *arguments, **named)
            _keep_all(index, self)
            return answer

    return mended


def _keep_table(index: Index, database: str, table: FakeTable) -> None:
    version = int(table._current_version)
    text = json.dumps(table.versions[str(version)])
    index.execute("INSERT OR REPLACE INTO catalog_table VALUES (?, ?, ?, ?)", database, table.name, version, text)


def _keep_all(index: Index, backend: GlueBackend) -> None:
    for name, database in backend.databases.items():
        index.execute("INSERT OR REPLACE INTO catalog_database VALUES (?, ?)", name, json.dumps(database.input))
        for table in database.tables.values():
            _keep_table(index, name, table)
    for (name,) in index.execute("SELECT name FROM catalog_database"):
        if name not in backend.databases:
            index.execute("DELETE FROM catalog_database WHERE name = ?", name)
    for database_name, name in index.execute("SELECT database, name FROM catalog_table"):
        if database_name not in backend.databases or name not in backend.databases[database_name].tables:
            index.execute("DELETE FROM catalog_table WHERE database = ? AND name = ?", database_name, name)


def _read_back(index: Index) -> None:
    backend = glue_backends[DEFAULT_ACCOUNT_ID][REGION]
    for name, text in index.execute("SELECT name, input FROM catalog_database"):
        backend.databases[name] = FakeDatabase(name, json.loads(text), catalog_id=DEFAULT_ACCOUNT_ID)
    for database, name, version, text in index.execute("SELECT database, name, version, input FROM catalog_table"):
        table = FakeTable(database, name, json.loads(text), catalog_id=DEFAULT_ACCOUNT_ID)
        table._current_version, table.versions = version, {str(version): json.loads(text)}
        backend.databases[database].tables[name] = table
