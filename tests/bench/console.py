"""The console with a long history: `python tests/bench/console.py [--runs 10000] [--events 100000]`.

A broker of its own, a history of runs (their events delivered again, up to so many), then: how long a new console
takes until it has read all of it, its memory, how long a restart takes, and the median and the 95th percentile of each
API answer. Nothing is asserted; docs/performance.md has the figures.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import psutil

sys.path[0] = str(Path(__file__).parents[1] / "support")  # and not this folder, whose console.py is no package
from broker_of_a_test import running  # noqa: E402
from console_history import messages, runs, set_aside, trouble  # noqa: E402
from console_process import ConsoleProcess, a_console, send_all  # noqa: E402
from waiting import until  # noqa: E402

from tidemark.records import Message  # noqa: E402

ASKED = 60
MEGABYTE = 1024 * 1024
LONGEST_SECONDS = 3600.0


def history(count: int, most: int) -> Iterator[list[Message]]:
    """Runs, some with trouble, and again from the first until there are `most` events."""
    sent = 0
    for number, events in enumerate(chain.from_iterable(runs(count) for _ in repeat(None))):
        part = messages(events)
        if number % 100 == 0:
            dataset, seq = events[-1].dataset, number // 2 + 1
            part += [*messages(trouble(dataset, seq)), *set_aside(dataset, seq)]
        sent += len(part)
        yield part
        if number >= count and sent >= most:
            return


def fill(bootstrap: str, count: int, most: int) -> int:
    """Write the history; how many records that are."""
    written, part = 0, list[Message]()
    for some in history(count, most):
        part += some
        if len(part) >= 5000:
            send_all(bootstrap, part)
            written, part = written + len(part), []
    send_all(bootstrap, part)
    return written + len(part)


def caught_up(console: ConsoleProcess, what: str) -> float:
    """Start it and wait until it has read everything."""
    began = time.monotonic()
    console.start()
    until(console.ready, "the console is ready", LONGEST_SECONDS)
    ready = time.monotonic() - began
    until(console.caught_up, "the topics are read", LONGEST_SECONDS)
    seconds = time.monotonic() - began
    say(f"{what}: ready after {ready:.1f} s, caught up after {seconds:.1f} s, {memory(console):.0f} MB")
    return seconds


def say(line: str) -> None:
    """At once, also into a file."""
    print(line, flush=True)  # noqa: T201 - what a bench is for


def memory(console: ConsoleProcess) -> float:
    """Resident, in MB."""
    assert console.process is not None
    return psutil.Process(console.process.pid).memory_info().rss / MEGABYTE


def answers(console: ConsoleProcess) -> None:
    """Each answer's time, one request after another."""
    run_id = console.get("/api/runs?limit=1")["runs"][0]["run_id"]
    letter = console.get("/api/dead-letters")[0]["place"]
    paths = ["overview", "runs", "runs?offset=5000", "runs?status=DIVERGED", f"runs/{run_id}", "alerts", "dead-letters"]
    paths += [f"dead-letters/{letter}", "reconciliation", "quality", "hours", "hours?back=744", "lag"]
    for path in paths:
        times = []
        for _ in range(ASKED):
            began = time.perf_counter()
            console.get(f"/api/{path}")
            times.append((time.perf_counter() - began) * 1000)
        times.sort()
        say(f"/api/{path[:34]:34} median {statistics.median(times):6.1f} ms   95 % {times[-4]:6.1f} ms")
    say(f"then {memory(console):.0f} MB")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=100_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for broker in running(Path(folder) / "broker"):
            began = time.monotonic()
            written = fill(broker.bootstrap, given.runs, given.events)
            say(f"{written} records of {given.runs} runs written in {time.monotonic() - began:.0f} s")
            with a_console(broker.bootstrap, Path(folder)) as console:
                seconds = caught_up(console, "from the topics")
                say(f"that is {written / seconds:.0f} records/s")
                answers(console)
                console.kill()
                caught_up(console, "killed and started again")
                console.kill()
                console.forget_state()
                caught_up(console, "from its changelog")


if __name__ == "__main__":
    main()
