"""A simulated PostgreSQL: the rows of four tables, and the log of what happens to them.

`Source` holds the state and writes the log; what the shop's customers do stands in shop.py, a function per habit.
Every logged row is the table's columns and:
  op, lsn, source_ts (commit, ms), ts (written by the connector, ms), cause (why, when dirt needs to know),
  change (one number per change of one key), rank (the true order of one key's changes).
Rank comes from the simulated history alone, never from LSN or clocks; the truth is built on it.
"""

from dataclasses import dataclass, field

import numpy as np

from tidemark_lab.upstream.rows import NULL, Array, Rows, concat, constant, size, take
from tidemark_lab.upstream.schemas import ECOMMERCE_TABLES, source_columns

LSN_START = 24_000_000_000
LSN_STEP = 56
CONNECTOR_LAG = {"users": 400, "products": 250, "orders": 900, "order_items": 300}  # ms, four connectors
SHARED_LSN = ("copy", "rekey")  # causes for which all rows of a transaction carry one LSN

Window = tuple[int, int]  # [from, to) in ms


@dataclass
class Source:
    """The database: per table every id ever given (row = id - 1, `alive` says whether it is there now)."""

    tables: dict[str, Rows]
    sequence: int = 0
    changes: int = 0
    transactions: int = 0
    serial: int = 0
    deleted: dict[str, list[int]] = field(default_factory=lambda: {"users": [], "products": []})
    log: dict[str, list[Rows]] = field(default_factory=dict)

    def alive(self, name: str) -> Array:
        """The ids that are in the table now."""
        return np.flatnonzero(self.tables[name]["alive"]) + 1

    def column(self, name: str, column: str, ids: Array) -> Array:
        """A column's present values of some ids."""
        values: Array = self.tables[name][column][ids - 1]
        return values

    def begin(self, count: int) -> Array:
        """Numbers for that many new transactions."""
        self.transactions += count
        return np.arange(self.transactions - count, self.transactions, dtype=np.int64)

    def fresh(self, count: int) -> Array:
        """Numbers that make texts unique."""
        self.serial += count
        return np.arange(self.serial - count, self.serial, dtype=np.int64)

    def insert(self, name: str, columns: Rows) -> Array:
        """Add rows under the next serial ids, which are returned; nothing is logged yet."""
        table = self.tables[name]
        first = size(table) + 1
        ids = np.arange(first, first + size(columns), dtype=np.int64)
        added = columns | {"id": ids, "alive": np.ones(len(ids), dtype=bool)}
        self.tables[name] = {column: np.concatenate([table[column], added[column]]) for column in table}
        return ids

    def update(self, name: str, ids: Array, columns: Rows) -> None:
        """Set columns of rows; nothing is logged yet."""
        for column, values in columns.items():
            self.tables[name][column][ids - 1] = values

    def emit(
        self, name: str, ids: Array, op: str, time: Array, txn: Array, order: int = 0, cause: str = "", **images: Array
    ) -> None:
        """Log one change per id with the rows' present values (or the given images of columns)."""
        rows = take(self.tables[name], ids - 1) | images
        del rows["alive"]
        count = len(ids)
        rows |= {"op": constant(op, count), "cause": constant(cause, count), "source_ts": time, "txn": txn}
        rows["order"] = np.full(count, order, dtype=np.int64)
        self.log.setdefault(name, []).append(rows)

    def delete(self, name: str, ids: Array, time: Array, txn: Array, order: int, cause: str = "") -> None:
        """Log and do the deletion of rows."""
        self.emit(name, ids, "d", time, txn, order, cause)
        self.tables[name]["alive"][ids - 1] = False

    def commit(self) -> dict[str, Rows]:
        """Put what was logged since the last commit in order and give it sequence, LSN and rank."""
        logged = {name: rows for name, parts in self.log.items() if size(rows := concat(parts))}
        self.log = {}
        if not logged:
            return {}
        names = ("source_ts", "txn", "order", "cause")
        keys = {name: np.concatenate([rows[name] for rows in logged.values()]) for name in names}
        place = np.empty(len(keys["txn"]), dtype=np.int64)
        place[np.lexsort((keys["order"], keys["txn"], keys["source_ts"]))] = np.arange(len(place))
        sequence = self.sequence + 1 + place
        self.sequence += len(place)
        lsn = LSN_START + LSN_STEP * _first_of_transaction(sequence, keys["txn"], np.isin(keys["cause"], SHARED_LSN))
        start = 0
        for name, rows in logged.items():
            part = slice(start, start + size(rows))
            rows |= {"sequence": sequence[part], "lsn": lsn[part], "rank": 2 * sequence[part]}
            rows["change"] = self.number(size(rows))
            start = part.stop
            logged[name] = take(rows, np.argsort(rows["sequence"]))
        return logged

    def number(self, count: int) -> Array:
        """Numbers for that many changes."""
        self.changes += count
        return np.arange(self.changes - count, self.changes, dtype=np.int64)

    def read(self, name: str, ids: Array, lsn: int, times: Array, cause: str) -> Rows:
        """Snapshot rows (`r`) of ids as they are now; `lsn` NULL for an incremental snapshot."""
        rows = take(self.tables[name], ids - 1)
        del rows["alive"]
        count = len(ids)
        rows |= {"op": constant("r", count), "cause": constant(cause, count), "change": self.number(count)}
        rows |= {"lsn": np.full(count, lsn), "rank": np.full(count, 2 * self.sequence + 1)}
        return rows | {"ts": times, "source_ts": times - 5}


