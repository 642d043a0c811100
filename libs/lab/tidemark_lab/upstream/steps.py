"""The three steps, as pure computation: what a step changes in the generator's state, and what it delivers where.

`State` is all that the next step needs. `plan` makes the next step's `Delivery`; nothing here reads or writes anything.
"""

from dataclasses import dataclass

import numpy as np

from tidemark_lab.upstream import arrivals, speed_rows
from tidemark_lab.upstream.arrivals import Arrived, Pool
from tidemark_lab.upstream.deliveries import soil
from tidemark_lab.upstream.dirt import NEVER, Lost, prepare
from tidemark_lab.upstream.dirty_values import damage
from tidemark_lab.upstream.endings import HEARTBEAT
from tidemark_lab.upstream.events import Audience, audience
from tidemark_lab.upstream.history import begin
from tidemark_lab.upstream.rows import Rows, concat, size, take
from tidemark_lab.upstream.schemas import ECOMMERCE_TABLES
from tidemark_lab.upstream.source import Source, Window, first_snapshot, stamp
from tidemark_lab.upstream.timeline import act, changes, overtaken

START = 1_709_251_200_000  # 2024-03-01T00:00:00Z: the first snapshot
HOUR = 3_600_000
INITIAL = 7 * 24 * HOUR
STREAMED = 12_000  # change rows after the snapshot, at scale 1
EVENTS = 100_000  # at scale 1
DELTA = HOUR // 2
QUIET = 6 * HOUR  # how much later the heartbeat is


@dataclass
class State:
    """Everything a later step needs. `name` tells this world's appends from those of another one in the same lake;
    `outstanding`: rows that were changed but not yet delivered."""

    name: str
    seed: int
    scale: float
    datasets: tuple[str, ...]
    step: int
    clock: int
    source: Source
    people: Audience
    pool: Pool
    outstanding: dict[str, Rows]
    lost: Lost


@dataclass
class Delivery:
    """What a step brings: rows by table with batch and dirt, the speed layer's rows, and what never comes."""

    lake: dict[str, Rows]
    speed: dict[str, Rows]
    missing: dict[str, Rows]


def new_state(name: str, seed: int, scale: float, datasets: tuple[str, ...]) -> State:
    """The state before the first step."""
    rng = np.random.default_rng([seed, 0])
    source = begin(rng, scale, START)
    people = audience(rng, scale)
    return State(name, seed, scale, datasets, 0, START, source, people, arrivals.empty_pool(), {}, Lost())


def initial(state: State) -> Delivery:
    """The first snapshot and a week of changes and events."""
    rng, window = _open(state, INITIAL)
    delivery = Delivery({}, {}, {})
    if "ecommerce" in state.datasets:
        snapshot = first_snapshot(rng, state.source, START, {})
        logged = changes(rng, state.source, max(400, round(STREAMED * state.scale)), window, 8)
        for name, lsn in overtaken(logged, snapshot).items():
            rows = snapshot[name]
            rows["lsn"][rows["cause"] == ""] = lsn
            logged[name] = concat([rows, logged[name]])
        _ecommerce(rng, state, delivery, logged, window)
    if "events" in state.datasets:
        _events(rng, state, delivery, round(EVENTS * state.scale), window)
    return _close(state, delivery, window[1])


def delta(state: State, rows: int) -> Delivery:
    """Half an hour: about `rows` change rows, and as many events."""
    rng, window = _open(state, DELTA)
    delivery = Delivery({}, {}, {})
    if "ecommerce" in state.datasets:
        _ecommerce(rng, state, delivery, changes(rng, state.source, rows, window, 4), window)
    if "events" in state.datasets:
        _events(rng, state, delivery, rows, window)
    return _close(state, delivery, window[1])


def settle(state: State) -> Delivery:
    """All that is outstanding, then a clean heartbeat six hours later on both sides."""
    state.clock += QUIET
    rng, window = _open(state, HOUR // 12)
    delivery = Delivery({}, {}, {})
    end = window[1]
    if "ecommerce" in state.datasets:
        acted = act(rng, state.source, [h for h, _ in HEARTBEAT], [max(2, round(20 * s)) for _, s in HEARTBEAT], window)
        beat = {name: prepare(stamp(rng, name, rows), state.step) for name, rows in acted.items()}
        _deliver(state, delivery, beat, NEVER - 1)
    if "events" in state.datasets:
        arrived = arrivals.arrive(rng, state.pool, state.people, 60, window, 2**62)
        _arrived(rng, delivery, arrived)
        end = max(end, *(int(rows["speed_at"].max()) for rows in arrived.speed.values() if size(rows))) + HOUR
    return _close(state, delivery, end)


def _open(state: State, length: int) -> tuple[np.random.Generator, Window]:
    state.step += 1
    return np.random.default_rng([state.seed, state.step]), (state.clock, state.clock + length)


def _close(state: State, delivery: Delivery, end: int) -> Delivery:
    state.clock = end
    return delivery


def _ecommerce(
    rng: np.random.Generator, state: State, delivery: Delivery, logged: dict[str, Rows], window: Window
) -> None:
    tables = {name: prepare(logged[name], state.step) for name in ECOMMERCE_TABLES}
    for name, rows in tables.items():
        damage(rng, name, rows)
    soiled = soil(rng, tables, state.step, state.lost, window[1] - 2000, 2 * state.source.sequence + 1)
    shuffled = {name: take(rows, rng.permutation(size(rows))) for name, rows in soiled.items()}
    _deliver(state, delivery, shuffled, state.step)


def _deliver(state: State, delivery: Delivery, new: dict[str, Rows], upto: int) -> None:
    """Rows due now; the others wait or are lost."""
    for name in ECOMMERCE_TABLES:
        rows = concat([state.outstanding.get(name, {}), new.get(name, {})])
        delivery.lake[f"ecommerce.{name}"] = take(rows, rows["due"] <= upto)
        delivery.missing[name] = take(rows, rows["due"] == NEVER)
        state.outstanding[name] = take(rows, (rows["due"] > upto) & (rows["due"] != NEVER))


def _events(rng: np.random.Generator, state: State, delivery: Delivery, count: int, window: Window) -> None:
    _arrived(rng, delivery, arrivals.arrive(rng, state.pool, state.people, count, window, window[1]))


def _arrived(rng: np.random.Generator, delivery: Delivery, arrived: Arrived) -> None:
    delivery.lake |= {f"events.{name}": rows for name, rows in arrived.lake.items()}
    delivery.speed |= speed_rows.written(rng, arrived.speed)
