"""Twins of the ports: a lake of snapshot numbers, and a job that accepts every row of the cut.

Both pass the same contract suites as the real ones. `MemoryJob` writes to `MemoryLake` like the job writes to branches:
nothing shows on main before a decision is settled.
"""

from collections.abc import Callable, Sequence
from itertools import count

from msgspec.structs import replace

from spark_submitter.failures import Failures, JobRaised
from spark_submitter.ports import Snapshots, Stranger
from tidemark.errors import Retryable, Superseded
from tidemark.failpoints import failpoint
from tidemark_lake.decisions import TABLE_KINDS, Decision
from tidemark_lake.manifest import Manifest, ManifestTable, Result, TableResult


class MemoryLake:
    """Mains and tags by table and kind. `write` is a stranger's commit; `commits` counts what settling wrote."""

    def __init__(self) -> None:
        self._mains: dict[tuple[str, str, str], int | None] = {}
        self.tags: dict[tuple[str, str, str], dict[str, int]] = {}
        self.commits = 0
        self.expired: set[int] = set()
        self._numbers = count(1)

    def new_snapshot(self) -> int:
        """A snapshot that no main holds yet."""
        return next(self._numbers)

    def write(self, dataset: str, table: str, kind: str) -> int:
        """Somebody writes to main past the decisions."""
        snapshot = self.new_snapshot()
        self._mains[dataset, table, kind] = snapshot
        return snapshot

    def mains(self, dataset: str, tables: Sequence[str]) -> Snapshots:
        """What every curated table's main holds."""
        return {name: {kind: self._mains.get((dataset, name, kind)) for kind in TABLE_KINDS} for name in tables}

    def lost(self, decision: Decision) -> list[str]:
        """Tables that no longer hold the decision's snapshot: those in `expired` are gone."""
        return [
            f"{name}/{kind}"
            for name, table in decision.tables.items()
            for kind, snapshot in table.snapshots.items()
            if snapshot in self.expired
        ]

    def settle(self, decision: Decision, before: Decision | None) -> list[Stranger]:
        """Make every table's main what the decision says."""
        strangers = []
        for name, table in decision.tables.items():
            for kind, snapshot in table.snapshots.items():
                published = before.tables[name].snapshots[kind] if before and name in before.tables else None
                place = (decision.dataset, name, kind)
                main, tags = self._mains.get(place), self.tags.setdefault(place, {})
                if main == snapshot:
                    continue
                runs = [int(tag[4:]) for tag, tagged in tags.items() if tag.startswith("run_") and tagged == main]
                if max(runs, default=0) > decision.number:
                    raise Superseded(f"{name}/{kind} is at a decision after {decision.number} already")
                if main is not None and main != published and main not in tags.values():
                    strangers.append(Stranger(f"{name}/{kind}", main, f"stranger_{main}"))
                    tags[f"stranger_{main}"] = main
                if snapshot is not None:
                    tags[f"run_{decision.number}"] = snapshot
                failpoint("spark-submitter.before-fast-forward")
                self._mains[place] = snapshot
                self.commits += 1
                failpoint("spark-submitter.after-fast-forward")
        return strangers


class MemoryJob:
    """Accepts `rows(table)` rows of every table whose cut is not empty; `change` may bend the result.

    While `away` is set there is nobody to run it, while `raising` is set it raises that.
    """

    def __init__(
        self,
        lake: MemoryLake,
        rows: Callable[[ManifestTable], int] = lambda _: 1,
        change: Callable[[Manifest, Result], Result] = lambda _, result: result,
    ) -> None:
        self._lake, self._rows, self._change = lake, rows, change
        self._failures = Failures()
        self.manifests: list[Manifest] = []
        self.away, self.raising = False, ""

    def run(self, manifest: Manifest) -> Result:
        """The job's answer, all of it on snapshots that no main holds."""
        self.manifests.append(manifest)
        with self._failures.of(manifest.run_id):
            if self.away:
                raise Retryable("Spark is away")
            if self.raising:
                raise JobRaised(self.raising)
            tables = [self._table(table) for table in manifest.tables]
            done = Result(run_id=manifest.run_id, attempt=manifest.attempt, status="done", tables=tables)
            return self._change(manifest, done)

    def _table(self, table: ManifestTable) -> TableResult:
        rows = self._rows(table) if table.from_snapshot != table.to_snapshot else 0
        written = {kind: self._lake.new_snapshot() for kind in ("changes", "current")} if rows else {}
        unchanged = TableResult(
            table=table.name, read=rows, released=0, accepted=rows, repeated=0, held=0, quarantined=0, flagged=0,
            tombstones=0, max_ts_ms=None, source_uuid=f"uuid-{table.name}", base=table.base, snapshots=table.base,
        )  # fmt: skip
        return replace(unchanged, snapshots={**table.base, **written})
