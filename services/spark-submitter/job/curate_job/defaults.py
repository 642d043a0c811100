"""A column with a default is never null: what is null (a row of an older shape, or told so) means the default.

Changes and held rows stay as they came and are read so; the current table's rows are given the default in the run that
first knows it. Which defaults a snapshot has been given stands in its own schema, as the column's comment: an attempt
that dies between the comment and the rows leaves the base as it was, and the next one gives them again.
"""

from concurrent.futures import Executor
from typing import Any

from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from curate_job.asked import literal
from curate_job.cast import quoted, spark_type
from curate_job.catalog import fields_in, load_table, snapshot_of
from curate_job.manifest import CURRENT, Check, Manifest, Table, TableResult


def has_defaults(table: Table) -> bool:
    """Whether any column of the table has one."""
    return any(column.default is not None for column in table.columns.values())


def value_of(table: Table, name: str, type_: str, present: bool) -> Column:
    """A curated table's column as its contract reads it. `present`: the snapshot has the column."""
    value = (F.col(name) if present else F.lit(None)).cast(type_)
    contract = table.columns.get(name)
    default = None if contract is None else contract.default
    return (value if default is None else F.coalesce(value, F.lit(default).cast(type_))).alias(name)


def note_defaults(spark: SparkSession, identifier: str, table: Table, fields: dict[str, dict[str, Any]]) -> None:
    """Have the comments of a curated table's columns say what null means in them. `fields`: as they were before."""
    differ = {name: note for name, note in _notes(table).items() if note != fields.get(name, {}).get("doc")}
    loaded = load_table(spark, identifier) if differ else None
    if loaded is None:
        return
    update = loaded.updateSchema()
    for name, note in differ.items():
        update.updateColumnDoc(name, note)
    update.commit()


def unfilled(spark: SparkSession, manifest: Manifest, table: Table) -> list[str]:
    """Columns whose default the current table's base does not know yet."""
    base = table.base[CURRENT]
    if base is None or not has_defaults(table):
        return []
    loaded = load_table(spark, manifest.identifier(table.name, CURRENT))
    if loaded is None:
        return []
    fields = fields_in(spark, loaded.schemas()[loaded.snapshot(base).schemaId()])
    return [n for n, note in _notes(table).items() if note is not None and note != fields.get(n, {}).get("doc")]


def fill_defaults(
    spark: SparkSession, manifest: Manifest, counts: dict[str, TableResult], pool: Executor
) -> list[Check]:
    """Give the current tables' rows, on the branch, the defaults that are new to them; snapshots go into `counts`."""

    def one(table: Table) -> Check | None:
        columns = unfilled(spark, manifest, table)
        return _fill(spark, manifest, table, columns, counts[table.name]) if columns else None

    return [check for check in pool.map(one, manifest.tables) if check is not None]


def _fill(
    spark: SparkSession, manifest: Manifest, table: Table, columns: list[str], counts: TableResult
) -> Check | None:
    identifier = manifest.identifier(table.name, CURRENT)
    nulls = " OR ".join(f"{quoted(name)} IS NULL" for name in columns)
    before = spark.table(identifier)
    if before.where(nulls).isEmpty():
        return None
    rows, values = before.count(), [_set(name, table) for name in columns]
    spark.sql(f"UPDATE {identifier} SET {', '.join(values)} WHERE {nulls}")  # noqa: S608 - quoted names, literals
    counts.snapshots[CURRENT] = snapshot_of(load_table(spark, identifier), manifest.branch)
    filled = spark.table(identifier).where(f"NOT ({nulls})").count()
    return Check("rows before, and with their defaults", table.name, rows, filled)


def _set(name: str, table: Table) -> str:
    column, contract = quoted(name), table.columns[name]
    return f"{column} = coalesce({column}, CAST({literal(contract.default)} AS {spark_type(contract.type)}))"


def _notes(table: Table) -> dict[str, str | None]:
    told = {name: column.default for name, column in table.columns.items()}
    return {name: None if default is None else f"null means {default}" for name, default in told.items()}
