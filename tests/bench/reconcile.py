"""What a reconciliation costs against a plain scan of both sides: seconds, bytes moved, the reconciler's own memory.

Both emulators of its own, with the same generated transactions in each. A plain scan asks both engines at once for the
sum of all rows' MD5 hashes; the reconciler then compares clean sides, first without anything that it knows of settled
rows, then with it, and at last after a delta of 1,000 rows on both. Medians of MEASURED; nothing is asserted. The
goals: twice the scan, 10 MB, 150 MB, and 0.5 s for the delta.

    python tests/bench/reconcile.py [--rows 2000000]
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import clickhouse_connect
from rich.console import Console

from reconciler.canonical import CLICKHOUSE, SNOWFLAKE, fragments
from reconciler.clickhouse import ClickHouse
from reconciler.passes import compare_pair
from reconciler.settled import Settled
from reconciler.snowflake import Session, Snowflake
from tidemark.settings import ClickHouseSettings
from tidemark_cli.lab import MEGABYTE
from tidemark_cli.render import new_table
from tidemark_warehouse import execute

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from peak_memory import peak_above_idle
from reconciler_generated import MART, PAIR, SPEED, fill_mart, fill_speed, window
from transformer_bench import Database, emulator
from waiting import until_answered

DELTA_ROWS, MEASURED = 1000, 3


class Wire:
    """A port in front of another one that counts what comes back through it."""

    def __init__(self, target: int) -> None:
        self.bytes, self._target = 0, target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            far = socket.create_connection(("127.0.0.1", self._target))
            threading.Thread(target=self._pass, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(far, near, True), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        with suppress(OSError):  # one of the two has hung up
            while block := source.recv(65536):
                self.bytes += len(block) if counted else 0
                sink.sendall(block)
            sink.shutdown(socket.SHUT_WR)


class Bench:
    """Both sides behind wires, filled with equal rows."""

    def __init__(self, clickhouse_port: int, database: Database, rows: int) -> None:
        self.speed = clickhouse_connect.get_client(host="127.0.0.1", port=clickhouse_port)
        self.warehouse, self.rows = database.connection, rows
        fill_speed(self.speed, rows)
        fill_mart(self.warehouse, rows)
        self.wires = Wire(clickhouse_port), Wire(database.settings.snowflake_port or 0)
        live = ClickHouseSettings(clickhouse_host="127.0.0.1", clickhouse_port=self.wires[0].port)
        marts = database.settings.model_copy(update={"snowflake_port": self.wires[1].port})
        self.session = Session(marts)
        self.sides = ClickHouse(live), Snowflake(self.session)
        self.settled = Settled()
        self.memory = peak_above_idle(self.compare)  # of the first comparison: later ones find the heap grown

    def close(self) -> None:
        """End the sessions before their engine ends."""
        self.session.connection().close()
        self.warehouse.close()

    def scan(self) -> None:
        """The sum of all rows' hashes, on both engines at once."""
        left, right = (fragments(dialect, PAIR)["row_hash"] for dialect in (CLICKHOUSE, SNOWFLAKE))
        with ThreadPoolExecutor(2) as pool:
            asked = pool.submit(self.speed.query, f"SELECT count(), sum(toUInt128({left})) FROM {SPEED}")
            execute(self.warehouse, f"SELECT COUNT(*), SUM({right}) FROM {MART}")
            asked.result()

    def compare(self, expected: int = 0) -> None:
        """A whole comparison that finds so many differing keys."""
        self.settled.begin(1, window().settled_us)
        compared = compare_pair(PAIR, *self.sides, window(), (), settled=self.settled)
        self.settled.keep()
        if sum(compared.counts.values()) != expected or compared.rows < self.rows:
            raise SystemExit(f"{compared.rows} rows compared, {dict(compared.counts)} differ")

    def compare_whole(self, expected: int = 0) -> None:
        """The same by a reconciler that has just started."""
        self.settled = Settled()
        self.compare(expected)

    def delta(self, number: int) -> None:
        """1,000 rows, others with each number, get another status on both sides."""
        later = "processing_time + toIntervalSecond(1) AS processing_time"
        ids = self.change_the_mart(number)
        self.speed.command(
            f"INSERT INTO {SPEED} SELECT * REPLACE ('delta' AS status, {later}) FROM {SPEED} "
            "WHERE toString(transaction_id) IN %(ids)s",
            {"ids": ids},
        )

    def change_the_mart(self, number: int) -> list[str]:
        """1,000 rows, others with each number, get another status on the batch side; their ids."""
        numbers = f"cityHash64(transaction_id) % {self.rows // DELTA_ROWS} = {number}"
        query = f"SELECT DISTINCT toString(transaction_id) FROM {SPEED} WHERE {numbers}"
        ids = list(self.speed.query(query).result_columns[0])
        execute(self.warehouse, f"UPDATE {MART} SET STATUS = 'delta' WHERE TRANSACTION_ID IN (%(ids)s)", {"ids": ids})
        return ids


def seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure(bench: Bench) -> list[tuple[str, str, str]]:
    """(what, figure, goal)."""
    scan = statistics.median(seconds(bench.scan) for _ in range(MEASURED))
    before = sum(wire.bytes for wire in bench.wires)
    bench.compare_whole()
    moved = sum(wire.bytes for wire in bench.wires) - before
    clean = statistics.median(seconds(bench.compare_whole) for _ in range(MEASURED))
    again = statistics.median(seconds(bench.compare) for _ in range(MEASURED))
    deltas = []
    for number in range(MEASURED):
        bench.delta(number)
        deltas.append(seconds(bench.compare))
    delta = statistics.median(deltas)
    return [
        ("plain scan of hashes, both sides", f"{scan:.2f} s", ""),
        ("clean comparison, nothing known", f"{clean:.2f} s, {clean / scan:.2f} times the scan", "2 times"),
        ("clean comparison, again", f"{again:.2f} s, {again / scan:.2f} times the scan", "2 times"),
        ("bytes moved", f"{moved / MEGABYTE:.2f} MB", "10 MB"),
        ("memory above idle", f"{bench.memory / MEGABYTE:.0f} MB", "150 MB"),
        (f"comparison after a delta of {DELTA_ROWS:,} rows", f"{delta:.2f} s", "0.5 s"),
    ]


def rows_asked(description: str | None) -> int:
    """How many rows the command line asks for."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    return int(parser.parse_args().rows)


@contextmanager
def engines(rows: int) -> Iterator[Bench]:
    """Both emulators with so many equal rows."""
    with tempfile.TemporaryDirectory(prefix="tidemark-bench-") as folder, emulator(Path(folder)) as environment:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = str(probe.getsockname()[1])
        command = [sys.executable, "-m", "tidemark_lab.clickhouse", "--port", port, "--data", f"{folder}/clickhouse"]
        os.environ.setdefault("AWS_REGION", "us-east-1")
        log = Path(folder) / "clickhouse.log"
        with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
            try:
                until_answered(f"http://127.0.0.1:{port}/ping", log)
                bench = Bench(int(port), Database(environment), rows)
                yield bench
                bench.close()
            finally:
                process.terminate()


def tell(title: str, lines: Iterable[tuple[str, str, str]]) -> None:
    """One table."""
    table = new_table(title)
    for name in ("what", "measured", "goal"):
        table.add_column(name)
    for line in lines:
        table.add_row(*line)
    Console().print(table)


def main() -> None:
    """Measure and print one table."""
    rows = rows_asked(__doc__)
    with engines(rows) as bench:
        tell(f"Reconciling {rows:,} rows", measure(bench))


if __name__ == "__main__":
    main()
