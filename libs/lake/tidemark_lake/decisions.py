"""Decisions: the small objects that make a run's tables published together.

Per dataset they are numbered without gaps; number = last + 1 = run_seq. A number can be written once, so two runs that
start from one point can never both decide. The newest decision says what the lake's tables must be, and the watcher's
position. `DecisionStore` keeps them on S3, `MemoryDecisions` is its twin; tests/contract holds both to one suite.
"""

from collections.abc import Mapping

from msgspec import Struct, field, json

from tidemark.events import Kind, LakeCurated, SnapshotCommitted
from tidemark_lake.objects import Folder

TABLE_KINDS = ("changes", "current", "held", "quarantined")


class DecidedTable(Struct, frozen=True, kw_only=True):
    """One table as this decision leaves it.

    `source_snapshot` is the source table's snapshot up to which everything has been read, `source_schema` the id of its
    columns' schema then, if known, `source_uuid` the table's identity; `snapshots` the curated tables' snapshots by
    kind (TABLE_KINDS), None for a table without any yet.
    """

    source_snapshot: int | None
    source_uuid: str
    snapshots: dict[str, int | None]
    source_schema: int | None = None


class Unmaintained(Struct, frozen=True, kw_only=True):
    """What has come since the last maintenance: runs, and the rows that they appended."""

    runs: int = 0
    rows: int = 0


class Decision(Struct, frozen=True, kw_only=True):
    """A run is published. `curated` is the event that tells so, kept whole for repeats.

    `requests`: the ids of all requests that runs have done so far, this run's last, so that none is done twice whatever
    else is lost.
    """

    number: int
    dataset: str
    run_id: str
    run_seq: int
    kind: Kind
    generation: int
    attempt: str
    tables: dict[str, DecidedTable]
    curated: LakeCurated
    requests: list[str] = field(default_factory=list)
    unmaintained: Unmaintained = Unmaintained()


class DecisionStore:
    """Decisions as `decisions/<dataset>/<number>.json` in a folder. Raises Retryable when the store is away."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def newest(self, dataset: str, after: int = 0) -> Decision | None:
        """The newest decision with a number above `after`, None without any. `after` only makes it cheaper."""
        names = self._folder.names(f"decisions/{dataset}/", after=_name(dataset, after) if after else "")
        return self._read(names[-1]) if names else None

    def get(self, dataset: str, number: int) -> Decision | None:
        """Decision `number`, None if it has not been taken."""
        return self._read(_name(dataset, number))

    def put(self, decision: Decision) -> bool:
        """Take the decision. False: somebody decided this number before. ValueError: the number would leave a gap."""
        if decision.number > 1 and self.get(decision.dataset, decision.number - 1) is None:
            raise ValueError(f"decision {decision.number} of {decision.dataset} would leave a gap")
        return self._folder.create(_name(decision.dataset, decision.number), json.encode(decision))

    def _read(self, name: str) -> Decision | None:
        body = self._folder.read(name)
        return None if body is None else json.decode(body, type=Decision)


class MemoryDecisions:
    """The twin: the same promises, in a dict."""

    def __init__(self, decisions: Mapping[tuple[str, int], Decision] | None = None) -> None:
        self._decisions = dict(decisions or {})

    def newest(self, dataset: str, after: int = 0) -> Decision | None:
        """The newest decision with a number above `after`, None without any."""
        numbers = [number for name, number in self._decisions if name == dataset and number > after]
        return self._decisions[dataset, max(numbers)] if numbers else None

    def get(self, dataset: str, number: int) -> Decision | None:
        """Decision `number`, None if it has not been taken."""
        return self._decisions.get((dataset, number))

    def put(self, decision: Decision) -> bool:
        """Take the decision. False: somebody decided this number before. ValueError: the number would leave a gap."""
        if decision.number > 1 and (decision.dataset, decision.number - 1) not in self._decisions:
            raise ValueError(f"decision {decision.number} of {decision.dataset} would leave a gap")
        return self._decisions.setdefault((decision.dataset, decision.number), decision) == decision


def requests_done(newest: Decision | None, event: SnapshotCommitted) -> list[str]:
    """The requests that are done once the event's run, the one after `newest`, is decided.

    Those for a process run are left out, for there may be many: done again it takes what is new, or nothing.
    """
    before = newest.requests if newest else []
    if event.kind == "process" or event.request_id is None:
        return before
    return [*before, event.request_id]


def unmaintained(newest: Decision | None, event: SnapshotCommitted, rows: int) -> Unmaintained:
    """What has come since the last maintenance once the event's run, the one after `newest`, is decided."""
    if event.kind == "maintain":
        return Unmaintained()
    before = newest.unmaintained if newest else Unmaintained()
    return Unmaintained(runs=before.runs + 1, rows=before.rows + rows)


def _name(dataset: str, number: int) -> str:
    return f"decisions/{dataset}/{number:010d}.json"
