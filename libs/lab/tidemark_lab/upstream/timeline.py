"""A stretch of the source's time: waves of habits one after the other, an incremental snapshot half-way."""

from collections.abc import Sequence

import numpy as np

from tidemark_lab.upstream.endings import HABITS
from tidemark_lab.upstream.rows import Rows, concat, size, take
from tidemark_lab.upstream.schemas import ECOMMERCE_TABLES
from tidemark_lab.upstream.shop import Habit
from tidemark_lab.upstream.source import LSN_START, LSN_STEP, Source, Window, incremental_snapshot, stamp

PAUSE = 10_000  # ms at the end of a wave in which nothing is committed and snapshots are read


def changes(rng: np.random.Generator, source: Source, budget: int, window: Window, waves: int) -> dict[str, Rows]:
    """About `budget` change rows over the four tables, in the order of their LSNs, plus the incremental snapshot's."""
    logged: dict[str, list[Rows]] = {name: [] for name in ECOMMERCE_TABLES}
    read: dict[str, Rows] = {}
    length = (window[1] - window[0]) // waves
    for wave in range(waves):
        opened = window[0] + wave * length
        closes = opened + length - PAUSE
        counts = [_part(max(1, round(share * budget)), wave, waves) for _, share in HABITS]
        for name, rows in act(rng, source, [h for h, _ in HABITS], counts, (opened, closes)).items():
            logged[name].append(rows)
        if wave == waves // 2 - 1:
            still = (closes + PAUSE // 2, closes + PAUSE - 1000)
            count = max(6, budget // 400)
            read = {name: incremental_snapshot(rng, source, name, count, still) for name in ECOMMERCE_TABLES}
    both = {name: concat([stamp(rng, name, concat(logged[name])), read[name]]) for name in ECOMMERCE_TABLES}
    return {name: take(rows, np.argsort(rows["ts"], kind="stable")) for name, rows in both.items()}


def act(
    rng: np.random.Generator, source: Source, habits: Sequence[Habit], counts: Sequence[int], window: Window
) -> dict[str, Rows]:
    """Let habits happen one after the other within a window, each in a part of it of its own."""
    part = (window[1] - window[0]) // len(habits)
    found: dict[str, list[Rows]] = {}
    for place, (habit, count) in enumerate(zip(habits, counts, strict=True)):
        if count:
            habit(rng, source, count, (window[0] + place * part, window[0] + (place + 1) * part))
        if source.log:
            for name, rows in source.commit().items():
                found.setdefault(name, []).append(rows)
    return {name: concat(parts) for name, parts in found.items()}


def _part(total: int, wave: int, waves: int) -> int:
    return total * (wave + 1) // waves - total * wave // waves


def overtaken(logged: dict[str, Rows], snapshot: dict[str, Rows]) -> dict[str, int]:
    """Per table an LSN for the first snapshot above that of three changes of its keys: their transactions were open
    across the snapshot, so they arrive after its rows with a lower LSN."""
    found = {}
    for name, rows in logged.items():
        older = np.isin(rows["id"], snapshot[name]["id"]) & (rows["op"] != "r")
        third = np.flatnonzero(older)[: min(3, int(older.sum()))]
        found[name] = int(rows["lsn"][third[-1]]) + LSN_STEP // 2 if size(rows) and len(third) else LSN_START
    return found
