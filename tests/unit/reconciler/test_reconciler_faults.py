"""Engines that are away, or fail in the middle: waited for, then said; no half status, and the chain goes on."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from reconciler_day import Day, status

from reconciler.memory_sides import MemoryMarts, MemorySpeedLayer
from reconciler.ports import Published, Row, Window
from reconciler.stage import reconcile
from tidemark.errors import Retryable
from tidemark.events import AlertRaised, Event, LayersReconciled
from tidemark.tables import Pair


@pytest.fixture
def day() -> Day:
    """A day whose speed layer lacks a row, seen once."""
    day = Day()
    day.step()
    lost = day.speed.pop(3)
    assert status(day.step()) == "CONVERGING"
    day.rows = [lost]
    return day


def told(events: Sequence[Event]) -> tuple[str, str, list[tuple[str, bool]]]:
    """Status, detail and alerts of the one pair."""
    assert isinstance(events[0], LayersReconciled)
    alerts = [(e.incident.split("/")[2], e.resolved) for e in events if isinstance(e, AlertRaised)]
    return status(events), events[0].pairs[0].detail, alerts


def tries(day: Day, minutes: int) -> list[str]:
    """The newest run's comparison tried every minute; what each came to."""
    found = []
    for _ in range(minutes):
        day.now += timedelta(minutes=1)
        try:
            found.append(status(reconcile(day.event(), day.ports, day.heartbeat)))
        except Retryable:
            found.append("away")
    return found


def test_an_engine_that_is_away_is_waited_for_and_then_said(day: Day) -> None:
    """A quarter of an hour nothing is recorded; then the pair stops with an alert, its entries untouched and counted.
    The next run with the engine back tells that it is over, and judges as if nothing had been."""
    before = dict(day.ledger.entries)
    day.speed_layer.away = Retryable("no route to ClickHouse")
    with pytest.raises(Retryable):
        day.step()
    assert tries(day, 14) == ["away"] * 14
    assert "run-3" not in day.ledger.runs
    day.now += timedelta(minutes=1)
    assert told(reconcile(day.event(), day.ports, day.heartbeat)) == (
        "STALLED", "no route to ClickHouse", [("uncomparable", False)],
    )  # fmt: skip
    assert day.ledger.entries == before
    assert tries(day, 1) == ["STALLED"]  # a repeat says the same
    day.speed_layer.away = None
    status, detail, alerts = told(day.step())
    assert (status, alerts) == ("DIVERGED", [("diverged", False), ("uncomparable", True)])
    assert detail.startswith("differing keys: 1 missing_in_speed; ")


def test_an_engine_that_comes_back_in_time_leaves_no_trace(day: Day) -> None:
    """The run's comparison is late, and the same."""
    day.speed_layer.away = Retryable("restarting")
    with pytest.raises(Retryable):
        day.step()
    assert tries(day, 5) == ["away"] * 5
    day.speed_layer.away = None
    assert tries(day, 1) == ["DIVERGED"]


def test_each_run_is_waited_for_anew(day: Day) -> None:
    """The clock of one run's patience is not the next one's."""
    day.speed_layer.away = Retryable("gone")
    with pytest.raises(Retryable):
        day.step()
    assert tries(day, 16)[-1] == "STALLED"
    with pytest.raises(Retryable):
        day.step()


class Failing(MemorySpeedLayer):
    """Answers until it comes to whole rows."""

    def rows(self, pair: Pair, window: Window, keys: Collection[str]) -> Mapping[str, Sequence[Row]]:
        raise Retryable("memory limit exceeded")


def test_an_engine_that_fails_in_the_middle_leaves_no_half_status(day: Day) -> None:
    """Bucket sums are there, rows are not: nothing is recorded, no entry moves."""
    before, whole = dict(day.ledger.entries), day.ports
    day.ports = replace(whole, speed=Failing(day.speed_layer.tables))
    with pytest.raises(Retryable, match="memory limit"):
        day.run()
    assert (day.ledger.entries, "run-3" in day.ledger.runs) == (before, False)
    assert tries(day, 16)[-1] == "STALLED"
    assert day.ledger.entries == before


class Away(MemoryMarts):
    """A warehouse that does not answer."""

    def published(self, dataset: str) -> Published | None:
        raise Retryable("the warehouse is away")


def test_a_warehouse_that_is_away_is_waited_for(day: Day) -> None:
    """The ledger stands in it: there is nowhere to write that it is away. The runner's own alert says it."""
    day.step()
    day.ports = replace(day.ports, marts=Away({}))
    day.seq += 1
    assert set(tries(day, 40)) == {"away"}
