"""In-memory twins of the watcher's ports, under the same contract suite as the real ones."""

from collections.abc import Sequence
from itertools import count

from ingest_watcher.ports import History
from ingest_watcher.recovered import recovered
from ingest_watcher.told import remembered
from tidemark.errors import TypedStop
from tidemark.events import Event, RunFailed, WatcherState
from tidemark.parking import Entry, Parking
from tidemark_lake.decisions import Decision


class MemorySource:
    """Source tables as a dictionary; `put` is a commit, `drop` takes a table away."""

    def __init__(self) -> None:
        self._tables: dict[tuple[str, str], tuple[int, History]] = {}
        self._versions = count(1)

    def put(self, dataset: str, table: str, history: History) -> None:
        self._tables[dataset, table] = (next(self._versions), history)

    def drop(self, dataset: str, table: str) -> None:
        del self._tables[dataset, table]

    def pointers(self, dataset: str) -> dict[str, str]:
        return {t: f"{t}/v{version}" for (d, t), (version, _) in self._tables.items() if d == dataset}

    def history(self, dataset: str, table: str) -> History:
        if (dataset, table) not in self._tables:
            raise TypedStop(f"source table {dataset}.{table} is gone; bring it back, then resume")
        return self._tables[dataset, table][1]


class MemoryLake:
    """Curated tables, of which those of the runs in `expired` (by number) are gone."""

    def __init__(self) -> None:
        self.expired: set[int] = set()

    def lost(self, decision: Decision) -> list[str]:
        return list(decision.tables) if decision.number in self.expired else []


class MemoryOfStates:
    """What Kafka holds for the watcher, without a broker; `keep` sends to it."""

    def __init__(self) -> None:
        self._states: dict[str, WatcherState] = {}
        self._kept: list[Event] = []
        self._stages: dict[str, Parking] = {}

    def keep(self, events: Sequence[Event]) -> None:
        self._states |= remembered(events)
        self._kept += events

    def set_aside(self, entry: Entry) -> None:
        """A stage parks, halts or goes on."""
        self._stages.setdefault(entry.stage, Parking(entry.stage)).apply([entry])

    def recall(self) -> dict[str, WatcherState]:
        return dict(self._states)

    def recover(self, dataset: str) -> WatcherState:
        return recovered(dataset, self._kept, self._stages)

    def failures(self, dataset: str) -> list[str]:
        return [event.event_id for event in self._kept if isinstance(event, RunFailed) and event.dataset == dataset]
