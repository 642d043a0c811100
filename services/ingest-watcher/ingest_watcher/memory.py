"""In-memory twins of the watcher's ports, under the same contract suite as the real ones."""

from collections.abc import Sequence

from ingest_watcher.ports import History
from ingest_watcher.stage import remembered
from tidemark.events import Event, WatcherState


class MemorySource:
    """Source tables as a dictionary; `put` is a commit, `drop` takes a table away."""

    def __init__(self) -> None:
        self._tables: dict[tuple[str, str], tuple[int, History]] = {}

    def put(self, dataset: str, table: str, history: History) -> None:
        version = self._tables.get((dataset, table), (0, history))[0]
        self._tables[dataset, table] = (version + 1, history)

    def drop(self, dataset: str, table: str) -> None:
        del self._tables[dataset, table]

    def pointers(self, dataset: str) -> dict[str, str]:
        return {t: f"{t}/v{version}" for (d, t), (version, _) in self._tables.items() if d == dataset}

    def history(self, dataset: str, table: str) -> History:
        return self._tables[dataset, table][1]


class MemoryOfStates:
    """The watcher's own topic, without a broker."""

    def __init__(self) -> None:
        self._states: dict[str, WatcherState] = {}

    def keep(self, events: Sequence[Event]) -> None:
        self._states |= remembered(events)

    def recall(self) -> dict[str, WatcherState]:
        return dict(self._states)
