"""`make bench`: seconds from commit to layers.reconciled, split by stage, from one run on this machine.

Starts a lab of its own in an empty folder for each size, loads it, warms the chain with one delta, and measures three
more deltas of about 1,000 change rows; medians are printed. Nothing is asserted: figures go into docs/performance.md.

    python tests/bench/chain.py [--sizes 100000,1000000] [--keep FOLDER]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from tidemark.events import CHAIN
from tidemark_cli.chain import read_runs
from tidemark_cli.lab import MEGABYTE, wait_until_reconciled
from tidemark_cli.render import new_table
from tidemark_cli.runs import Run
from tidemark_lab import lab

ROWS_AT_SCALE_ONE = 60_000
WARM_UP, MEASURED, DELTA_ROWS = 1, 3, 1000
console = Console()


def upstream(home: Path, *arguments: str) -> None:
    """Let the generator make one step, and wait until the chain has taken it."""
    command = [sys.executable, "-m", "tidemark_lab.upstream", *arguments, "--home", str(home), "--dataset", "ecommerce"]
    subprocess.run(command, check=True)
    wait_until_reconciled()


def stage_seconds(run: Run) -> dict[str, float]:
    """Seconds between one event's arrival in Kafka and the next one's; the first from the source's commit."""
    assert run.cut is not None
    found, before = {}, run.cut.committed_at_ms
    for event in CHAIN:
        found[event.stage] = (run.first_ms[event.stage] - before) / 1000
        before = run.first_ms[event.stage]
    found["total"] = (before - run.cut.committed_at_ms) / 1000
    return found


def measure(rows: int, home: Path) -> tuple[dict[str, float], dict[str, float], dict[str, Any]]:
    """(initial load, median of the deltas, peak memory in bytes by part) at a size."""
    lab.up(home, lambda *_: None)
    try:
        os.environ.update(lab.environment(home))
        upstream(home, "initial", "--scale", str(rows / ROWS_AT_SCALE_ONE))
        first = stage_seconds(next(iter(read_runs().values())))
        for _ in range(WARM_UP + MEASURED):
            upstream(home, "delta", "--rows", str(DELTA_ROWS))
        deltas = [stage_seconds(run) for run in list(read_runs().values())[-MEASURED:]]
        medians = {name: statistics.median(d[name] for d in deltas) for name in first}
        return first, medians, lab.peak_memory(home)
    finally:
        lab.down(home)


def main() -> None:
    """Measure each size and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="100000,1000000")
    parser.add_argument("--keep", type=Path, help="keep the labs' folders here")
    given = parser.parse_args()
    table = new_table("Seconds from commit to layers.reconciled; peak memory of everything in MB")
    for name in ("rows", "what", "cut", "lake", "RAW", "marts", "compare", "total", "MB"):
        table.add_column(name, justify="left" if name == "what" else "right")
    with tempfile.TemporaryDirectory(prefix="tidemark-bench-") as folder:
        for size in map(int, given.sizes.split(",")):
            first, deltas, peak = measure(size, (given.keep or Path(folder)) / str(size))
            memory = f"{peak['total']['peak'] / MEGABYTE:.0f}"
            for what, seconds in (("initial load", first), ("warm delta", deltas)):
                table.add_row(f"{size:,}", what, *(f"{s:.1f}" for s in seconds.values()), memory)
    console.print(table)


if __name__ == "__main__":
    main()
