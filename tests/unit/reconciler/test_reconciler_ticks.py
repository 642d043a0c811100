"""The stage's tick: a chain that stands still is told of once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from reconciler_bench import Bench, alerts_of

from reconciler.memory import MemoryLedger
from reconciler.stage import stage
from tidemark.errors import Retryable
from tidemark.events import AlertRaised, MartsBuilt


def test_a_tick_tells_of_a_chain_that_stands_still_once() -> None:
    """The speed layer gets on, the marts do not: one alert, and its end with the next comparison."""
    bench = Bench()
    ticking = stage(bench.ports)
    assert ticking.tick is not None
    ticking.handlers[MartsBuilt](_built(bench))
    quiet = _ticks(bench, ticking, hours=9, speed_moves=False)
    told = _ticks(bench, ticking, hours=9, speed_moves=True)
    transactions = [event for event in told if "transactions" in event.incident]
    assert (quiet, [event.resolved for event in transactions]) == ([], [False])
    bench.seq, bench.hours = bench.seq + 1, bench.hours + 30
    after = [a for a in alerts_of(ticking.handlers[MartsBuilt](_built(bench))) if "transactions" in a[0]]
    assert after == [(transactions[0].incident, True)]


def test_a_tick_survives_engines_that_are_away() -> None:
    """No answer counts as no progress, and is no crash."""
    bench = Bench()
    bench.run()
    bench.speed_layer.away = Retryable("gone")
    assert bench.heartbeat.tick() == []


def _built(bench: Bench) -> MartsBuilt:
    """What again() sets up, without handling it."""
    held, bench.ports = bench.ports, replace(bench.ports, ledger=MemoryLedger())
    bench.again()
    bench.ports = held
    return bench.event()


def _ticks(bench: Bench, ticking: Any, hours: int, speed_moves: bool) -> list[AlertRaised]:
    found: list[AlertRaised] = []
    for _ in range(hours):
        bench.wall += 3600
        if speed_moves:
            last = bench.beats[-1]["processing_time"]
            bench.beats.append({"processing_time": last + timedelta(hours=1)})
        found += ticking.tick()
    return found
