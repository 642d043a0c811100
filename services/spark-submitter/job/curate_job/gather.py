"""What a table's cut needs before anything is said of its rows: the rows themselves, and what is known of their keys.

Nothing here asks about another table, so all tables gather side by side.
"""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from curate_job.asked import Asked, ask
from curate_job.cast import cast_rows
from curate_job.frames import Frames
from curate_job.manifest import CHANGES, CURRENT, HELD, Table
from curate_job.quarantine import PLACE, as_they_came
from curate_job.read import Cut, rows_of
from curate_job.rebuild import tombstones
from curate_job.repeats import identity_of, identity_of_judged, key_text
from curate_job.rules import apply_rules

CHANGE_COLUMNS = ("_op", "_lsn", "_ts_ms", "_source_ts", "_flags")


@dataclass(frozen=True)
class Gathered:
    """One table's rows at the start: judged by contract and rules (`new`), waiting (`held`), the accepted changes of
    the same keys (`history`); None: there are none. `asked` asks by key, by each parent's key and by their texts.
    """

    table: Table
    new: DataFrame | None
    held: DataFrame | None
    history: DataFrame | None
    asked: Asked


def gather(frames: Frames, table: Table, cut: Cut, waiting: int) -> Gathered:
    """Gather one table. `waiting`: its held rows. Raises UpstreamError."""
    new = _incoming(frames, table, cut) if cut.rows else None
    standing = frames.base(table, HELD) if waiting else None
    held = None if standing is None else frames.kept(standing)
    asked = _ask(frames, table, [frame for frame in (new, held) if frame is not None])
    changes = frames.base(table, CHANGES)
    history = None if changes is None else frames.kept(asked.of(changes, table.key).drop("_run_id"))
    return Gathered(table, new, held, history, asked)


def as_incoming(rows: DataFrame, table: Table, order: str, origin: str) -> DataFrame:
    """Rows that are changes already, in the shape of judged ones."""
    nothing = F.lit(None).cast("string")
    rows = rows.withColumns({name: nothing for name in ("_flags", PLACE) if name not in rows.columns})
    kept = [*table.columns, *CHANGE_COLUMNS, PLACE]
    judged = {"_rule": nothing, "_reason": nothing, "_raw": nothing, "_origin": F.lit(origin)}
    return rows.select(*kept).withColumns({**judged, "_identity": identity_of(table, order)})


def text_of(column: str) -> str:
    """What a parent's key is asked by among texts."""
    return f"_{column}_text"


def _incoming(frames: Frames, table: Table, cut: Cut) -> DataFrame:
    manifest = frames.manifest
    again = as_they_came(frames.spark, manifest, table)
    origin = "cut" if again is None else "refused"
    if again is None:
        read = rows_of(frames.spark, table, cut, manifest.catalog)
        again = read.withColumn(PLACE, F.lit(None).cast("string"))
    judged = apply_rules(cast_rows(frames.together(again), table, manifest.order, (PLACE,)), table.rules)
    known_by = {"_identity": identity_of_judged(table, manifest.order), "_origin": F.lit(origin)}
    rows = frames.kept(judged.withColumns(known_by))
    current = frames.base(table, CURRENT)
    if manifest.kind != "rebuild" or manifest.order != "debezium" or current is None:
        return rows
    gone = as_incoming(tombstones(rows, current, table), table, manifest.order, "tombstone")
    return frames.kept(frames.together(rows, gone))


def _ask(frames: Frames, table: Table, asking: list[DataFrame]) -> Asked:
    plain = {column: F.col(column) for column in (*table.key, *table.parents)}
    texts = {text_of(column): F.col(column).cast("string") for column in table.parents}
    columns = {**plain, "_key": key_text(table), **texts}
    named = [rows.select(*[column.alias(name) for name, column in columns.items()]) for rows in asking]
    return ask(frames.together(*named), list(columns), frames.small)
