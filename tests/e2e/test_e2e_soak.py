"""What takes long on the real stack: a thousand source snapshots, a death at every place, five rollbacks."""

import logging
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from chain_on_the_lab import RUN_COLUMNS, Chain, running
from chain_truth import assert_every_row_is_accounted_for, assert_numbers_are_true
from places import PLACES

from tidemark.failpoints import ARMED, LOG
from tidemark.tables import registry
from tidemark_cli.chain import read_runs
from tidemark_cli.lab import snapshots_of, source_snapshots, wait_until_reconciled
from tidemark_cli.runs import Run
from tidemark_lab import lab
from tidemark_lab.keeping import wait_until_gone

pytestmark = [pytest.mark.soak, pytest.mark.timeout(7200)]

log = logging.getLogger(__name__)

SNAPSHOTS, FEWEST_RUNS, MOST_RUNS = 1000, 100, 200
DELTA_ROWS = 60
STREAM_COMMITS = 300
EARLIER_RUNS = 5
STALE, STALE_TURNS, FEWEST_FENCED = ("ingest-watcher", "spark-submitter", "loader"), 17, 50


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """A lab of its own, with an initial load."""
    with running(tmp_path / ".tidemark") as chain:
        yield chain


def test_a_thousand_snapshots(chain: Chain) -> None:
    """Every run's counts add up, all rows of the source were read, every layer is true; the last runs are at most
    twice as slow as the first."""
    while committed(chain) < SNAPSHOTS:
        chain.upstream("delta", "--rows", str(DELTA_ROWS))
    chain.upstream("settle")
    assert_numbers_are_true(chain)
    assert_every_row_is_accounted_for(chain)
    runs = list(chain.runs().values())
    assert FEWEST_RUNS <= len(runs) <= MOST_RUNS
    last = {run.dataset: run.status for run in runs}
    assert set(last.values()) == {"CONVERGED"}
    for dataset in registry().datasets:
        seconds = [lasted(run) for run in runs if run.dataset == dataset and run.kind == "process"][1:]
        tenth = max(1, len(seconds) // 10)
        first, final = statistics.median(seconds[:tenth]), statistics.median(seconds[-tenth:])
        told = f"{dataset}: {len(seconds)} runs, first tenth {first:.1f} s, last tenth {final:.1f} s"
        log.warning(told)  # seen with -rP
        assert final <= 2 * first, told


def test_a_commit_a_second_for_five_minutes(chain: Chain) -> None:
    """A source that never settles is cut when a commit has waited long enough, not at every commit; none is lost."""
    before, users = len(chain.runs_of("ecommerce")), chain.catalog().load_table("ecommerce.users")
    began_all, longest_wait = time.monotonic(), float(lab.environment(chain.home)["TIDEMARK_MAX_WAIT_SECONDS"])
    again = users.scan().to_arrow().slice(0, 5)  # told once more, later: nothing that the truth would know of
    place = again.schema.get_field_index("__ts_ms")
    later = pc.add(again["__ts_ms"], pa.scalar(timedelta(days=1)))
    again = again.set_column(place, again.schema.field(place), later)
    for _ in range(STREAM_COMMITS):
        began = time.monotonic()
        users.append(again)
        time.sleep(max(0.0, 1 - (time.monotonic() - began)))
    took = time.monotonic() - began_all
    wait_until_reconciled()
    chain.upstream("settle")
    runs = chain.runs_of("ecommerce")[before:]
    assert len(runs) <= took / longest_wait + 2  # the last commits and the settled source are a run each
    repeated = sum(t.repeated for run in runs if run.curated for t in run.curated.tables if t.table == "users")
    assert repeated >= STREAM_COMMITS * 5
    assert_numbers_are_true(chain)
    assert_every_row_is_accounted_for(chain)


def committed(chain: Chain) -> int:
    """Snapshots of all source tables together."""
    catalog = chain.catalog()
    names = [f"{d.source}.{table}" for d in registry().datasets.values() for table in d.tables]
    return sum(len(catalog.load_table(name).metadata.snapshots) for name in names)


def lasted(run: Run) -> float:
    """Seconds that its stages worked on a run. What it waits for the other dataset hangs on which came first."""
    stages = (run.curated, run.loaded, run.built, run.reconciled)
    return sum(stage.seconds for stage in stages if stage)


def test_every_failpoint(chain: Chain) -> None:
    """A service dies at each place it may die at, the Spark driver at any time: nothing is lost, nothing doubled."""
    for place in PLACES:
        hits = chain.home / f"failpoint-{place}"
        armed = {ARMED: f"{place}=kill", LOG: str(hits)}
        lab.start_service(place.partition(".")[0], armed, home=chain.home)
        chain.upstream("delta", "--rows", str(DELTA_ROWS))
        assert place in hits.read_text().splitlines()
        lab.start_service(place.partition(".")[0], home=chain.home)
    for seconds in (0.5, 1, 2, 3, 4, 5):
        before = len(chain.runs())
        chain.upstream("delta", "--rows", str(DELTA_ROWS), wait=False)
        chain.wait_for(lambda known=before: len(chain.runs()) > known, "a run is under way")
        time.sleep(seconds)
        lab.kill("spark", chain.home)
        wait_until_reconciled()
    chain.upstream("settle")
    assert_numbers_are_true(chain)
    assert_every_row_is_accounted_for(chain)


def test_back_to_each_of_five_runs_and_forward_again(chain: Chain) -> None:
    """Back: every layer to the letter as that run left it. Forward: state, staging and marts as before it all."""
    left = []
    for _ in range(EARLIER_RUNS):
        left.append((chain.runs_of("ecommerce")[-1].run_id, chain.fingerprint("ecommerce")))
        chain.upstream("delta", "--rows", "400")
    newest = state_of(chain)
    for run_id, as_it_was in reversed(left):
        chain.tidemark("rollback", "--dataset", "ecommerce", "--to", run_id, "--reason", "a test", "--wait")
        assert as_it_was == chain.fingerprint("ecommerce"), run_id
        chain.tidemark("resume", "--dataset", "ecommerce")
        wait_until_reconciled()
        assert newest == state_of(chain), run_id
    assert_numbers_are_true(chain)


def state_of(chain: Chain) -> dict[str, str]:
    """What is true of every key now, without the run that said so: how often a change was delivered is not state."""
    found = chain.fingerprint("ecommerce", but=RUN_COLUMNS)
    return {name: rows for name, rows in found.items() if not name.startswith("raw.") and "_changes" not in name}


def test_stale_workers_are_fenced(chain: Chain, tmp_path: Path) -> None:
    """Watcher, submitter and loader are stopped somewhere in a run, others take over, and they wake up: each of them
    ends without a word, and every row is there once."""
    fenced = 0
    for turn in range(STALE_TURNS):
        chain.upstream("delta", "--rows", str(DELTA_ROWS), wait=False)
        time.sleep(turn * 0.7 % 10)  # each turn at another place of the run
        stale = [psutil.Process(lab.state(name, chain.home)["pid"]) for name in STALE]
        for process in stale:
            process.suspend()
        successors = [start_another(name, tmp_path) for name in STALE]
        with suppress(AssertionError):  # who holds a table's lock holds it until he wakes up
            chain.wait_for(caught_up, "the others do it", 20)
        for process in stale:
            process.resume()
        wait_until_reconciled()
        # one that woke up before the group had missed it may have its partitions back; it cannot write, though
        chain.upstream("delta", "--rows", str(DELTA_ROWS))
        fenced += len(wait_until_gone(stale, 90))
        # the keeper has started the stale ones again, and they are the newest now
        assert [successor.wait(90) for successor in successors] == [1] * len(STALE)
    assert fenced == STALE_TURNS * len(STALE) >= FEWEST_FENCED
    chain.upstream("settle")
    assert_numbers_are_true(chain)
    assert_every_row_is_accounted_for(chain)


def caught_up() -> bool:
    """Whether the newest commit of every source table stands in a run that has ended."""
    return snapshots_of([run for run in read_runs().values() if run.reconciled]) == source_snapshots()


def start_another(service: str, logs: Path) -> subprocess.Popen[bytes]:
    """A second process of a service, as it runs when the first one is taken for dead."""
    with (logs / f"{service}.log").open("ab") as log:
        command = [sys.executable, "-m", service.replace("-", "_")]
        environment = os.environ | {"TIDEMARK_HEALTH_HOST": "127.0.0.1", "TIDEMARK_HEALTH_PORT": "0"}
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log)
