"""The generator's own folder, <home>/upstream: state between steps, a step under way, what was delivered.

  state.pickle                   after the last finished step
  pending/                       a step that was planned and perhaps not finished: step.json, state.pickle,
                                 lake/<table>.parquet, speed/<table>.parquet
  ledger/<step>/<table>.parquet  every row ever delivered to the lake, in plain form (rows.py)
  truth/<step>/                  see truth.py

A step is planned, written to pending/ in one rename, delivered (idempotently), and then finished in one rename: a
process that dies in between leaves a step that the next one finishes.
"""

import json
import pickle
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tidemark_lab.upstream.rows import Rows, size, to_arrow, to_plain
from tidemark_lab.upstream.schemas import MONEY_COLUMNS, SPEED
from tidemark_lab.upstream.steps import Delivery, State


@dataclass(frozen=True)
class Store:
    """The folder."""

    folder: Path

    @classmethod
    def at(cls, home: Path) -> "Store":
        """The store of a lab's home folder."""
        return cls(home / "upstream")

    @property
    def pending(self) -> Path:
        """Where a planned step waits to be finished."""
        return self.folder / "pending"

    def state(self) -> State | None:
        """The state after the last finished step; None before the first."""
        path = self.folder / "state.pickle"
        return pickle.loads(path.read_bytes()) if path.exists() else None  # noqa: S301 - written below

    def plan(self, state: State, delivery: Delivery, summary: dict[str, Any]) -> None:
        """Write a step down before anything of it leaves this process."""
        building = self.folder / "pending.building"
        shutil.rmtree(building, ignore_errors=True)
        for name, rows in delivery.lake.items():
            _write(building / "lake" / f"{name}.parquet", to_plain(rows))
        for name, rows in delivery.speed.items():
            if size(rows):
                _write(building / "speed" / f"{name}.parquet", arrow_of_speed(name, rows))
        (building / "state.pickle").write_bytes(pickle.dumps(state))
        (building / "step.json").write_text(json.dumps(summary, indent=1))
        building.replace(self.pending)

    def unfinished(self) -> dict[str, Any] | None:
        """The summary of a step that was planned but not finished."""
        path = self.pending / "step.json"
        if not path.exists():
            return None
        summary: dict[str, Any] = json.loads(path.read_text())
        last = self.state()
        return None if last is not None and last.step >= summary["step"] else summary

    def keep_ledger(self, step: int) -> None:
        """Add the pending step's rows to the ledger."""
        target = self.folder / "ledger" / f"{step:04d}"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.pending / "lake", target)

    def finish(self) -> None:
        """Make the pending step the last finished one."""
        (self.pending / "state.pickle").replace(self.folder / "state.pickle")
        shutil.rmtree(self.pending)

    def delivered(self, name: str, upto: int) -> pa.Table | None:
        """All rows of a table (`ecommerce.users`) delivered in steps up to and with `upto`, with their `step`."""
        parts = []
        for step in range(1, upto + 1):
            path = self.folder / "ledger" / f"{step:04d}" / f"{name}.parquet"
            if path.exists():
                part = pq.read_table(path)
                parts.append(part.append_column("step", pa.array([step] * part.num_rows, pa.int64())))
        return pa.concat_tables(parts, promote_options="permissive") if parts else None


def arrow_of_speed(name: str, rows: Rows) -> pa.Table:
    """Rows in the form of a speed layer's table."""
    return to_arrow(rows, SPEED[name], MONEY_COLUMNS)


def _write(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd")
