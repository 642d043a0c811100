"""What the transformer's stage adds to the models' own SQL, and what it saves against dbt's command line.

A warehouse of its own with `--rows` change rows of the shop in RAW. After WARM_UP deltas of about 1,000 change rows,
each of MEASURED more is taken three times: by `dbt build` of the same models and tests on the command line (parsed
before, as its partial parsing keeps it), by the models' compiled SQL run bare, one after the other, and by the stage,
which publishes as well. Run bare, an incremental fact finds what the command line has filled. Medians; nothing is
asserted.

    python tests/bench/marts.py [--rows 1000000]
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
from functools import partial
from pathlib import Path

from msgspec.structs import asdict
from rich.console import Console

from tidemark.tables import registry
from tidemark_cli.render import new_table
from tidemark_warehouse import execute, execute_many, names, quote
from transformer.plan import plan, select
from transformer.ports import Plan, Window
from transformer.settings import PROJECT

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from transformer_bench import DAY_ZERO_MS, Bench, emulator

DATASET, DELTA_ROWS, WARM_UP, MEASURED = "ecommerce", 1000, 2, 3
SHARES = {"users": 0.125, "products": 0.125, "orders": 0.25, "order_items": 0.5}
MOMENT = "TO_TIMESTAMP_NTZ({seconds})"
ADDRESS = "'1 Oak Street, Austin, TX 78701, US'"
VALUES = {
    "users": {"email": "'u' || N || '@x.org'", "first_name": "'Ann'", "last_name": "'Lee'"},
    "products": {
        "name": "'p' || N",
        "description": "''",
        "price": "1 + MOD(N, 500)",
        "stock_quantity": "MOD(N * {seq}, 90)",
        "category": "'c' || MOD(N, 12)",
    },
    "orders": {
        "user_id": "MOD(N * 7, {users})",
        "status": "CASE MOD(N, 9) WHEN 0 THEN 'cancelled' WHEN 1 THEN 'pending' ELSE 'delivered' END",
        "total_amount": "10 + MOD(N, 300)",
        "shipping_address": ADDRESS,
    },
    "order_items": {
        "order_id": "MOD(N, {orders})",
        "product_id": "MOD(N * 11, {products})",
        "quantity": "1 + MOD(N, 4)",
        "unit_price": "5 + MOD(N, 90)",
    },
}
STAGE = "the stage"
console = Console()


class Shop:
    """RAW of the shop; every run changes keys that are spread over the whole table and adds as many new ones."""

    def __init__(self, bench: Bench, rows: int) -> None:
        self.bench, self.seq = bench, 0
        self.rows = {table: int(rows * share) for table, share in SHARES.items()}
        execute(bench.connection, "CREATE OR REPLACE TABLE RAW.BENCH_DIGITS (N NUMBER(10,0))")
        execute_many(
            bench.connection, "INSERT INTO RAW.BENCH_DIGITS VALUES (%(n)s)", [{"n": number} for number in range(1000)]
        )
        self.load({table: (count, "0") for table, count in self.rows.items()})

    def delta(self) -> None:
        """The next run."""
        half = {table: int(DELTA_ROWS * share) // 2 for table, share in SHARES.items()}
        self.load({table: (count, f"MOD(N * 7919, {self.rows[table]})") for table, count in half.items()})

    def load(self, told: dict[str, tuple[int, str]]) -> None:
        """Put a run into RAW and its ledger: (how many numbers N, the changed key of N) by table."""
        self.seq += 1
        for table, (count, changed) in told.items():
            first = self.rows[table] if self.seq > 1 else 0
            keys = [f"N + {first}"] + ([changed] if self.seq > 1 else [])
            for key in keys:
                self._insert(table, count, key)
            self.rows[table] = max(self.rows[table], first + count)
            newest = DAY_ZERO_MS + self.seq * 86_400_000
            self.bench.record_load(DATASET, self.seq, table, count * len(keys), newest)

    def _insert(self, table: str, count: int, key: str) -> None:
        """One row of each number below `count`, with this key."""
        seconds = f"{DAY_ZERO_MS // 1000} + {self.seq * 86_400} - MOD(N, 80000)"
        values = {name: text.format(seq=self.seq, **self.rows) for name, text in VALUES[table].items()}
        moment = MOMENT.format(seconds=seconds)
        clock = {"created_at": MOMENT.format(seconds=DAY_ZERO_MS // 1000), "updated_at": moment}
        about = {
            "_op": "'u'",
            "_lsn": f"{self.seq} * 10000000 + N",
            "_ts_ms": f"({seconds}) * 1000",
            "_source_ts": moment,
            "_run_id": f"'run-{self.seq}'",
            "_run_seq": str(self.seq),
            "_file_name": f"'{table}-{self.seq}-{len(key)}'",
            "_file_row_number": "N",
            "_loaded_at": moment,
        }
        columns = {"id": key, **values, **clock, **about}
        execute(
            self.bench.connection,
            f"INSERT INTO {quote('raw', table)} ({names(columns)}) SELECT {', '.join(columns.values())} "
            "FROM (SELECT A.N * 1000 + B.N AS N FROM RAW.BENCH_DIGITS A CROSS JOIN RAW.BENCH_DIGITS B) "
            f"WHERE N < {count}",
        )


def planned(shop: Shop) -> tuple[Plan, Window]:
    """What the stage will build for the newest run, in a build schema that is ready for it."""
    warehouse, models = shop.bench.ports.warehouse, shop.bench.ports.models.models(DATASET)
    loaded = warehouse.loaded(DATASET, shop.seq - 1, shop.seq)
    published = warehouse.published(models)
    found = plan(models, select(models, loaded.tables, published), published, full=False)
    warehouse.prepare(found)
    window = Window(dataset=DATASET, from_seq=shop.seq - 1, to_seq=shop.seq, as_of_ms=loaded.as_of_ms or 0)
    return found, window


def command_line(shop: Shop, found: Plan, window: Window, target: Path) -> None:
    """The same models and tests by dbt's own command."""
    variables = {name: value for name, value in asdict(window).items() if name != "dataset"}
    arguments = [f"--project-dir={PROJECT}", f"--profiles-dir={PROJECT}", f"--target-path={target}", "--quiet"]
    arguments += [f"--log-path={target}", "--exclude-resource-type=unit_test", f"--vars={json.dumps(variables)}"]
    selected = ["--select", *(model.name for model in found.build)]
    environment = {**os.environ, "TIDEMARK_BUILD_SCHEMA": shop.bench.build_schema}
    dbt = str(Path(sys.executable).parent / "dbt")
    subprocess.run([dbt, "build", *arguments, *selected], check=True, env=environment)


