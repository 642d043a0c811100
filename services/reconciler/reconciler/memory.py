"""In-memory twins of what stands beside the two sides (memory_sides.py): the lake's figures, the ledger, reports."""

from collections.abc import Mapping, Sequence

from reconciler.entries import Difference, Entry
from reconciler.ports import Figures, PairStanding, Recorded, Uncomparable
from tidemark.errors import Superseded
from tidemark.events import Event
from tidemark.tables import Table


class MemoryLake:
    """Lake in memory: figures by (decision's number, table)."""

    def __init__(self, figures: Mapping[tuple[int, str], Figures]) -> None:
        self._figures = figures

    def figures(self, dataset: str, number: int, name: str, table: Table) -> Figures:
        """One table's figures as of a decision."""
        if (number, name) not in self._figures:
            raise Uncomparable(f"the lake has no decision {number} on {name}")
        return self._figures[number, name]


class MemoryLedger:
    """Ledger in memory."""

    def __init__(self) -> None:
        self.runs: dict[str, Recorded] = {}
        self.entries: dict[str, Entry] = {}

    def receipt(self, run_id: str) -> list[Event] | None:
        """The events that this run's comparison sent."""
        return list(self.runs[run_id].events) if run_id in self.runs else None

    def standing(self, dataset: str) -> Mapping[str, PairStanding]:
        """How the newest comparison left each pair."""
        runs = [run for run in self.runs.values() if run.dataset == dataset]
        return max(runs, key=lambda run: (run.recorded_ms, run.run_seq)).standing if runs else {}

    def open_entries(self, pair: str) -> Sequence[Entry]:
        """Entries that are not resolved."""
        found = [entry for entry in self.entries.values() if entry.pair == pair and entry.resolved_ms is None]
        return sorted(found, key=lambda entry: entry.difference.key)

    def record(self, recorded: Recorded) -> list[Event]:
        """Write it once per run."""
        if (stored := self.receipt(recorded.run_id)) is not None:
            return stored
        newest = max((r.generation for r in self.runs.values() if r.dataset == recorded.dataset), default=0)
        if newest > recorded.generation:
            raise Superseded(f"{recorded.run_id}: generation {newest} has been reconciled")
        self.runs[recorded.run_id] = recorded
        self.entries |= {entry.entry_id: entry for entry in recorded.entries}
        return list(recorded.events)


class MemoryReports:
    """Reports in memory, by name; `differences` are the parts of full lists."""

    def __init__(self) -> None:
        self.written: dict[str, bytes] = {}
        self.differences: dict[str, list[Difference]] = {}

    def write(self, name: str, body: bytes) -> str:
        """Write or overwrite a report."""
        self.written[name] = body
        return self.address(name)

    def write_differences(self, name: str, found: Sequence[Difference]) -> None:
        """Keep a part of a pair's full list."""
        self.differences[name] = list(found)

    def address(self, name: str) -> str:
        """Where a report would be found."""
        return f"memory://{name}"
