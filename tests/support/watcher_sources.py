"""One source table, `users` of the dataset `shop`, as its owners and other people treat it: real, and as a twin.

Every verb that commits returns the snapshot that it left as the table's current one.
"""

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Protocol

import pyarrow as pa
from lab_parts import catalog_of
from pyiceberg.catalog import Catalog
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Operation, Summary
from pyiceberg.table.update import RemoveSchemasUpdate
from pyiceberg.table.update.schema import UpdateSchema
from pyiceberg.table.update.snapshot import _OverwriteFiles
from pyiceberg.types import LongType, StringType
from watcher_world import SHOP

from ingest_watcher.glue import GlueSource
from ingest_watcher.memory import MemorySource
from ingest_watcher.ports import Columns, History, Snapshot, Source, SourceColumn
from tidemark.settings import LakeSettings

DATASET, TABLE = "shop", "users"
_times = count(1_000)


class Bench(Protocol):
    """What happens to a source table. A branch is made from main by its first commit."""

    source: Source

    def create(self) -> None: ...

    def drop(self) -> None: ...

    def append(self, *ids: int, branch: str = "main") -> int: ...

    def compact(self) -> int: ...

    def delete(self, row: int, *, whole_file: bool) -> int: ...

    def roll_back(self, snapshot: int) -> int: ...

    def expire(self, *snapshots: int) -> None: ...

    def fast_forward(self, branch: str) -> int: ...

    def alter(self, *changes: str) -> None:
        """All in one change of the schema, in words of `CHANGES`."""

    def forget_schema(self, schema_id: int) -> None: ...


CHANGES: dict[str, Callable[[UpdateSchema], Any]] = {
    "widen id": lambda update: update.update_column("id", LongType()),
    "add note": lambda update: update.add_column("note", StringType()),
    "drop note": lambda update: update.delete_column("note"),
    "rename note": lambda update: update.rename_column("note", "remark"),
    "note first": lambda update: update.move_first("note"),
    "id required": lambda update: update.update_column("id", required=True),
    "id nullable": lambda update: update.update_column("id", required=False),
}


def _altered(columns: Columns, change: str, new_id: int) -> Columns:
    """What the twin's columns are after a change in words of `CHANGES`."""
    ids = {column.name: field_id for field_id, column in columns.items()}
    match change:
        case "add note":
            return {**columns, new_id: SourceColumn("note", "string", True)}
        case "drop note":
            return {field_id: column for field_id, column in columns.items() if column.name != "note"}
        case "note first":
            return {ids["note"]: columns[ids["note"]], **columns}
        case "rename note":
            return {**columns, ids["note"]: SourceColumn("remark", "string", True)}
        case "widen id":
            return {**columns, ids["id"]: SourceColumn("id", "long", columns[ids["id"]].nullable)}
        case _:
            return {**columns, ids["id"]: SourceColumn("id", columns[ids["id"]].type, change == "id nullable")}


class MemoryBench:
    """The twin: Iceberg's metadata in a few dictionaries."""

    def __init__(self) -> None:
        self.source = MemorySource()
        self._snapshots: dict[int, Snapshot] = {}
        self._ids, self._uuids = count(1), count(1)
        self.create()

    def create(self) -> None:
        self._uuid = f"uuid-{next(self._uuids)}"
        self._snapshots, self._refs = {}, dict[str, int]()
        self._schemas = {0: {1: SourceColumn("id", "int", True)}}
        self._fields = count(2)
        self._put()

    def drop(self) -> None:
        self.source.drop(DATASET, TABLE)

    def append(self, *ids: int, branch: str = "main") -> int:
        self._commit("append", len(ids), 1 if ids else 0, branch)
        return self._refs["main"]

    def compact(self) -> int:
        return self._commit("replace", 1, 1)

    def delete(self, row: int, *, whole_file: bool) -> int:
        return self._commit("delete" if whole_file else "overwrite", 0 if whole_file else 1, 0 if whole_file else 1)

    def roll_back(self, snapshot: int) -> int:
        self._refs["main"] = snapshot
        return self._put()

    def expire(self, *snapshots: int) -> None:
        for snapshot in snapshots:
            del self._snapshots[snapshot]
        self._put()

    def fast_forward(self, branch: str) -> int:
        return self.roll_back(self._refs[branch])

    def alter(self, *changes: str) -> None:
        columns = self._schemas[max(self._schemas)]
        for change in changes:
            columns = _altered(columns, change, next(self._fields))
        self._schemas[max(self._schemas) + 1] = columns
        self._put()

    def forget_schema(self, schema_id: int) -> None:
        del self._schemas[schema_id]
        self._put()

    def _commit(self, operation: str, rows: int, files: int, branch: str = "main") -> int:
        parent = self._refs.get(branch, self._refs.get("main"))
        number = next(self._ids)
        self._snapshots[number] = Snapshot(
            snapshot_id=number,
            parent_id=parent,
            operation=operation,
            committed_at_ms=next(_times),
            rows=rows,
            files=files,
            schema_id=max(self._schemas),
        )
        self._refs[branch] = number
        return self._put()

    def _put(self) -> int:
        current = self._refs.get("main")
        snapshots, schemas = dict(self._snapshots), dict(self._schemas)
        history = History(uuid=self._uuid, current=current, snapshots=snapshots, schemas=schemas)
        self.source.put(DATASET, TABLE, history)
        return current or 0


