"""One table's rows on their way: which are accepted, repeated, held or quarantined, and what the state becomes.

Nothing is written here.
"""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from curate_job.asked import Asked
from curate_job.counts import NONE, count_ends, count_new, fill, left_quarantine, stop_if_gone
from curate_job.frames import Frames, rows_at_base
from curate_job.gather import CHANGE_COLUMNS, Gathered, as_incoming, text_of
from curate_job.hold import Parent, mark_orphans
from curate_job.manifest import CURRENT, QUARANTINED, Table, TableResult
from curate_job.order import winners
from curate_job.quarantine import selected
from curate_job.repeats import identity_of, key_text, mark_repeats
from curate_job.state import state_rows


@dataclass(frozen=True)
class Work:
    """One table's rows with their ends. `rows`: every row with `_origin` and `_outcome`.

    `rewaiting`: held rows that go on waiting for another reason than before; `left`: replayed rows that were not
    refused again.
    """

    gathered: Gathered
    rows: DataFrame
    counts: TableResult
    rewaiting: int
    left: int

    @property
    def table(self) -> Table:
        """The table that the rows are of."""
        return self.gathered.table

    @property
    def asked(self) -> Asked:
        """Asks by key, by each parent's key and by their texts."""
        return self.gathered.asked

    def outcome(self, name: str) -> DataFrame:
        """The rows that came to this end."""
        return self.rows.where(F.col("_outcome") == name)


@dataclass(frozen=True)
class State:
    """What the current table is to get: its rows, and how many of them are `new` and how many `changed`.

    `standing`: no fewer than the rows that it has.
    """

    rows: DataFrame
    new: int
    changed: int
    standing: int


class Classifier:
    """Classifies a manifest's tables, parents before children. `refused`: rows in quarantine, by table."""

    def __init__(self, frames: Frames, refused: dict[str, int]) -> None:
        self.frames = frames
        self.manifest = frames.manifest
        self._refused = refused

    def classify(self, gathered: Gathered, done: dict[str, Work], counts: TableResult) -> Work:
        """Bring every row to its end. `done`: the parents that had work. Raises UpstreamError."""
        rows = self.frames.kept(self._outcomes(gathered.table, self._marked(gathered), done, gathered.asked))
        ends = count_ends(rows, gathered.table, self.manifest.order)
        stop_if_gone(gathered.table, ends)
        fill(counts, ends)
        return Work(gathered, rows, counts, ends.get(("held", "rewaiting"), NONE).rows, left_quarantine(ends))

    def state(self, work: Work) -> State:
        """What the current table gets of a table's accepted rows."""
        table, history = work.table, work.gathered.history
        columns = [*table.columns, *CHANGE_COLUMNS]
        accepted = work.outcome("accepted").select(*columns)
        changes = accepted.withColumn("_run_seq", F.lit(self.manifest.run_seq).cast("bigint"))
        if history is not None:
            keys = accepted.select(*table.key).distinct()
            changes = self.frames.together(changes, history.join(keys, table.key, "left_semi"))
        best = winners(changes, table.key, list(table.columns), self.manifest.order)
        current = self.frames.base(table, CURRENT)
        rows = self.frames.kept(state_rows(best, table, current, work.asked, self.frames.kept))
        kinds = count_new(rows)
        standing = rows_at_base(self.frames.spark, self.manifest, table, CURRENT)
        return State(rows, kinds.get(True, 0), kinds.get(False, 0), standing)

    def _marked(self, gathered: Gathered) -> DataFrame:
        """New rows with `_repeated`, and the held ones beside them."""
        parts = []
        if gathered.new is not None:
            marked = mark_repeats(gathered.new, self._known(gathered))
            parts.append(marked.where(~(F.col("_repeated") & (F.col("_origin") == "tombstone"))))
        if gathered.held is not None:
            renamed = gathered.held.withColumnRenamed("_reason", "_was")
            waiting = as_incoming(renamed, gathered.table, self.manifest.order, "held")
            parts.append(waiting.withColumn("_repeated", F.lit(False)))
        return self.frames.together(*parts)

    def _known(self, gathered: Gathered) -> DataFrame | None:
        """(`_identity`, `_ts_ms`) of what was accepted, held or quarantined before, None: nothing was."""
        identity = identity_of(gathered.table, self.manifest.order).alias("_identity")
        before = [frame for frame in (gathered.history, gathered.held) if frame is not None]
        known = [frame.select(identity, "_ts_ms") for frame in before]
        refused = self._stay_refused(gathered.table)
        if refused is not None:
            known.append(gathered.asked.of(refused, ["_key"]).select("_identity", "_ts_ms"))
        return self.frames.together(*known) if known else None

    def _outcomes(self, table: Table, rows: DataFrame, done: dict[str, Work], asked: Asked) -> DataFrame:
        parents = {column: self._parent(column, name, done, asked) for column, name in table.parents.items()}
        if parents:
            rows = mark_orphans(rows, parents)
        else:
            rows = rows.withColumns({"_wait_rule": F.lit(None).cast("string"), "_wait_reason": F.lit(None)})
        is_held = F.col("_origin") == "held"
        again = F.when(F.col("_wait_reason").eqNullSafe(F.col("_was")), "waiting").otherwise("rewaiting")
        outcome = (
            F.when(F.col("_repeated"), "repeated")
            .when(F.col("_rule").isNotNull(), "quarantined")
            .when(F.col("_wait_rule").isNotNull(), F.when(is_held, again).otherwise("held"))
            .otherwise("accepted")
        )
        return rows.withColumn("_outcome", outcome).drop("_repeated")

    def _parent(self, column: str, name: str, done: dict[str, Work], asked: Asked) -> Parent:
        table = next(table for table in self.manifest.tables if table.name == name)
        key, current, work = table.key[0], self.frames.base(table, CURRENT), done.get(name)
        seen = [] if current is None else [asked.of(current, [column], [key]).select(key)]
        seen += [] if work is None else [work.outcome("accepted").select(key)]
        before = self.frames.base(table, QUARANTINED) if self._refused[name] else None
        refused = [] if before is None else [asked.of(before, [text_of(column)], ["_key"]).select("_key")]
        if work is not None and work.counts.quarantined:
            refused.append(work.outcome("quarantined").select(key_text(table).alias("_key")))
        seen = seen or [self.frames.spark.sql(f"SELECT CAST(NULL AS STRING) `{key}` WHERE false")]
        together = self.frames.together
        return Parent(name, together(*seen), together(*refused) if refused else None)

    def _stay_refused(self, table: Table) -> DataFrame | None:
        """Rows in quarantine but those that are judged again."""
        rows = self.frames.base(table, QUARANTINED) if self._refused[table.name] else None
        again = selected(self.manifest, table)
        return rows if rows is None or again is None else rows.where(f"NOT ({again})")
