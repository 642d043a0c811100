"""Loaders that were taken for dead: whenever they wake up, RAW holds the rows of the newer generation, once."""

from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice, product

import pytest
from loader_pauses import PLACES, Pause, WatchedWarehouse
from loader_runs import Bench, publish, publish_rollback
from msgspec.structs import replace
from waiting import until_done

from loader.stage import load
from tidemark.errors import Superseded
from tidemark.events import LakeCurated, RawLoaded

pytestmark = pytest.mark.lab
WAYS = list(product(("rollback", "rebuild"), ("afterwards", "meanwhile"), PLACES))
IN_CI = [WAYS[0], WAYS[5], WAYS[7], WAYS[10]]  # each kind, waking and place
FIFTY = list(islice(cycle(WAYS), 50))


def outcome(bench: Bench, event: LakeCurated, pause: Pause | None = None) -> RawLoaded | None:
    """What a loader of its own says in the end; None: superseded."""
    ports = bench.ports()
    if pause is not None:
        ports = replace(ports, warehouse=WatchedWarehouse(ports.warehouse, pause))
    try:
        return until_done(lambda: load(event, ports))
    except Superseded:
        return None


def newer_than(bench: Bench, stale: LakeCurated, kind: str) -> LakeCurated:
    """The event of the next generation: takes the stale run back, or brings it and a row more."""
    seq, generation = stale.run_seq + 1, stale.generation + 1
    if kind == "rollback":
        return publish_rollback(bench, seq, to_seq=seq - 2, generation=generation)
    return publish(bench, seq, {"users": 1}, generation=generation, kind="rebuild")


@pytest.mark.parametrize(
    "ways",
    [IN_CI, pytest.param(FIFTY, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])],
    ids=["each place", "fifty"],
)
def test_stale_loaders_are_fenced(bench: Bench, ways: list[tuple[str, str, str]]) -> None:
    """Paused before the lock, under it or before the commit; woken after a newer one is done or while it works."""
    load(publish(bench, 1, {"users": 1}), bench.ports())
    seq, fenced, rows = 2, 0, 1
    for kind, woken, place in ways:
        stale = publish(bench, seq, {"users": 2, "orders": 1}, generation=(seq - 2) // 2)
        newer = newer_than(bench, stale, kind)
        pause = Pause(place)
        with ThreadPoolExecutor(2) as pool:
            sleeper = pool.submit(outcome, bench, stale, pause)
            pause.wait()
            successor = pool.submit(outcome, bench, newer)
            told = successor.result() if woken == "afterwards" else None
            pause.wake()
            assert sleeper.result() is None or woken == "meanwhile"
            told = told or successor.result()
        assert told is not None
        fenced += outcome(bench, stale) is None
        rows += 0 if kind == "rollback" else 3
        assert bench.rows("users", stale.run_id) == (0 if kind == "rollback" else 2)
        assert bench.rows("users") == rows
        assert outcome(bench, newer) == told
        seq += 2
    assert fenced == len(ways)
