"""How a small cut's seconds grow: with the tables' size, with their history, and against bare appends and MERGEs.

Runs the real job on a Spark of its own over a warehouse on disk, so that nothing but the job and Iceberg is measured:
four tables, a delta of 1,000 change rows (half of them to keys spread over the whole table, half new). Medians of
MEASURED deltas after one to warm up; all figures of a table come from one session. Nothing is asserted.

    python tests/bench/growth.py [--sizes 10000,1000000] [--history 10,500]
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from curate_lake import Lake, local_spark

from tidemark_cli.render import new_table

DELTA_ROWS, MEASURED = 1000, 3
SHARES = {"users": 0.125, "products": 0.125, "orders": 0.25, "order_items": 0.5}
PLAIN = "1790000000000L AS created_at, 1790000000000L AS updated_at, '{op}' AS __op"
CLOCK = "timestamp_millis(1790000000000 + {lsn}) AS __ts_ms, timestamp_millis(1790000000000) AS __source_ts_ms"
COLUMNS = {
    "users": "CONCAT('u', key, '@x.org') AS email, 'Ann' AS first_name, 'Lee' AS last_name",
    "products": "CONCAT('p', key) AS name, '' AS description, '1.00' AS price, 5 AS stock_quantity, 'home' AS category",
    "orders": "key % {users} AS user_id, 'pending' AS status, '10.00' AS total_amount, 'Main St 1' AS shipping_address",
    "order_items": "key % {orders} AS order_id, key % {products} AS product_id, 1 AS quantity, "
    "CAST('1.00' AS DECIMAL(10,2)) AS unit_price",
}
console = Console()


class Shop:
    """A lake whose four tables hold about `size` rows together, keys from 0 on."""

    def __init__(self, spark: Any, folder: Path, size: int) -> None:
        self.lake = Lake(spark, folder, f"shop_{size}_{time.monotonic_ns()}")
        self.rows = {table: int(size * share) for table, share in SHARES.items()}
        self.first = dict(self.rows)
        self.lsn = 1_000
        for table, rows in self.rows.items():
            self.deliver(table, spark.range(rows).selectExpr("id AS key"), "r")
        self.lake.run()

    def deliver(self, table: str, keys: Any, op: str) -> None:
        """Change rows of these keys, all later than any before."""
        self.lsn += 1
        lsn = f"{self.lsn} + key"
        about = f"{PLAIN}, {CLOCK}, CAST({lsn} AS BIGINT) AS __source_lsn".format(op=op, lsn=lsn)
        columns = COLUMNS[table].format(**self.first)
        frame = keys.selectExpr("CAST(key AS INT) AS id", *_split(columns), *_split(about))
        self.lake.append_frame(table, frame.coalesce(max(1, self.rows[table] // 1_000_000)))

    def delta(self) -> dict[str, Any]:
        """The keys of a delta by table, delivered to the source."""
        self.lsn += 10_000_000
        found = {}
        for table, rows in self.rows.items():
            count = int(DELTA_ROWS * SHARES[table]) // 2
            spread = self.lake.spark.range(count).selectExpr(f"(id * 7919 * {self.lsn}) % {rows} AS key").distinct()
            new = self.lake.spark.range(count).selectExpr(f"id + {rows} AS key")
            found[table] = spread.union(new)
            self.deliver(table, found[table], "u")
            self.rows[table] += count
        return found

    def age(self, snapshots: int) -> None:
        """Snapshots without a file, until every table has had so many."""
        from curate_job.catalog import load_table, snapshot_of

        for table, base in self.lake.base.items():
            for kind in base:
                name = f"lake.curated_{self.lake.name}.{table}" + ("" if kind == "current" else f"_{kind}")
                loaded = load_table(self.lake.spark, name)
                for _ in range(snapshots - sum(1 for _ in _listed(loaded.snapshots()))):
                    loaded.newAppend().commit()
                base[kind] = snapshot_of(load_table(self.lake.spark, name), "main")

    def measure(self, work: Callable[[], Any]) -> float:
        """The median of MEASURED deltas taken by `work`, after one to warm up."""
        seconds = []
        for _ in range(MEASURED + 1):
            self.delta()
            began = time.monotonic()
            work()
            seconds.append(time.monotonic() - began)
        return statistics.median(seconds[1:])

    def bare(self) -> float:
        """The same delta as one append and one MERGE for each table, onto copies of the curated tables."""
        spark, seconds = self.lake.spark, []
        for table in self.rows:
            for kind in ("", "_changes"):
                name = f"lake.curated_{self.lake.name}.{table}{kind}"
                properties = "TBLPROPERTIES ('format-version'='2', 'write.merge.mode'='merge-on-read')"
                spark.sql(f"CREATE TABLE {name}_bare USING iceberg {properties} AS SELECT * FROM {name}")
        for _ in range(MEASURED + 1):
            keys = self.delta()
            rows = {table: self._changes(table, chosen).localCheckpoint() for table, chosen in keys.items()}
            began = time.monotonic()
            for table, frame in rows.items():
                name = f"lake.curated_{self.lake.name}.{table}"
                frame.writeTo(f"{name}_changes_bare").append()
                state = frame.drop("_run_id").selectExpr("*", "NULL AS _state_flags", "false AS _is_deleted")
                state.createOrReplaceTempView("bare_delta")
                spark.sql(
                    f"MERGE INTO {name}_bare t USING bare_delta s ON t.id = s.id "
                    "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
                )
            seconds.append(time.monotonic() - began)
            self.lake.run()
        return statistics.median(seconds[1:])

    def _changes(self, table: str, keys: Any) -> Any:
        """A delta's rows with the changes table's columns: some row of the table under each key."""
        stored = self.lake.spark.table(f"lake.curated_{self.lake.name}.{table}_changes").limit(1).drop("id")
        return keys.selectExpr("CAST(key AS INT) AS id").crossJoin(stored).coalesce(1)


def _split(columns: str) -> list[str]:
    """Expressions at the top level of a list of columns."""
    found, depth = [""], 0
    for sign in columns:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            found.append("")
        else:
            found[-1] += sign
    return found


def _listed(iterable: Any) -> Any:
    iterator = iterable.iterator()
    while iterator.hasNext():
        yield iterator.next()


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,1000000")
    parser.add_argument("--history", default="10,500")
    parser.add_argument("--memory", default="2g", help="the Spark driver's heap")
    given = parser.parse_args()
    sizes, history = ([int(text) for text in one.split(",")] for one in (given.sizes, given.history))
    table = new_table(f"Seconds of the job for a delta of {DELTA_ROWS:,} rows over four tables, and ratios")
    for name in ("what", "job", "against the first", "bare", "job / bare"):
        table.add_column(name, justify="left" if name == "what" else "right")
    with tempfile.TemporaryDirectory(prefix="tidemark-bench-") as folder:
        place = Path(folder)
        with local_spark(place / "warehouse", given.memory, partitions=8) as spark:
            first = 0.0
            for size in sizes:
                shop = Shop(spark, place, size)
                seconds = shop.measure(shop.lake.run)
                first, bare = first or seconds, shop.bare()
                ratios = (f"{seconds / first:.2f}", f"{bare:.2f}", f"{seconds / bare:.2f}")
                table.add_row(f"{size:,} rows", f"{seconds:.2f}", *ratios)
                console.print(f"{size:,} rows: {seconds:.2f} s, bare {bare:.2f} s")
            first, shop = 0.0, Shop(spark, place, 100_000)
            for snapshots in history:
                shop.age(snapshots)
                seconds = shop.measure(shop.lake.run)
                first = first or seconds
                table.add_row(f"{snapshots} snapshots", f"{seconds:.2f}", f"{seconds / first:.2f}", "", "")
    console.print(table)


if __name__ == "__main__":
    main()
