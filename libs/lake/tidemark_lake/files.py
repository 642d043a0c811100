"""The data files that one snapshot added, which is what the loader copies, or all that a snapshot holds.

A later compaction writes new files without new rows; they carry another snapshot's id and never count as added.
"""

from msgspec import Struct
from pyiceberg.manifest import DataFile as IcebergFile
from pyiceberg.manifest import DataFileContent, ManifestEntryStatus
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from tidemark.errors import TypedStop


class DataFile(Struct, frozen=True):
    """A data file: its URI, its rows and its size in bytes."""

    path: str
    rows: int
    bytes: int


class SnapshotLostError(TypedStop):
    """The snapshot has been expired: its rows stand in a newer one, but which of them were its own is not told."""


def added_files(table: Table, snapshot_id: int) -> list[DataFile]:
    """The data files that `snapshot_id` itself added, by path. SnapshotLostError if it has been expired."""
    found = []
    for manifest in _snapshot(table, snapshot_id).manifests(table.io):
        if manifest.added_snapshot_id != snapshot_id:
            continue
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
            ours = entry.status == ManifestEntryStatus.ADDED and entry.snapshot_id == snapshot_id
            if ours and entry.data_file.content == DataFileContent.DATA:
                found.append(_described(entry.data_file))
    return sorted(found, key=lambda file: file.path)


def all_files(table: Table, snapshot_id: int) -> list[DataFile]:
    """All data files of an append-only table as of a snapshot, by path. SnapshotLostError if it has been expired."""
    manifests = _snapshot(table, snapshot_id).manifests(table.io)
    entries = [entry for manifest in manifests for entry in manifest.fetch_manifest_entry(table.io)]
    return sorted((_described(entry.data_file) for entry in entries), key=lambda file: file.path)


def _snapshot(table: Table, snapshot_id: int) -> Snapshot:
    snapshot = table.snapshot_by_id(snapshot_id)
    if snapshot is None:
        raise SnapshotLostError(f"snapshot {snapshot_id} of {'.'.join(table.name())} is gone (expired)")
    return snapshot


def _described(file: IcebergFile) -> DataFile:
    return DataFile(file.file_path, file.record_count, file.file_size_in_bytes)