class GlueBench:
    """The real one: commits that pyiceberg writes to the lab's store."""

    def __init__(self, settings: LakeSettings) -> None:
        self.catalog: Catalog = catalog_of(settings.catalog_properties())
        self.source = GlueSource(self.catalog, SHOP)
        self.catalog.create_namespace_if_not_exists(SHOP.datasets[DATASET].source)
        if self.catalog.table_exists(self._name):
            self.drop()
        self.create()

    _name = f"{SHOP.datasets[DATASET].source}.{TABLE}"

    @property
    def table(self) -> Table:
        """The table as it is now."""
        return self.catalog.load_table(self._name)

    def create(self) -> None:
        self.catalog.create_table(self._name, pa.schema([pa.field("id", pa.int32())]))

    def drop(self) -> None:
        self.catalog.drop_table(self._name)

    def append(self, *ids: int, branch: str = "main") -> int:
        table = self.table
        main = table.current_snapshot()
        if main is not None and branch not in table.refs():
            table.manage_snapshots().create_branch(main.snapshot_id, branch).commit()
        first = table.schema().find_column_name(1)
        rows = pa.Table.from_pylist([{first: number} for number in ids], schema=table.schema().as_arrow())
        table.append(rows, branch=branch)
        return self._current()

    def compact(self) -> int:
        """All data files become the first one's rows in one; the snapshot says `replace`, as a compaction's does."""
        table = self.table
        files = [task.file for task in table.scan().plan_files()]
        with table.transaction() as transaction:
            rewrite = _Rewrite(operation=Operation.OVERWRITE, transaction=transaction, io=table.io)
            for file in files:
                rewrite.delete_data_file(file)
            rewrite.append_data_file(_copied(table, files[0]))
            rewrite.commit()
        return self._current()

    def delete(self, row: int, *, whole_file: bool) -> int:
        """Delete a row: with its whole file if it has one of its own, else the file is written anew without it."""
        self.table.delete(f"id = {row}")
        operation = {True: Operation.DELETE, False: Operation.OVERWRITE}[whole_file]
        summary = self.table.current_snapshot().summary  # type: ignore[union-attr]
        assert summary is not None
        assert summary.operation == operation
        return self._current()

    def roll_back(self, snapshot: int) -> int:
        self.table.manage_snapshots().rollback_to_snapshot(snapshot).commit()
        return self._current()

    def expire(self, *snapshots: int) -> None:
        self.table.maintenance.expire_snapshots().by_ids(list(snapshots)).commit()

    def fast_forward(self, branch: str) -> int:
        self.table.manage_snapshots().set_current_snapshot(ref_name=branch).commit()
        return self._current()

    def alter(self, *changes: str) -> None:
        with self.table.update_schema(allow_incompatible_changes=True) as update:
            for change in changes:
                CHANGES[change](update)

    def forget_schema(self, schema_id: int) -> None:
        with self.table.transaction() as transaction:
            transaction._apply((RemoveSchemasUpdate(schema_ids=[schema_id]),))

    def _current(self) -> int:
        snapshot = self.table.current_snapshot()
        return snapshot.snapshot_id if snapshot else 0


class _Rewrite(_OverwriteFiles):
    """pyiceberg writes no `replace` snapshots itself."""

    def _summary(self, snapshot_properties: Mapping[str, str] = {}) -> Summary:
        written: Any = super()._summary(dict(snapshot_properties))
        return Summary(Operation.REPLACE, **written.additional_properties)


def _copied(table: Table, file: DataFile) -> DataFile:
    """The same rows in a file of another name."""
    place = file.file_path.replace(".parquet", "-compacted.parquet")
    with table.io.new_input(file.file_path).open() as source, table.io.new_output(place).create() as target:
        target.write(source.read())
    copy = DataFile.from_args(**{name: getattr(file, name) for name in _FIELDS}, file_path=place)
    copy.spec_id = file.spec_id
    return copy


_FIELDS = ("content", "file_format", "partition", "record_count", "file_size_in_bytes", "column_sizes", "value_counts",
           "null_value_counts", "nan_value_counts", "lower_bounds", "upper_bounds", "split_offsets")  # fmt: skip
