"""What the lab's object store and catalog keep on disk: one SQLite file and one folder of object bytes.

It survives the death of the process at any point: bytes are written before the row that names them, the row is
committed before the request is acknowledged, and files that no row names are swept at the next start. It does not wait
for the disk (a power cut may cost the newest objects). To keep another kind of thing, add a table to `SCHEMA`.
"""

import itertools
import json
import sqlite3
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS bucket (name TEXT PRIMARY KEY, region TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS object (bucket TEXT, key TEXT, file TEXT NOT NULL, etag TEXT NOT NULL,
    bytes INTEGER NOT NULL, modified REAL NOT NULL, metadata TEXT NOT NULL, PRIMARY KEY (bucket, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS catalog_database (name TEXT PRIMARY KEY, input TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS catalog_table (database TEXT, name TEXT, version INTEGER NOT NULL, input TEXT NOT NULL,
    PRIMARY KEY (database, name)) WITHOUT ROWID;
"""
GRACE_SECONDS = 60.0  # a reader that has found an object may still be about to open the bytes that were replaced


class Index:
    """The rows and the folder. Every method is safe to call from any thread."""

    def __init__(self, home: Path) -> None:
        self.objects = home / "objects"
        self.objects.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(home / "store.db", check_same_thread=False, isolation_level=None)
        self._connection.executescript(SCHEMA)
        self._names = itertools.count()
        self._born = f"{time.time_ns():x}"
        self._replaced: deque[tuple[float, Path]] = deque()
        self._sweep()

    def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Runs one statement in its own transaction and returns its rows."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def put_object(self, bucket: str, key: str, value: bytes, etag: str, modified: float) -> Path:
        """Keeps an object in place of what stood under its key; returns the file with its bytes."""
        file = self.objects / f"{self._born}-{next(self._names):x}"
        file.write_bytes(value)
        with self._lock:
            self._retire(bucket, key)
            self.execute(
                "INSERT OR REPLACE INTO object VALUES (?, ?, ?, ?, ?, ?, '{}')",
                *(bucket, key, file.name, etag, len(value), modified),
            )
        return file

    def set_metadata(self, bucket: str, key: str, metadata: dict[str, Any]) -> None:
        """Keeps an object's headers."""
        self.execute("UPDATE object SET metadata = ? WHERE bucket = ? AND key = ?", json.dumps(metadata), bucket, key)

    def delete_object(self, bucket: str, key: str) -> None:
        """Forgets an object."""
        with self._lock:
            self._retire(bucket, key)
            self.execute("DELETE FROM object WHERE bucket = ? AND key = ?", bucket, key)

    def _retire(self, bucket: str, key: str) -> None:
        for (name,) in self.execute("SELECT file FROM object WHERE bucket = ? AND key = ?", bucket, key):
            self._replaced.append((time.monotonic(), self.objects / name))
        while self._replaced and self._replaced[0][0] < time.monotonic() - GRACE_SECONDS:
            self._replaced.popleft()[1].unlink(missing_ok=True)

    def _sweep(self) -> None:
        named = {name for (name,) in self.execute("SELECT file FROM object")}
        for file in self.objects.iterdir():
            if file.name not in named:
                file.unlink()
