"""What must come of everything delivered so far. A test asks here, and compares with what tidemark made of it.

Meaning, per table of the ecommerce dataset, over the rows delivered up to a step:
- A row is quarantined if it breaks a rule that no later row can heal: null in a required column, a value that cannot be
  read ("NAN", a timestamp that is infinite or before year 1), a quarantine rule. Deletes are checked on key and order
  only, so a delete is never quarantined. Flags (wrong status, negative total) lose nothing.
- A quarantined change is as if it had not been delivered: the newest ACCEPTED change of its key counts, older or newer.
  A key with quarantined changes only is in no table, it has not been "seen", and its children are held.
- A row is held while one of its parents has never been seen, that is: while no accepted row of the parent was
  delivered (a held parent is not seen; a deleted one is). Deletes are never held, and make their key seen. A row that
  must be quarantined is never held.
- `table` is the live view: the newest accepted change of each key, if it is no delete and all its parents are in the
  live view, parents of parents too. Cascades are explicit deletes and some arrive a step late; until then the children
  of a deleted parent are hidden. `tombstones` are the keys whose newest accepted change is a delete.
- A repeat is a row with key, LSN and op of another one (null LSN: and __ts_ms). `repeated` counts those with a later
  __ts_ms; `earlier` those that bring an earlier one than the row delivered before them, in an earlier step: they are
  accepted, and can change who wins. No row of a key that can be held has an earlier repeat.
- In the events dataset every distinct row counts; a repeat equals it in all but __ts_ms. Sessions are computed from the
  rows delivered to the lake; `session_part` above 1 occurs only while late events are outstanding.

How many rows a run accepts depends on where it cuts; `rows_appended`, `repeated` and `earlier` do not, as long as no
cut holds an earlier repeat together with the row that it repeats (they are a step apart).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def full_name(table: str) -> str:
    """`orders` as `ecommerce.orders`; a name with its namespace stays."""
    if "." in table:
        return table
    return ("events." if table in ("user_events", "transactions") else "ecommerce.") + table


@dataclass(frozen=True)
class Truth:
    """The truth after one step; `summary` is that step's truth.json (rows, dirt by kind, totals)."""

    folder: Path
    step: int
    summary: dict[str, Any]

    @classmethod
    def load(cls, home: Path, step: int | None = None) -> "Truth":
        """The truth after a step, by default the last finished one. LookupError where there is none."""
        folders = sorted((Path(home) / "upstream" / "truth").glob("[0-9]*"))
        chosen = [f for f in folders if (f / "truth.json").exists() and step in (None, int(f.name))]
        if not chosen:
            raise LookupError(f"{home} holds no truth" + (f" of step {step}" if step else ""))
        return cls(chosen[-1], int(chosen[-1].name), json.loads((chosen[-1] / "truth.json").read_text()))

    def state(self, table: str) -> pa.Table:
        """Every key with an accepted change: its columns in canonical types, and _op, _lsn, _ts_ms (the earliest),
        _source_ts_ms, _flags, _deleted, _live. By key."""
        return pq.read_table(self.folder / f"{table}.parquet")

    def table(self, table: str) -> pa.Table:
        """The live view's rows, in canonical types, by key."""
        state = self.state(table)
        return state.filter(state["_live"]).select([c for c in state.column_names if not c.startswith("_")])

    def tombstones(self, table: str) -> set[int]:
        """Keys whose newest accepted change is a delete."""
        state = self.state(table)
        return set(state["id"].filter(state["_deleted"]).to_pylist())

    def hidden(self, table: str) -> set[int]:
        """Keys that are not deleted but have a parent that is not in the live view."""
        state = self.state(table)
        return set(state["id"].filter(pc.invert(pc.or_(state["_live"], state["_deleted"]))).to_pylist())

    def flagged(self, table: str) -> dict[int, str]:
        """Keys of the live view whose row carries a flag, and the rule's name."""
        state = self.state(table)
        live = state.filter(state["_live"]).select(["id", "_flags"]).to_pylist()
        return {row["id"]: row["_flags"] for row in live if row["_flags"] is not None}

    def held(self, table: str) -> pa.Table:
        """Changes that wait: id, op, ts, lsn, step, and missing_<parent> (the key that was never seen, or null)."""
        return pq.read_table(self.folder / f"{table}_held.parquet")

    def quarantined(self, table: str) -> pa.Table:
        """Changes that cannot be used: id, op, ts, lsn, step, dirt, and the reason: null:<column>, cast:<column> or
        rule:<name>."""
        return pq.read_table(self.folder / f"{table}_quarantined.parquet")

    def double_emails(self) -> dict[str, list[int]]:
        """E-mails that more than one user of the live view has."""
        found: dict[str, list[int]] = self.summary["double_emails"]
        return found

    def sessions(self) -> pa.Table:
        """Sessions by (session_id, session_part)."""
        return pq.read_table(self.folder / "sessions.parquet")

    def transactions(self) -> pa.Table:
        """Distinct transaction rows."""
        return pq.read_table(self.folder / "transactions.parquet")

    def rows_appended(self, step: int, table: str) -> int:
        """Rows that a step appended to a source table, repeats included."""
        return self._of(step, "appended", table)

    def repeated(self, step: int, table: str) -> int:
        """How many of them were repeats (without the earlier ones)."""
        return self._of(step, "repeated", table)

    def earlier(self, step: int, table: str) -> int:
        """How many of them were repeats with an earlier __ts_ms."""
        return self._of(step, "earlier", table)

    def _of(self, step: int, what: str, table: str) -> int:
        summary = json.loads((self.folder.parent / f"{step:04d}" / "truth.json").read_text())
        return int(summary[what].get(full_name(table), 0))
