"""Maintenance on a local warehouse: fewer files, the same rows, and what the horizon holds stays readable."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

COLUMNS = (
    "id int, email string, first_name string, last_name string, created_at bigint, updated_at bigint, "
    "__op string, __ts_ms timestamp, __source_ts_ms timestamp, __source_lsn bigint"
)
RUNS = 5  # as many small files as are joined
TABLES = ("users", "users_changes", "users_held", "users_quarantined")


def user(key: int, lsn: int) -> tuple[Any, ...]:
    """A change of a user; run after run the same keys get newer ones."""
    at = datetime.fromtimestamp(1_790_000_000 + lsn, UTC)
    return (key, f"u{key}.{lsn}@x.org", "A", "B", 1, 1, "u" if lsn > 1 else "c", at, at, lsn)


@pytest.fixture
def size() -> str:
    """Maintenance knows no small cuts."""
    return "few rows"


def files(lake: Any, table: str) -> int:
    """Data and delete files of main."""
    return int(lake.spark.table(f"lake.curated_{lake.name}.{table}.files").count())


def tags(lake: Any, table: str) -> list[str]:
    """The runs that can be gone back to."""
    refs = lake.spark.table(f"lake.curated_{lake.name}.{table}.refs").where("type = 'TAG'")
    return sorted(row["name"] for row in refs.collect())


@pytest.mark.usefixtures("merged")
def test_maintenance_compacts_expires_and_keeps_every_row(lake: Any) -> None:
    """After five runs: one file a table, tags and snapshots of the newest two, rows as before; runs go on."""
    lake.only("users")
    for run in range(1, RUNS + 1):
        lake.append("users", [user(key, run) for key in range(run + 3)] + [user(None, run)], COLUMNS)  # type: ignore[arg-type]
        lake.run()
    held = {table: lake.rows(table) for table in TABLES}
    last = lake.spark.sql(f"SELECT * FROM lake.curated_{lake.name}.users VERSION AS OF 'run_4'").collect()
    assert (files(lake, "users_changes"), files(lake, "users_quarantined")) == (RUNS, RUNS)
    lake.keep_runs = 2
    result = lake.run("maintain")
    assert result["status"] == "done"
    assert {check["table"]: check["expected"] for check in result["checks"] if " changes " in check["name"]} == {
        "users": len(held["users_changes"])
    }
    assert {table: lake.rows(table) for table in TABLES} == held
    assert {files(lake, table) for table in ("users", "users_changes", "users_quarantined")} == {1}
    assert tags(lake, "users") == ["run_4", "run_5", "run_6"]
    assert lake.spark.sql(f"SELECT * FROM lake.curated_{lake.name}.users VERSION AS OF 'run_4'").collect() == last
    snapshots = lake.spark.table(f"lake.curated_{lake.name}.users_changes.snapshots").count()
    assert snapshots == len(tags(lake, "users_changes"))
    lake.append("users", [user(1, RUNS), user(1, RUNS + 1)], COLUMNS)
    (users,) = (table for table in lake.run()["tables"] if table["table"] == "users")
    assert (users["read"], users["repeated"], users["accepted"]) == (2, 1, 1)


@pytest.mark.soak
@pytest.mark.usefixtures("merged")
def test_a_table_that_stands_still_keeps_what_the_horizon_s_runs_left_it_at(lake: Any) -> None:
    """Quarantine moves in runs 1 and 5, maintenance keeps from run 4: its snapshot of run 1 is what run 4 left."""
    lake.only("users")
    left: dict[int, list[int]] = {}
    for run in range(1, RUNS + 1):
        refused = [user(None, run)] if run in (1, 5) else []  # type: ignore[arg-type]
        lake.append("users", [user(1, run), *refused], COLUMNS)
        lake.run()
        left[run] = [snapshot for snapshot in lake.base["users"].values() if snapshot is not None]
    lake.keep_runs = 2
    lake.run("maintain")
    assert (tags(lake, "users"), tags(lake, "users_quarantined")) == (["run_4", "run_5", "run_6"], ["run_1", "run_5"])
    there = {number for table in TABLES for (number,) in lake.rows(table, "snapshot_id", ".snapshots")}
    assert [run for run, snapshots in left.items() if set(snapshots) <= there] == [4, 5]


def tasks_so_far(spark: Any) -> int:
    """Tasks of the session's executors, those of Iceberg's own jobs too."""
    executors = spark._jsc.sc().statusStore().executorList(True)
    return sum(executors.apply(n).totalTasks() for n in range(executors.size()))


@contextmanager
def setting(spark: Any, name: str, value: str) -> Iterator[None]:
    """The session's setting for a while; who uses the session meanwhile leaves it as it is."""
    before = spark.conf.get(name)
    spark.conf.set(name, value)
    try:
        yield
        assert spark.conf.get(name) == value
    finally:
        spark.conf.set(name, before)


def planted(lake: Any, name: str, days: float) -> Path:
    """A file in the users' data folder that no snapshot knows, so many days old."""
    path = Path(lake.rows("users", "file_path", ".files")[0][0].removeprefix("file:")).with_name(name)
    path.write_text("of a commit that never came")
    os.utime(path, times=(time.time() - days * 86_400,) * 2)
    return path


def test_what_an_attempt_that_was_never_published_left_is_swept(lake: Any) -> None:
    """Its branches are dropped, and its files once no commit can still come; a second maintenance changes nothing, and
    has tasks by what there is to do."""
    lake.only("users")
    lake.append("users", [user(1, 1)], COLUMNS)
    lake.run()
    table = f"lake.curated_{lake.name}.users"
    lake.spark.sql(f"ALTER TABLE {table} CREATE BRANCH attempt_dead")
    orphan, young = planted(lake, "orphan.parquet", days=3.5), planted(lake, "young.parquet", days=2.5)
    lake.run("maintain")
    assert (orphan.exists(), young.exists()) == (False, True)
    names = {row["name"] for row in lake.spark.table(f"{table}.refs").collect()}
    assert "attempt_dead" not in names
    before, tasks = (lake.rows("users"), lake.base["users"]), tasks_so_far(lake.spark)
    with setting(lake.spark, "spark.sql.shuffle.partitions", "200"):  # Spark's own default
        lake.run("maintain")
    assert tasks_so_far(lake.spark) - tasks < 100  # the run has its own setting, and leaves the one that it found
    assert (lake.rows("users"), lake.base["users"]) == before
