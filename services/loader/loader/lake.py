"""The changes tables' files through the catalog."""

from collections.abc import Callable, Sequence

from pyiceberg.catalog import Catalog
from pyiceberg.table import Table

from tidemark.errors import Retryable, TypedStop
from tidemark.tables import Registry
from tidemark_lake.catalog import load_table
from tidemark_lake.files import DataFile, added_files, all_files
from tidemark_lake.standing import curated_name

Named = Callable[[Table, int], list[DataFile]]


class IcebergLake:
    """`<curated namespace>.<table>_changes` of the registry's datasets."""

    def __init__(self, catalog: Catalog, registry: Registry) -> None:
        self._catalog = catalog
        self._registry = registry

    def added_files(self, dataset: str, table: str, snapshot_id: int) -> list[DataFile]:
        """The files that this snapshot added; SnapshotLostError if it is gone, TypedStop if the table is."""
        return self._files(dataset, table, snapshot_id, added_files)

    def all_files(self, dataset: str, table: str, snapshot_id: int) -> list[DataFile]:
        """The files that this snapshot holds; as `added_files`."""
        return self._files(dataset, table, snapshot_id, all_files)

    def _files(self, dataset: str, table: str, snapshot_id: int, named: Named) -> list[DataFile]:
        try:
            return named(self._changes(dataset, table), snapshot_id)
        except FileNotFoundError as error:
            raise TypedStop(
                f"{table}_changes has lost its metadata: {error}; restore it or ask for a rebuild"
            ) from error
        except OSError as error:
            raise Retryable(f"the lake does not answer for {table}_changes: {error}") from error

    def missing(self, dataset: str, table: str, files: Sequence[DataFile]) -> list[str]:
        """Paths that the store does not hold any more; Retryable if it does not answer."""
        io = self._changes(dataset, table).io
        try:
            return [file.path for file in files if not io.new_input(file.path).exists()]
        except OSError as error:
            raise Retryable(f"the lake does not answer for the files of {table}: {error}") from error

    def _changes(self, dataset: str, table: str) -> Table:
        name = curated_name(self._registry, dataset, table, "changes")
        found = load_table(self._catalog, name)
        if found is None:
            raise TypedStop(f"{name} is gone from the catalog; restore it or ask for a rebuild")
        return found
