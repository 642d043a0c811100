"""The tables of a run on their way to the branch: as much side by side as their parents allow.

All tables gather at once; then each is classified once its parents are, and written while the next are classified.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from curate_job import checks
from curate_job.classify import Classifier, State, Work
from curate_job.frames import Frames, rows_in
from curate_job.gather import Gathered, gather
from curate_job.manifest import QUARANTINED, Check, Table, TableResult
from curate_job.publish import publish
from curate_job.read import Cut
from curate_job.steps import Steps
from curate_job.tune import tune_after_look


@dataclass
class Pipeline:
    """One run's tables: their cuts, held rows and counts by name; `pool` has the session, `works` is filled."""

    frames: Frames
    cuts: dict[str, Cut]
    held: dict[str, int]
    counts: dict[str, TableResult]
    steps: Steps
    pool: ThreadPoolExecutor
    works: dict[str, Work] = field(default_factory=dict)

    def run(self) -> list[Check]:
        """Bring every table that gets rows to the branch; what must hold before it may be published."""
        manifest = self.frames.manifest
        classifier = Classifier(self.frames, rows_in(self.frames.spark, manifest, QUARANTINED))
        ahead = with_work(manifest.tables, self.cuts, self.held)
        gathered = dict(zip([table.name for table in ahead], self.pool.map(self._gather, ahead), strict=True))
        if self.frames.small:
            tune_after_look(self.frames.spark, self.steps.rows_read())
        states: dict[str, Future[State]] = {}
        for wave in waves(manifest.tables):
            ready = [gathered[table.name] for table in wave if table.name in gathered]
            found = list(self.pool.map(lambda each: self._classify(classifier, each), ready))
            self.works |= {work.table.name: work for work in found}
            states |= {work.table.name: self.pool.submit(self._write, classifier, work) for work in found}
        done = [(work, states[name].result()) for name, work in self.works.items()]
        return [check for found in self.pool.map(lambda each: self._check(*each), done) for check in found]

    def _gather(self, table: Table) -> Gathered:
        with self.steps.step("gather", table.name) as step:
            step["rows"] = self.cuts[table.name].rows
            return gather(self.frames, table, self.cuts[table.name], self.held[table.name])

    def _classify(self, classifier: Classifier, gathered: Gathered) -> Work:
        name = gathered.table.name
        with self.steps.step("classify", name) as step:
            work = classifier.classify(gathered, self.works, self.counts[name])
            step["rows"] = work.counts.read + work.counts.released
        return work

    def _write(self, classifier: Classifier, work: Work) -> State:
        with self.steps.step("state", work.table.name) as step:
            state = classifier.state(work)
            step["rows"] = state.new + state.changed
        publish(self.frames.spark, self.frames.manifest, work, state, self.steps)
        return state

    def _check(self, work: Work, state: State) -> list[Check]:
        with self.steps.step("check", work.table.name):
            return checks.all_of(self.frames.spark, self.frames.manifest, work, state)


def with_work(tables: list[Table], cuts: dict[str, Cut], held: dict[str, int]) -> list[Table]:
    """The tables that get rows: of their cut, or held ones with a parent that gets rows."""
    found: list[Table] = []
    for table in (table for wave in waves(tables) for table in wave):
        told = {other.name for other in found} & set(table.parents.values())
        if cuts[table.name].rows or (held[table.name] and told):
            found.append(table)
    return found


def waves(tables: list[Table]) -> Iterator[list[Table]]:
    """The tables in groups: every table's parents (but itself) stand in groups before its own."""
    ahead = list(tables)
    while ahead:
        names = {table.name for table in ahead}
        ready = [table for table in ahead if not (set(table.parents.values()) - {table.name}) & names]
        if not ready:
            raise ValueError(f"tables are each other's parents: {', '.join(sorted(names))}")
        yield ready
        ahead = [table for table in ahead if table not in ready]