def _first_of_transaction(sequence: Array, txn: Array, shared: Array) -> Array:
    first = np.full(int(txn.max()) - int(txn.min()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, txn - txn.min(), sequence)
    chosen: Array = np.where(shared, first[txn - txn.min()], sequence)
    return chosen


def stamp(rng: np.random.Generator, name: str, rows: Rows) -> Rows:
    """Give a table's changes the connector's clock: after the commit, never going back with the LSN."""
    written = rows["source_ts"] + CONNECTOR_LAG[name] + rng.integers(0, 600, size(rows))
    plain = {c: rows[c] for c in (*source_columns(name), "op", "cause", "source_ts", "lsn", "rank", "change")}
    return plain | {"ts": np.maximum.accumulate(written)}


def incremental_snapshot(rng: np.random.Generator, source: Source, name: str, count: int, window: Window) -> Rows:
    """Rows of an incremental snapshot: some keys read once more, with a null LSN, between two waves of changes."""
    alive = source.alive(name)
    ids = np.sort(rng.choice(alive, min(count, len(alive)), replace=False))
    times = np.sort(rng.integers(window[0], window[1], len(ids)))
    return source.read(name, ids, NULL, times, "incremental")


def first_snapshot(rng: np.random.Generator, source: Source, start: int, overtaken: dict[str, int]) -> dict[str, Rows]:
    """All rows as the first snapshot reads them; before it a try that crashed after a twentieth of the keys and whose
    rows come again under another LSN. `overtaken`: per table the snapshot's LSN. Must run before any change."""
    found = {}
    for name in ECOMMERCE_TABLES:
        ids = source.alive(name)
        tried = ids[: max(3, len(ids) // 20)]
        before = start - 3_600_000 + np.arange(len(tried))
        crashed = source.read(name, tried, LSN_START - 10 * LSN_STEP, before, "crashed")
        crashed["rank"] -= 2
        if name == "products":  # it saw older prices
            crashed["price"] = np.maximum(crashed["price"] - rng.integers(0, 200, len(tried)), 0)
        if name == "users":
            _vanish(source, tried)
            ids = source.alive(name)
        spread = np.sort(rng.integers(0, 60_000, len(ids)))
        found[name] = concat([crashed, source.read(name, ids, overtaken.get(name, NULL), start - 60_000 + spread, "")])
    return found


def _vanish(source: Source, tried: Array) -> None:
    """Rows deleted between the crash and the second try: nobody will ever say so."""
    customers = np.unique(source.tables["orders"]["user_id"])
    lonely = np.setdiff1d(tried, customers)[:2]
    source.tables["users"]["alive"][lonely - 1] = False
