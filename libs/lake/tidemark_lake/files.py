"""The data files that one snapshot added: what the loader copies, and nothing else.

A later compaction writes new files without new rows; they carry another snapshot's id and never show up here.
"""

from msgspec import Struct
from pyiceberg.manifest import DataFileContent, ManifestEntryStatus
from pyiceberg.table import Table

from tidemark.errors import TypedStop


class DataFile(Struct, frozen=True):
    """A data file: its URI, its rows and its size in bytes."""

    path: str
    rows: int
    bytes: int


def added_files(table: Table, snapshot_id: int) -> list[DataFile]:
    """The data files that `snapshot_id` itself added, by path. TypedStop if the snapshot has been expired."""
    snapshot = table.snapshot_by_id(snapshot_id)
    if snapshot is None:
        raise TypedStop(f"snapshot {snapshot_id} of {'.'.join(table.name())} is gone (expired); ask for a rebuild")
    found = []
    for manifest in snapshot.manifests(table.io):
        if manifest.added_snapshot_id != snapshot_id:
            continue
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
            file = entry.data_file
            ours = entry.status == ManifestEntryStatus.ADDED and entry.snapshot_id == snapshot_id
            if ours and file.content == DataFileContent.DATA:
                found.append(DataFile(file.file_path, file.record_count, file.file_size_in_bytes))
    return sorted(found, key=lambda file: file.path)
