"""One table's rows on their way: which are accepted, repeated, held or quarantined, and what the state becomes.

Nothing is written here. Every step's frame is checkpointed: it is used more than once, and plans that carried their
whole past along would cost far more than the rows (Spark looks at every step of a plan, again and again).
"""

from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from curate_job.asked import Asked, ask, together
from curate_job.cast import cast_rows
from curate_job.catalog import load_table, of_unknown_size, rows_as_of, rows_at
from curate_job.counts import NONE, count_ends, fill, left_quarantine
from curate_job.curated import columns_of
from curate_job.hold import Parent, mark_orphans
from curate_job.manifest import CHANGES, CURRENT, HELD, QUARANTINED, Manifest, Table, TableResult
from curate_job.order import winners
from curate_job.quarantine import PLACE, as_they_came, selected
from curate_job.read import Cut, rows_of
from curate_job.rebuild import tombstones
from curate_job.repeats import identity_of, key_text, mark_repeats, with_identity
from curate_job.rules import apply_rules
from curate_job.state import state_rows

CHANGE_COLUMNS = ("_op", "_lsn", "_ts_ms", "_source_ts", "_flags")
_JUDGED = ("_rule", "_reason", "_raw", "_identity", "_origin")


@dataclass
class Work:
    """One table under way. `rows`: every row with `_origin` and `_outcome`; `state`: what the current table is to get;
    `asked`: asks by key, by each parent's key and by their texts.

    `rewaiting`: held rows that go on waiting for another reason than before; `new`, `changed`: rows of `state`;
    `left`: replayed rows that were not refused again.
    """

    table: Table
    rows: DataFrame
    state: DataFrame
    asked: Asked
    counts: TableResult
    rewaiting: int = 0
    new: int = 0
    changed: int = 0
    left: int = 0

    def outcome(self, name: str) -> DataFrame:
        """The rows that came to this end."""
        return self.rows.where(F.col("_outcome") == name)


