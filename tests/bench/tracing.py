"""`make bench`: what tracing costs: spans of a warm run x CPU per span, over the CPU that the run takes.

CPU per span is measured here, from beginning a span to its leaving by OTLP, on all threads of this process. The run's
CPU is that of the services and Spark's driver alone, without emulators and trace store, so the share is told too high
rather than too low. Nothing is asserted: figures go into docs/performance.md, the goal is 1 %.

    python tests/bench/tracing.py [--rows 100000]
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import httpx
import psutil
from chain import DELTA_ROWS, MEASURED, ROWS_AT_SCALE_ONE, WARM_UP, upstream
from rich.console import Console

from tidemark import signals, tracing
from tidemark_cli.chain import read_runs
from tidemark_cli.render import new_table
from tidemark_lab import lab
from tidemark_lab.stack import SERVICES

SPANS, BATCH = 20_000, 200
console = Console()


def cpu_per_span(endpoint: str) -> float:
    """Seconds of CPU, all threads, for one span with the attributes of a COPY, export included."""
    tracing.set_up("bench", endpoint)
    before = time.process_time()
    for number in range(SPANS):
        with tracing.span(signals.COPY_INTO, table="orders", run_seq=number, files=4, rows=1000, bytes=70_000):
            pass
        if number % BATCH == BATCH - 1:
            time.sleep(0.05)  # so that the queue is sent, not dropped: a run's spans come slowly too
    tracing.shut_down()
    return (time.process_time() - before) / SPANS


def cpu_of_parts(home: Path) -> float:
    """Seconds of CPU that the services and Spark's driver have used, with all they have started."""
    total = 0.0
    for name in (*SERVICES, "spark"):
        process = psutil.Process(lab.state(name, home)["pid"])
        for one in (process, *process.children(recursive=True)):
            times = one.cpu_times()
            total += times.user + times.system
    return total


def measure(rows: int, home: Path) -> tuple[float, float, float]:
    """(CPU per span, median spans of a warm run, median CPU of a warm run)."""
    lab.up(home)
    try:
        os.environ.update(lab.environment(home))
        upstream(home, "initial", "--scale", str(rows / ROWS_AT_SCALE_ONE))
        for _ in range(WARM_UP):
            upstream(home, "delta", "--rows", str(DELTA_ROWS))
        spans, used = [], []
        for _ in range(MEASURED):
            before = cpu_of_parts(home)
            upstream(home, "delta", "--rows", str(DELTA_ROWS))
            used.append(cpu_of_parts(home) - before)
            trace = list(read_runs().values())[-1].trace_id
            time.sleep(1.0)  # the last spans leave half a second after they end
            answer = httpx.get(f"{os.environ['TIDEMARK_TRACES_URL']}/api/traces/{trace}", timeout=10)
            spans.append(len(answer.raise_for_status().json()))
        each = cpu_per_span(os.environ["TIDEMARK_OTLP_ENDPOINT"])
        return each, statistics.median(spans), statistics.median(used)
    finally:
        lab.down(home)


def main() -> None:
    """Measure and print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidemark-bench-") as folder:
        each, spans, used = measure(given.rows, Path(folder) / "lab")
    table = new_table("What tracing costs a warm run")
    for name in ("CPU per span", "spans", "their CPU", "the run's CPU", "share"):
        table.add_column(name, justify="right")
    cost = each * spans
    share = f"{100 * cost / used:.2f} %"
    table.add_row(f"{each * 1e6:.0f} us", f"{spans:.0f}", f"{cost * 1000:.0f} ms", f"{used:.1f} s", share)
    console.print(table)


if __name__ == "__main__":
    main()
