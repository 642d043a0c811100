"""Which events and transactions reach which side in a step: the archive in the lake and the speed layer.

The pool holds what one side still lacks, and the last three hours, which sessions that are still open need.
Both sides get everything in the end; `settle` brings all that is outstanding.
"""

from dataclasses import dataclass

import numpy as np

from tidemark_lab.upstream.dirt import LATER_AT_MOST
from tidemark_lab.upstream.events import Audience, happen, none_yet
from tidemark_lab.upstream.rows import Array, Rows, concat, size, take
from tidemark_lab.upstream.source import Window

KEPT = 3 * 3_600_000
REPEAT_NOW = 0.004
REPEAT_LATER = 0.003
BATCHES = 3


@dataclass
class Pool:
    """Rows by table, with `in_lake` and `in_speed`; `again`: repeats that reach the lake in the next step."""

    rows: dict[str, Rows]
    again: dict[str, Rows]


@dataclass
class Arrived:
    """What a step brings: to the lake (with ts, copy, batch, dirt), and to the speed layer (pool rows; `new` marks
    those that arrive now, the others are context for open sessions)."""

    lake: dict[str, Rows]
    speed: dict[str, Rows]


TIME = {"user_events": "timestamp", "transactions": "created_at"}


def empty_pool() -> Pool:
    """Nothing has happened yet."""
    rows = {n: _unseen(r) for n, r in zip(TIME, none_yet(), strict=True)}
    again = {n: _archived(r, r["lake_at"]) for n, r in rows.items()}
    return Pool(rows, again)


def _unseen(rows: Rows) -> Rows:
    return rows | {side: np.zeros(size(rows), dtype=bool) for side in ("in_lake", "in_speed")}


def arrive(rng: np.random.Generator, pool: Pool, people: Audience, count: int, window: Window, until: int) -> Arrived:
    """Let people act within the window; bring what reaches the sides before `until` (ms). Changes the pool."""
    arrived = Arrived({}, {})
    for (name, time), new in zip(TIME.items(), happen(rng, people, count, window), strict=True):
        rows = concat([pool.rows[name], _unseen(new)])
        lake = ~rows["in_lake"] & (rows["lake_at"] < until)
        speed = ~rows["in_speed"] & (rows["speed_at"] < until)
        arrived.lake[name], pool.again[name] = _deliver(rng, take(rows, lake), pool.again[name])
        rows["in_lake"], rows["in_speed"] = rows["in_lake"] | lake, rows["in_speed"] | speed
        arrived.speed[name] = take(rows | {"new": speed}, rows["in_speed"])
        kept = ~rows["in_lake"] | ~rows["in_speed"] | (rows[time] > until - KEPT)
        pool.rows[name] = take(rows, kept)
    return arrived


def _deliver(rng: np.random.Generator, rows: Rows, again: Rows) -> tuple[Rows, Rows]:
    """The step's rows with their repeats, and the repeats that come a step later."""
    rows = _archived(rows, rows["lake_at"])
    now = _repeat(rng, rows, round(REPEAT_NOW * size(rows)))
    later = _repeat(rng, rows, min(round(REPEAT_LATER * size(rows)), LATER_AT_MOST))
    now["dirt"][:], later["dirt"][:] = "repeat_same_step", "repeat_later_step"
    delivered = concat([rows, now, again])
    order = np.argsort(delivered["ts"], kind="stable")
    delivered = take(delivered, order)
    delivered["batch"] = np.arange(len(order)) * BATCHES // max(len(order), 1)
    return delivered, later


def _archived(rows: Rows, ts: Array) -> Rows:
    count = size(rows)
    dirt = np.full(count, "", dtype=object)
    dirt[rows["late"]] = "late"
    marks = {"ts": ts, "processing_time": rows["lake_at"], "batch_id": rows["lake_at"] // 60_000, "dirt": dirt}
    zero = np.zeros(count, dtype=np.int64)
    return rows | marks | {"copy": zero, "batch": zero.copy()}


def _repeat(rng: np.random.Generator, rows: Rows, wanted: int) -> Rows:
    count = min(max(2, wanted), size(rows))
    copies = take(rows, np.sort(rng.choice(size(rows), count, replace=False)))
    return copies | {"ts": copies["ts"] + rng.integers(1, 600_000, count), "copy": np.ones(count, dtype=np.int64)}