class Classifier:
    """Classifies a manifest's tables, parents before children."""

    def __init__(self, spark: SparkSession, manifest: Manifest, held: dict[str, int], small: bool) -> None:
        """`held`: rows that wait, by table; `small`: rows stay in one partition, so that nothing needs a shuffle."""
        self.spark = spark
        self.manifest = manifest
        self._small = small
        self._held = held
        self._refused = {table.name: _rows_in(spark, manifest, table, QUARANTINED) for table in manifest.tables}

    def has_work(self, table: Table, cut: Cut, done: dict[str, Work]) -> bool:
        """Whether the table gets rows: of its cut, or held ones whose parents this run has told of."""
        if cut.rows:
            return True
        return bool(self._held[table.name]) and any(parent in done for parent in table.parents.values())

    def classify(self, table: Table, cut: Cut, done: dict[str, Work], counts: TableResult) -> Work:
        """Classify one table. `done`: the parents that had work. Raises UpstreamError."""
        new = self._incoming(table, cut)
        held = self._kept(self._frame(table, HELD)) if self._held[table.name] else None
        asked = self._ask(table, [frame for frame in (new, held) if frame is not None])
        changes = self._base(table, CHANGES)
        history = None if changes is None else self._kept(asked.of(changes, table.key))
        rows = self._kept(self._outcomes(table, self._marked(table, new, held, history, asked), done, asked))
        state = self._kept(self._state(table, rows, history, asked))
        work = Work(table, rows, state, asked, counts)
        ends, kinds = count_ends(rows, state, self.manifest.order)
        fill(counts, ends)
        work.rewaiting = ends.get(("held", "rewaiting"), NONE).rows
        work.left = left_quarantine(ends)
        work.new, work.changed = kinds.get(True, 0), kinds.get(False, 0)
        return work

    def _incoming(self, table: Table, cut: Cut) -> DataFrame | None:
        if not cut.rows:
            return None
        manifest = self.manifest
        again = as_they_came(self.spark, manifest, table)
        origin = "cut" if again is None else "refused"
        if again is None:
            read = rows_of(self.spark, table, cut, manifest.catalog)
            again = read.withColumn(PLACE, F.lit(None).cast("string"))
        judged = apply_rules(cast_rows(self._together(again), table, manifest.order, (PLACE,)), table.rules)
        rows = self._kept(with_identity(judged, table, manifest.order).withColumn("_origin", F.lit(origin)))
        current = self._base(table, CURRENT)
        if manifest.kind != "rebuild" or manifest.order != "debezium" or current is None:
            return rows
        gone = _as_incoming(tombstones(rows, current, table), table, manifest.order, "tombstone")
        return self._kept(self._together(rows, gone))

    def _ask(self, table: Table, frames: list[DataFrame]) -> Asked:
        texts = {_text(column): F.col(column).cast("string") for column in table.parents}
        columns = [*table.key, *table.parents, "_key", *texts]
        asking = [f.withColumns({"_key": key_text(table), **texts}).select(*columns) for f in frames]
        return ask(self._together(*asking), columns, self._small)

    def _together(self, *frames: DataFrame) -> DataFrame:
        return together(frames, self._small)

    def _kept(self, rows: DataFrame) -> DataFrame:
        """The rows computed once and held by Spark; what follows knows nothing of how they came about."""
        kept = rows.localCheckpoint(eager=True)
        return self._together(of_unknown_size(self.spark, kept)) if self._small else kept

    def _marked(
        self, table: Table, new: DataFrame | None, held: DataFrame | None, history: DataFrame | None, asked: Asked
    ) -> DataFrame:
        """New rows with `_repeated`, and the held ones beside them."""
        order, parts = self.manifest.order, []
        if new is not None:
            before = self._known(table, held, history, asked)
            marked = mark_repeats(new, before)
            parts.append(marked.where(~(F.col("_repeated") & (F.col("_origin") == "tombstone"))))
        if held is not None:
            waiting = _as_incoming(held.withColumnRenamed("_reason", "_was"), table, order, "held")
            parts.append(waiting.withColumn("_repeated", F.lit(False)))
        return self._together(*parts)

    def _known(self, table: Table, held: DataFrame | None, history: DataFrame | None, asked: Asked) -> DataFrame | None:
        """(`_identity`, `_ts_ms`) of what was accepted, held or quarantined before, None: nothing was."""
        identity = identity_of(table, self.manifest.order).alias("_identity")
        known = [frame.select(identity, "_ts_ms") for frame in (history, held) if frame is not None]
        if self._refused[table.name]:
            known.append(asked.of(self._stay_refused(table), ["_key"]).select("_identity", "_ts_ms"))
        return self._together(*known) if known else None

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
        key, current, work = table.key[0], self._base(table, CURRENT), done.get(name)
        seen = [] if current is None else [asked.of(current, [column], [key]).select(key)]
        seen += [] if work is None else [work.outcome("accepted").select(key)]
        refused = []
        if self._refused[name]:
            refused.append(asked.of(self._frame(table, QUARANTINED), [_text(column)], ["_key"]).select("_key"))
        if work is not None and work.counts.quarantined:
            refused.append(work.outcome("quarantined").select(key_text(table).alias("_key")))
        nothing = self.spark.sql(f"SELECT CAST(NULL AS STRING) `{key}` WHERE false")
        return Parent(name, self._together(*seen) if seen else nothing, self._together(*refused) if refused else None)

    def _state(self, table: Table, rows: DataFrame, history: DataFrame | None, asked: Asked) -> DataFrame:
        columns = [*table.columns, *CHANGE_COLUMNS]
        accepted = rows.where(F.col("_outcome") == "accepted").select(*columns)
        changes = accepted.withColumn("_run_seq", F.lit(self.manifest.run_seq).cast("bigint"))
        if history is not None:
            keys = accepted.select(*table.key).distinct()
            older = history.select(*columns, "_run_seq").join(keys, table.key, "left_semi").select(*changes.columns)
            changes = self._together(changes, older)
        best = winners(changes, table.key, list(table.columns), self.manifest.order)
        return state_rows(best, table, self._base(table, CURRENT), asked)

    def _stay_refused(self, table: Table) -> DataFrame:
        """Rows in quarantine but those that are judged again."""
        rows, again = self._frame(table, QUARANTINED), selected(self.manifest, table)
        return rows if again is None else rows.where(f"NOT ({again})")

    def _base(self, table: Table, kind: str) -> DataFrame | None:
        return None if table.base[kind] is None else self._frame(table, kind)

    def _frame(self, table: Table, kind: str) -> DataFrame:
        rows = rows_as_of(self.spark, self.manifest.identifier(table.name, kind), table.base[kind])
        columns = columns_of(table, kind)
        present = {field.name: field.dataType.simpleString() for field in rows.schema.fields}
        if present == columns:
            return rows
        # an older snapshot has the older shape
        return rows.select(*[(F.col(n) if n in present else F.lit(None)).cast(t).alias(n) for n, t in columns.items()])


def held_rows(spark: SparkSession, manifest: Manifest) -> dict[str, int]:
    """How many rows of each table wait for a parent."""
    return {table.name: _rows_in(spark, manifest, table, HELD) for table in manifest.tables}


def _rows_in(spark: SparkSession, manifest: Manifest, table: Table, kind: str) -> int:
    """No fewer than the rows of a curated table at its base: those that a delete file takes off are counted too."""
    snapshot = table.base[kind]
    loaded = None if snapshot is None else load_table(spark, manifest.identifier(table.name, kind))
    return 0 if snapshot is None or loaded is None else rows_at(loaded, snapshot)


def _text(column: str) -> str:
    return f"_{column}_text"


def _as_incoming(rows: DataFrame, table: Table, order: str, origin: str) -> DataFrame:
    """Rows that are changes already, in the shape of judged ones."""
    nothing = F.lit(None).cast("string")
    rows = rows.withColumns({name: nothing for name in ("_flags", PLACE) if name not in rows.columns})
    kept = [*table.columns, *CHANGE_COLUMNS, PLACE]
    judged = {"_rule": nothing, "_reason": nothing, "_raw": nothing, "_origin": F.lit(origin)}
    return rows.select(*kept).withColumns({**judged, "_identity": identity_of(table, order)})