def bare(shop: Shop, found: Plan, target: Path) -> None:
    """The models' own SQL as dbt compiled it, each into a table (a view: nothing)."""
    texts = {path.stem: path.read_text() for path in (target / "compiled").rglob("*.sql")}
    for model in found.build:
        if model.kind != "view":
            execute(shop.bench.connection, f"CREATE OR REPLACE TABLE RAW.BENCH_BARE AS {texts[model.name]}")


def timed(work: Callable[[], object]) -> float:
    """Seconds that it took."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def measure(shop: Shop, target: Path) -> dict[str, float]:
    """Median seconds of a delta, by who takes it."""
    console.print(f"initial load: {timed(lambda: shop.bench.handle(DATASET, shop.seq)):.1f} s")
    found: list[dict[str, float]] = []
    for _ in range(WARM_UP + MEASURED):
        shop.delta()
        build, window = planned(shop)
        ways = {
            "dbt's command line": partial(command_line, shop, build, window, target),
            "the models' SQL, bare": partial(bare, shop, build, target),
            STAGE: partial(shop.bench.handle, DATASET, shop.seq),
        }
        found.append({name: timed(work) for name, work in ways.items()})
        console.print(f"{len(build.build)} models: " + ", ".join(f"{took:.1f} s" for took in found[-1].values()))
    return {name: statistics.median(one[name] for one in found[WARM_UP:]) for name in found[0]}


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidemark-bench-") as home, emulator(Path(home)) as environment:
        bench = Bench(environment)
        measured = measure(Shop(bench, given.rows), Path(home) / "target")
        bench.close()
    table = new_table(f"Seconds for a delta of {DELTA_ROWS:,} rows on {given.rows:,}")
    for name in ("by", "seconds", "against the stage"):
        table.add_column(name, justify="left" if name == "by" else "right")
    for name, value in measured.items():
        table.add_row(name, f"{value:.2f}", f"{value / measured[STAGE]:.2f}")
    console.print(table)


if __name__ == "__main__":
    assert set(SHARES) == set(registry().tables_of(DATASET))
    main()
