"""The curated tables: their columns, and making them when a table is new or its contract has grown.

Per table `<t>_changes` (append-only), `<t>` (a row per key ever seen), `<t>_held` and `<t>_quarantined`. Contract
columns are all nullable in them: a delete may lack values, and what must not be null is judged before a row gets here.
(`_is_deleted` is not `_deleted`, because Iceberg keeps that name for itself.)
"""

from concurrent.futures import Executor
from typing import Any

from pyspark.sql import SparkSession

from curate_job.cast import spark_type
from curate_job.catalog import fields_in, load_table, snapshot_of
from curate_job.defaults import note_defaults
from curate_job.manifest import CHANGES, CURRENT, HELD, KINDS, QUARANTINED, Manifest, Table, UpstreamError

_CHANGE = {"_op": "string", "_lsn": "bigint", "_ts_ms": "bigint", "_source_ts": "timestamp_ntz", "_flags": "string"}
_RUN = {"_run_id": "string", "_run_seq": "bigint"}
_WHY = {"_rule": "string", "_reason": "string"}
_PROPERTIES = {
    "format-version": "2",
    "write.wap.enabled": "true",
    "write.delete.mode": "merge-on-read",
    "write.update.mode": "merge-on-read",
    "write.merge.mode": "merge-on-read",
    "write.distribution-mode": "none",
    "write.parquet.row-group-size-bytes": str(2 * 1024 * 1024),
    "write.parquet.row-group-size-track-uncompressed": "true",
    "read.split.open-file-cost": str(64 * 1024),  # a task may read many small files: each task costs more than they do
    "commit.retry.num-retries": "10",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "50",
}
# of a unique column of a current table: a row group that holds none of the values asked for is not read
_BLOOM = {
    "write.parquet.bloom-filter-enabled.column.{column}": "true",
    "write.parquet.bloom-filter-fpp.column.{column}": "0.0001",  # a cut asks each group for up to thousands of values
    "write.parquet.bloom-filter-max-bytes": str(64 * 1024),
    "write.parquet.bloom-filter-adaptive-enabled": "true",  # as small as a small file's values allow
}
# held tables are small, and a rewritten one counts its rows exactly in its snapshot's summary
_REWRITTEN = {"write.delete.mode": "copy-on-write", "write.merge.mode": "copy-on-write"}


def columns_of(table: Table, kind: str) -> dict[str, str]:
    """A curated table's columns and their Spark types."""
    contract = {name: spark_type(column.type) for name, column in table.columns.items()}
    if kind == CHANGES:
        return {**contract, **_CHANGE, **_RUN}
    if kind == CURRENT:
        return {**contract, **_CHANGE, "_state_flags": "string", "_is_deleted": "boolean", "_run_seq": "bigint"}
    if kind == HELD:
        return {**contract, **_CHANGE, **_WHY, **_RUN}
    identity = {"_key": "string", "_op": "string", "_lsn": "bigint", "_ts_ms": "bigint", "_identity": "string"}
    return {**identity, **_WHY, "_row": "string", **_RUN}


def ensure_tables(spark: SparkSession, manifest: Manifest, tables: list[Table], pool: Executor) -> dict[str, list[str]]:
    """Create what is missing, add columns that the contract has gained, widen types that it has widened.

    Returns, by table, how the changes table's columns differ from those of the run's base: not what this attempt
    altered, because one that died after its ALTER leaves the next one nothing to alter.
    """
    wanted = [(table, kind) for table in tables for kind in KINDS]
    if all(table.base[CURRENT] is None for table in tables):
        spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {manifest.catalog}.`{manifest.curated}`")
    before = pool.map(lambda pair: _ensure(spark, manifest, *pair), wanted)
    pairs = zip(wanted, before, strict=True)
    return {t.name: _differences(found, columns_of(t, kind)) for (t, kind), found in pairs if kind == CHANGES}


def _ensure(spark: SparkSession, manifest: Manifest, table: Table, kind: str) -> dict[str, str]:
    """Bring one table to its shape; of a changes table the columns that its base snapshot had, none without one."""
    identifier, branch = manifest.identifier(table.name, kind), manifest.branch
    wanted = columns_of(table, kind)
    loaded = load_table(spark, identifier)
    if loaded is None:
        columns = ", ".join(f"`{name}` {type_}" for name, type_ in wanted.items())
        properties = _properties(table, kind)
        settings = ", ".join(f"'{name}'='{value}'" for name, value in properties.items())
        spark.sql(f"CREATE TABLE IF NOT EXISTS {identifier} ({columns}) USING iceberg TBLPROPERTIES ({settings})")
        return {}
    if kind != QUARANTINED:
        fields = fields_in(spark, loaded.schema())
        _evolve(spark, identifier, wanted, _types_of(fields))
        note_defaults(spark, identifier, table, fields)
    if snapshot_of(loaded, branch) is not None:  # this attempt died half-way and begins again
        spark.sql(f"ALTER TABLE {identifier} DROP BRANCH `{branch}`")
    base = table.base[CHANGES] if kind == CHANGES else None
    return {} if base is None else _types_of(fields_in(spark, loaded.schemas()[loaded.snapshot(base).schemaId()]))


def _properties(table: Table, kind: str) -> dict[str, str]:
    bloom = {name.format(column=column): value for column in table.unique for name, value in _BLOOM.items()}
    return {**_PROPERTIES, **{HELD: _REWRITTEN, CURRENT: bloom}.get(kind, {})}


def _differences(before: dict[str, str], wanted: dict[str, str]) -> list[str]:
    if not before:
        return [f"created with {len(wanted)} columns"]
    added = [f"added {name} {type_}" for name, type_ in wanted.items() if name not in before]
    return added + [f"changed {n} from {before[n]} to {t}" for n, t in wanted.items() if before.get(n, t) != t]


def _types_of(fields: dict[str, dict[str, Any]]) -> dict[str, str]:
    names, types = {"long": "bigint", "timestamp": "timestamp_ntz"}, {n: str(f["type"]) for n, f in fields.items()}
    return {name: names.get(type_, type_.replace(" ", "")) for name, type_ in types.items()}


def _evolve(spark: SparkSession, identifier: str, wanted: dict[str, str], present: dict[str, str]) -> None:
    for name, type_ in wanted.items():
        if name not in present:
            spark.sql(f"ALTER TABLE {identifier} ADD COLUMN `{name}` {type_}")
        elif present[name] != type_:
            if not _widens(present[name], type_):
                reason = f"{identifier}.{name} is {present[name]} and its contract now says {type_}"
                raise UpstreamError(reason, "only int to long and more decimal digits widen; add a new column instead")
            spark.sql(f"ALTER TABLE {identifier} ALTER COLUMN `{name}` TYPE {type_}")


def _widens(old: str, new: str) -> bool:
    if (old, new) == ("int", "bigint"):
        return True
    if not (old.startswith("decimal(") and new.startswith("decimal(")):
        return False
    (old_digits, old_scale), (new_digits, new_scale) = ([int(n) for n in t[8:-1].split(",")] for t in (old, new))
    return old_scale == new_scale and old_digits <= new_digits
