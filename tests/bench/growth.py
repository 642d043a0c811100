"""How a small cut's seconds grow: with the tables' size, with their history, and against bare appends and MERGEs.

The lake and the load stage as the services run them, one after the other, on the lab's store, catalog and warehouse and
a Spark session like the lab's driver. Four tables, a delta of 1,000 change rows: half of them new, half to keys spread
over the table's newest part (SPREADS: all of it, which no shop does, or a hundredth); medians of MEASURED deltas after
WARM_UP. Beside it, in the same session, the same rows as one
append and one MERGE for each table onto copies of the curated tables. Each case has a lab and a JVM of its own. Nothing
is asserted.

    python tests/bench/growth.py [--sizes 10000,1000000,10000000] [--history 10,500] [--memory 2g]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

import loader.__main__ as loader_service
import spark_submitter.__main__ as submitter_service
from curate_job.catalog import load_table, snapshot_of
from curate_job.main import curate as run_job
from loader.settings import LoaderSettings
from loader.stage import load as load_raw
from spark_submitter.settings import SubmitterSettings
from spark_submitter.stage import curate
from tidemark.events import LakeCurated, SnapshotCommitted, TableCut
from tidemark.settings import LakeSettings, load
from tidemark_cli.render import new_table
from tidemark_lab import lab, spark_driver
from tidemark_lake.manifest import Manifest, Result, read_result, write_manifest
from tidemark_lake.objects import Folder, s3_client

DELTA_ROWS, WARM_UP, MEASURED = 1000, 4, 5
HISTORY_SIZE, FOUND = 100_000, "found.json"
SPREADS = (1.0, 0.01)
SHARES = {"users": 0.125, "products": 0.125, "orders": 0.25, "order_items": 0.5}
PLAIN = "1790000000000L AS created_at, 1790000000000L AS updated_at, '{op}' AS __op"
CLOCK = "timestamp_millis(1790000000000 + {lsn}) AS __ts_ms, timestamp_millis(1790000000000) AS __source_ts_ms"
COLUMNS = {
    "users": ["CONCAT('u', key, '@x.org') AS email", "'Ann' AS first_name", "'Lee' AS last_name"],
    "products": ["CONCAT('p', key) AS name", "'' AS description", "'1.00' AS price", "5 AS stock_quantity"],
    "orders": ["key % {users} AS user_id", "'pending' AS status", "'10.00' AS total_amount", "'A' AS shipping_address"],
    "order_items": [
        "key % {orders} AS order_id",
        "key % {products} AS product_id",
        "1 AS quantity",
        "CAST('1.00' AS DECIMAL(10,2)) AS unit_price",
    ],
}
console = Console()


class Shop:
    """The chain's first stages over four tables that hold about `size` rows together, keys from 0 on.

    `spread`: the newest share of each table in which a delta changes keys.
    """

    def __init__(self, spark: Any, size: int, spread: float) -> None:
        self.spark, self.spread = spark, spread
        settings = load(SubmitterSettings)
        state = Folder(s3_client(settings.aws_region, settings.s3_endpoint), settings.lake_state)
        self.lake = replace(submitter_service.real_ports(settings), job=InProcess(spark, state))
        self.raw = loader_service.real_ports(load(LoaderSettings))
        self.rows = {table: int(size * share) for table, share in SHARES.items()}
        self.first = dict(self.rows)
        self.done: dict[str, int | None] = dict.fromkeys(SHARES)
        self.seq, self.lsn = 0, 1_000
        spark.sql("CREATE NAMESPACE IF NOT EXISTS lake.ecommerce")
        for table, rows in self.rows.items():
            self.deliver(table, spark.range(rows).selectExpr("id AS key"), "r")
        self.run()

    def deliver(self, table: str, keys: Any, op: str) -> None:
        """Change rows of these keys, all later than any before."""
        lsn = f"{self.lsn} + key"
        columns = [column.format(**self.first) for column in COLUMNS[table]]
        about = [*PLAIN.format(op=op).split(", "), *CLOCK.format(lsn=lsn).split(", ")]
        rows = keys.selectExpr("CAST(key AS INT) AS id", *columns, *about, f"CAST({lsn} AS BIGINT) AS __source_lsn")
        writer = rows.coalesce(max(1, self.rows[table] // 1_000_000)).writeTo(f"lake.ecommerce.{table}")
        if op == "r":
            writer.using("iceberg").create()
        else:
            writer.append()

    def delta(self) -> dict[str, Any]:
        """The keys of a delta by table, delivered to the source."""
        self.lsn += 20_000_000
        found = {}
        for table, rows in self.rows.items():
            count = int(DELTA_ROWS * SHARES[table]) // 2
            newest = int(rows * self.spread)
            changed = f"{rows - newest} + (id * 7919 * {self.lsn}) % {newest} AS key"
            spread = self.spark.range(count).selectExpr(changed).distinct()
            found[table] = spread.union(self.spark.range(count).selectExpr(f"id + {rows} AS key"))
            self.deliver(table, found[table], "u")
            self.rows[table] += count
        return found

    def run(self) -> None:
        """What has been delivered goes into the lake and into RAW."""
        heads = {t: snapshot_of(load_table(self.spark, f"lake.ecommerce.{t}"), "main") for t in SHARES}
        cuts = [
            TableCut(table=t, from_snapshot=self.done[t], to_snapshot=head, rows=self.rows[t] if self.seq == 0 else 500)
            for t, head in heads.items()
        ]
        self.seq += 1
        event = SnapshotCommitted(
            dataset="ecommerce",
            kind="process",
            run_id=f"bench-{self.seq}",
            run_seq=self.seq,
            generation=0,
            tables=cuts,
            committed_at_ms=0,
        )
        [curated] = [told for told in curate(event, self.lake) if isinstance(told, LakeCurated)]
        load_raw(curated, self.raw)
        self.done = dict(heads)

    def age(self, snapshots: int) -> None:
        """Snapshots without a file, on a branch beside main, until every table has had so many."""
        curated = [f"lake.curated_ecommerce.{table}{kind}" for table in SHARES for kind in ("", "_changes")]
        for name in [*curated, *(f"lake.ecommerce.{table}" for table in SHARES)]:
            table: Any = load_table(self.spark, name)
            transaction = table.newTransaction()
            there = table.history().size()
            for _ in range(snapshots - int(there)):
                transaction.newAppend().toBranch("aged").commit()
            transaction.commitTransaction()

    def bare(self) -> Callable[[dict[str, Any]], None]:
        """Takes a delta as one append and one MERGE for each table, onto copies of the curated tables."""
        as_written = "'format-version'='2', 'write.merge.mode'='merge-on-read', 'write.distribution-mode'='none'"
        for name in (f"lake.curated_ecommerce.{table}{kind}" for table in SHARES for kind in ("", "_changes")):
            self.spark.sql(
                f"CREATE TABLE {name}_bare USING iceberg TBLPROPERTIES ({as_written}) AS SELECT * FROM {name}"
            )
        changes = {table: f"lake.curated_ecommerce.{table}_changes" for table in SHARES}
        row = {table: self.spark.table(name).limit(1).drop("id").localCheckpoint() for table, name in changes.items()}

        def take(keys: dict[str, Any]) -> None:
            for table, chosen in keys.items():
                rows = chosen.selectExpr("CAST(key AS INT) AS id").crossJoin(row[table]).coalesce(1)
                rows.writeTo(f"{changes[table]}_bare").append()
                state = rows.drop("_run_id").selectExpr("*", "NULL AS _state_flags", "false AS _is_deleted")
                state.createOrReplaceTempView("bare_delta")
                self.spark.sql(
                    f"MERGE INTO lake.curated_ecommerce.{table}_bare t USING bare_delta s ON t.id = s.id "
                    "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
                )

        return take


class InProcess:
    """The job in the bench's own session."""

    def __init__(self, spark: Any, folder: Folder) -> None:
        self.spark, self.folder = spark, folder

    def run(self, manifest: Manifest) -> Result:
        run_job(self.spark, write_manifest(self.folder, manifest))
        result = read_result(self.folder, manifest.run_id, manifest.attempt)
        assert result is not None
        return result


