"""What the watcher needs of the world: the source's commits, the lake's decisions and tables, and its own memory."""

from typing import Protocol

from msgspec import Struct

from tidemark.events import WatcherState
from tidemark_lake.decisions import Decision


class Snapshot(Struct, frozen=True, kw_only=True):
    """One commit of a source table. `operation` is Iceberg's: append, replace, overwrite, delete."""

    snapshot_id: int
    parent_id: int | None
    operation: str
    committed_at_ms: int
    rows: int
    files: int
    schema_id: int | None = None


class SourceColumn(Struct, frozen=True):
    """A column of a source table, written as `name type`, with a `?` behind the type if it is nullable."""

    name: str
    type: str
    nullable: bool

    @property
    def written(self) -> str:
        """Its type as people read it."""
        return f"{self.type}{'?' if self.nullable else ''}"

    def __str__(self) -> str:
        return f"{self.name} {self.written}"


Columns = dict[int, SourceColumn]  # in their order, by Iceberg's field id, which outlives a name and a place


class History(Struct, frozen=True, kw_only=True):
    """A source table's commits, and its columns by schema id, as its metadata holds them now."""

    uuid: str
    current: int | None
    snapshots: dict[int, Snapshot]
    schemas: dict[int, Columns]


class Source(Protocol):
    """The source's change logs in the catalog."""

    def pointers(self, dataset: str) -> dict[str, str]:
        """Metadata pointer of each table that exists; cheap enough for every poll."""

    def history(self, dataset: str, table: str) -> History:
        """All commits of a table; only asked for when its pointer has moved."""


class Decisions(Protocol):
    """What the lake says has been published."""

    def newest(self, dataset: str, after: int = 0) -> Decision | None:
        """The dataset's newest decision, looked for from number `after` on."""

    def get(self, dataset: str, number: int) -> Decision | None:
        """Decision `number`, None if it has not been taken."""


class Lake(Protocol):
    """The curated tables. Raises Retryable when the lake is away."""

    def lost(self, decision: Decision) -> list[str]:
        """Curated tables that no longer hold the snapshot at which the decision left them (expired)."""


class Memory(Protocol):
    """What Kafka holds for the watcher: its own topic, and what has failed."""

    def recall(self) -> dict[str, WatcherState]:
        """The newest committed state of every dataset."""

    def recover(self, dataset: str) -> WatcherState:
        """The state of a dataset of which there is none to recall, from what the other topics hold."""

    def failures(self, dataset: str) -> list[str]:
        """The event ids of every RunFailed of the dataset that stands in Kafka by now, oldest first."""
