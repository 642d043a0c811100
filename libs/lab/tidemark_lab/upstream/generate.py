"""Carries a step out: plan it, write it down, deliver it to the lake and the speed layer, write the truth."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tidemark_lab.upstream import steps, truth_build
from tidemark_lab.upstream.rows import Rows, from_plain, size, take, to_arrow
from tidemark_lab.upstream.schemas import ECOMMERCE_TABLES, EVENT_TABLES, MONEY_COLUMNS, SOURCE
from tidemark_lab.upstream.steps import Delivery, State
from tidemark_lab.upstream.store import Store

SOURCE_NAMES = {"ts": "__ts_ms", "source_ts": "__source_ts_ms", "lsn": "__source_lsn", "op": "__op"}


class LakeSink(Protocol):
    """Where the change logs and the events' archive go."""

    def prepare(self, tables: list[str]) -> None:
        """Create the source tables that are missing."""

    def append(self, name: str, rows: pa.Table, mark: str) -> None:
        """One commit; the same mark twice is one commit."""


class SpeedSink(Protocol):
    """Where the speed layer's rows go."""

    def insert(self, name: str, rows: pa.Table) -> None:
        """Append rows, at least once."""


DATASETS = {
    "both": ("ecommerce", "events"),
    "ecommerce": ("ecommerce",),
    "events": ("events",),
}


def initial(
    home: Path, lake: LakeSink, speed: SpeedSink | None, scale: float = 1.0, seed: int = 7, dataset: str = "both"
) -> dict[str, Any] | None:
    """The first step; its summary, or None where it was done before."""
    store = Store.at(home)
    finished = _finish(store, lake, speed)
    if finished is not None or store.state() is not None:
        return finished
    state = steps.new_state(uuid4().hex[:8], seed, scale, DATASETS[dataset])
    return _run(store, lake, speed, state, "initial", steps.initial)


def delta(home: Path, lake: LakeSink, speed: SpeedSink | None, rows: int = 1000) -> dict[str, Any]:
    """Half an hour more; its summary. A step that was interrupted is finished instead."""
    return _next(home, lake, speed, "delta", lambda state: steps.delta(state, rows))


def settle(home: Path, lake: LakeSink, speed: SpeedSink | None) -> dict[str, Any]:
    """Everything outstanding, then a heartbeat; its summary. A step that was interrupted is finished instead."""
    return _next(home, lake, speed, "settle", steps.settle)


def _next(
    home: Path, lake: LakeSink, speed: SpeedSink | None, kind: str, step: Callable[[State], Delivery]
) -> dict[str, Any]:
    store = Store.at(home)
    finished = _finish(store, lake, speed)
    if finished is not None:
        return finished
    state = store.state()
    if state is None:
        raise LookupError(f"{home} has no initial load yet")
    return _run(store, lake, speed, state, kind, step)


def _run(
    store: Store, lake: LakeSink, speed: SpeedSink | None, state: State, kind: str, step: Callable[[State], Delivery]
) -> dict[str, Any]:
    delivery = step(state)
    store.plan(state, delivery, truth_build.summary(state, delivery, kind))
    finished = _finish(store, lake, speed)
    if finished is None:
        raise LookupError("the planned step has gone")
    return finished


def _finish(store: Store, lake: LakeSink, speed: SpeedSink | None) -> dict[str, Any] | None:
    summary = store.unfinished()
    if summary is None:
        shutil.rmtree(store.pending, ignore_errors=True)
        return None
    _deliver_lake(store, lake, summary)
    if speed is not None and "events" in summary["datasets"]:
        for path in sorted((store.pending / "speed").glob("*.parquet")):
            speed.insert(path.stem, pq.read_table(path))
    store.keep_ledger(summary["step"])
    written = truth_build.write(store, summary)
    store.finish()
    return written


def _deliver_lake(store: Store, lake: LakeSink, summary: dict[str, Any]) -> None:
    """Append batch by batch, the tables of a batch side by side, children first: a connector waits for no other."""
    names = [f"ecommerce.{n}" for n in reversed(ECOMMERCE_TABLES)] + [f"events.{n}" for n in EVENT_TABLES]
    chosen = [name for name in names if name.split(".")[0] in summary["datasets"]]
    lake.prepare(chosen)
    loaded = {name: from_plain(pq.read_table(store.pending / "lake" / f"{name}.parquet")) for name in chosen}
    for batch in sorted({int(b) for rows in loaded.values() for b in np.unique(rows["batch"])}):
        for name, rows in loaded.items():
            part = take(rows, rows["batch"] == batch)
            if size(part):
                lake.append(name, lake_arrow(name, part), f"{summary['name']}-{summary['step']}-{batch}")


def lake_arrow(name: str, rows: Rows) -> pa.Table:
    """Delivered rows in the form of their source Iceberg table."""
    renamed = rows | {new: rows[old] for old, new in SOURCE_NAMES.items() if old in rows}
    return to_arrow(renamed, SOURCE[name], MONEY_COLUMNS)