def median_of(shop: Shop, work: Callable[[dict[str, Any]], Any]) -> float:
    """The median seconds of MEASURED deltas taken by `work`, after WARM_UP ones."""
    seconds = []
    for _ in range(WARM_UP + MEASURED):
        keys = {table: frame.localCheckpoint() for table, frame in shop.delta().items()}
        began = time.monotonic()
        work(keys)
        seconds.append(time.monotonic() - began)
    return statistics.median(seconds[WARM_UP:])


def measure(size: int, snapshots: int, spread: float, memory: str, home: Path) -> dict[str, float]:
    """Seconds of the two stages for a delta, and of its bare writes, with a lab and a session of its own."""
    lab.up(home, only=["initialise"])
    try:
        os.environ.update(lab.environment(home))
        spark = spark_driver.session(home / "spark", memory, load(LakeSettings))
        shop = Shop(spark, size, spread)
        shop.age(snapshots)
        ours = median_of(shop, lambda _: shop.run())
        found = {"ours": ours, "bare": median_of(shop, shop.bare())}
        spark.stop()
        return found
    finally:
        lab.down(home)


def in_a_process(size: int, snapshots: int, spread: float, memory: str) -> dict[str, float]:
    """`measure` in a process of its own, so that every case has a JVM as warm as the others'."""
    with tempfile.TemporaryDirectory(prefix="tidemark-bench-") as folder:
        case = [str(size), str(snapshots), str(spread), folder, "--memory", memory]
        subprocess.run([sys.executable, __file__, "--case", *case], check=True)
        found: dict[str, float] = json.loads((Path(folder) / FOUND).read_text())
    told = f"{size:,} rows, {snapshots} snapshots, changes in the newest {spread:.0%}"
    console.print(f"{told}: {found['ours']:.2f} s, bare {found['bare']:.2f} s")
    return found


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,1000000,10000000")
    parser.add_argument("--history", default="10,500")
    parser.add_argument("--memory", default="2g", help="the Spark driver's heap")
    parser.add_argument("--case", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.case:
        size, snapshots, spread, folder = given.case
        found = measure(int(size), int(snapshots), float(spread), given.memory, Path(folder))
        (Path(folder) / FOUND).write_text(json.dumps(found))
        return
    sizes, history = ([int(text) for text in one.split(",")] for one in (given.sizes, given.history))
    table = new_table(f"Seconds of lake and load for a delta of {DELTA_ROWS:,} rows over four tables, and ratios")
    for name in ("rows", "snapshots", "changes in", "seconds", "against the first", "bare", "against bare"):
        table.add_column(name, justify="right")
    by_size = [[(size, 0, spread) for size in sizes] for spread in SPREADS]
    for cases in (*by_size, [(HISTORY_SIZE, snapshots, 1.0) for snapshots in history]):
        first = 0.0
        for size, snapshots, spread in cases:
            found = in_a_process(size, snapshots, spread, given.memory)
            first = first or found["ours"]
            ratios = (f"{found['ours'] / first:.2f}", f"{found['bare']:.2f}", f"{found['ours'] / found['bare']:.2f}")
            table.add_row(f"{size:,}", str(snapshots), f"{spread:.0%}", f"{found['ours']:.2f}", *ratios)
    console.print(table)


if __name__ == "__main__":
    main()
