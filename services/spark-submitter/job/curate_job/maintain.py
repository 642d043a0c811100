"""Maintenance of the curated tables: small files become large ones, what nobody can go back to is let go.

Compaction is written to the attempt's branch and published by the run's decision like anything else. Expiry is not: it
takes no row away from any snapshot that a run, within the horizon, or a reader of main can ask for. To maintain
something else, add a step to `_maintain_table`.
"""

from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta

from pyspark.sql import SparkSession

from curate_job.catalog import load_table, refs_of, rows_as_of, snapshot_of
from curate_job.defaults import unfilled
from curate_job.manifest import CURRENT, KINDS, Check, Manifest, Table, TableResult
from curate_job.steps import Steps

COMPACTION = {"min-input-files": 5, "delete-file-threshold": 1, "remove-dangling-deletes": "true"}
ORPHAN_DAYS = 3  # a file younger than this may belong to a commit that is still to come
RUN_TAGS = "run_"


def maintain(
    spark: SparkSession, manifest: Manifest, counts: dict[str, TableResult], steps: Steps, pool: Executor
) -> list[Check]:
    """Maintain every curated table that has rows; its snapshots go into `counts`. The checks: rows stay."""
    wanted = [(table, kind) for table in manifest.tables for kind in KINDS if table.base[kind] is not None]

    def one(pair: tuple[Table, str]) -> Check:
        table, kind = pair
        with steps.step(f"maintain {kind}", table.name) as step:
            counts[table.name].snapshots[kind], check = _maintain_table(spark, manifest, table, kind)
            step["rows"] = check.actual
        return check

    return list(pool.map(one, wanted))


def _maintain_table(spark: SparkSession, manifest: Manifest, table: Table, kind: str) -> tuple[int | None, Check]:
    identifier, base = manifest.identifier(table.name, kind), table.base[kind]
    name = identifier.removeprefix(f"{manifest.catalog}.")
    call = f"CALL {manifest.catalog}.system."
    _drop_refs(spark, identifier, manifest)
    now = datetime.now(UTC).replace(tzinfo=None)  # the session's zone is UTC
    spark.sql(f"{call}expire_snapshots(table => '{name}', older_than => TIMESTAMP '{now}', retain_last => 1)")
    old = now - timedelta(days=ORPHAN_DAYS)
    spark.sql(f"{call}remove_orphan_files(table => '{name}', prefix_listing => true, older_than => TIMESTAMP '{old}')")
    # of a compaction's snapshot one could not tell that its rows still lack a default
    head = base if kind == CURRENT and unfilled(spark, manifest, table) else _compacted(spark, manifest, name, base)
    before, after = (rows_as_of(spark, identifier, snapshot).count() for snapshot in (base, head))
    return head, Check(f"rows of {kind} before and after compaction", table.name, before, after)


def _compacted(spark: SparkSession, manifest: Manifest, name: str, base: int | None) -> int | None:
    identifier = f"{manifest.catalog}.{name}"
    spark.sql(f"ALTER TABLE {identifier} CREATE BRANCH `{manifest.branch}` AS OF VERSION {base}")
    options = ", ".join(f"'{option}', '{value}'" for option, value in COMPACTION.items())
    rewrite = f"table => '{name}', branch => '{manifest.branch}', options => map({options})"
    spark.sql(f"CALL {manifest.catalog}.system.rewrite_data_files({rewrite})")
    return snapshot_of(load_table(spark, identifier), manifest.branch)


def _drop_refs(spark: SparkSession, identifier: str, manifest: Manifest) -> None:
    """Tags of runs beyond the horizon, and branches of attempts that were never published.

    A table is tagged by the runs that moved it alone, so the newest tag up to the horizon's first run stays: it is what
    that run, and those after it until the next tag, left the table at.
    """
    refs = refs_of(load_table(spark, identifier))
    numbers = [name.removeprefix(RUN_TAGS) for name in refs if name.startswith(RUN_TAGS)]
    beyond = sorted(int(number) for number in numbers if number.isdecimal() and int(number) <= manifest.keep_from)
    dropped = [f"TAG `{RUN_TAGS}{number}`" for number in beyond[:-1]]
    dropped += [f"BRANCH `{name}`" for name, is_branch in refs.items() if is_branch and name.startswith("attempt_")]
    for ref in dropped:
        spark.sql(f"ALTER TABLE {identifier} DROP {ref}")
