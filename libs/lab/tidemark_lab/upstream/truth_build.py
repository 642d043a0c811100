"""Computes the truth after a step from everything delivered so far, and writes it. What it means stands in truth.py.

It knows nothing of LSNs and clocks: which change of a key is the later one (`rank`), and which rows must be
quarantined (`reason`), the generator wrote down when it made them.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tidemark_lab.upstream import sessions
from tidemark_lab.upstream.rows import NULL, Array, Rows, from_plain, size, to_arrow
from tidemark_lab.upstream.schemas import (
    ECOMMERCE_TABLES,
    EVENT_TABLES,
    MONEY_COLUMNS,
    PARENTS,
    TRUTH_SESSIONS,
    TRUTH_TRANSACTIONS,
    canonical,
)
from tidemark_lab.upstream.steps import Delivery, State
from tidemark_lab.upstream.store import Store

FIRST_MS, LAST_MS = -62_135_596_800_000, 253_402_300_799_999  # the years 1 to 9999


def summary(state: State, delivery: Delivery, kind: str) -> dict[str, Any]:
    """What a step did: rows appended, repeated and of each kind of dirt, by table."""
    appended = {name: size(rows) for name, rows in delivery.lake.items()}
    repeated = {name: int((rows["copy"] == 1).sum()) for name, rows in delivery.lake.items()}
    earlier = {name: int((rows["copy"] == 2).sum()) for name, rows in delivery.lake.items()}
    dirt = {}
    for name, rows in delivery.lake.items():
        kinds = Counter(rows["dirt"].tolist()) + Counter(rows["cause"].tolist() if "cause" in rows else [])
        kinds += Counter({"null_lsn": int((rows["lsn"] == NULL).sum())} if "lsn" in rows else {})
        dirt[name] = {k: n for k, n in sorted(kinds.items()) if k}
    return {
        "name": state.name,
        "step": state.step,
        "kind": kind,
        "seed": state.seed,
        "scale": state.scale,
        "clock_ms": state.clock,
        "datasets": list(state.datasets),
        "appended": appended,
        "repeated": repeated,
        "earlier": earlier,
        "dirt": dirt,
        "missing": {f"ecommerce.{name}": sorted(rows["id"].tolist()) for name, rows in delivery.missing.items()},
    }


def write(store: Store, step: dict[str, Any]) -> dict[str, Any]:
    """Write truth/<step>/ and return truth.json's content."""
    folder = store.folder / "truth" / f"{step['step']:04d}"
    folder.mkdir(parents=True, exist_ok=True)
    step["totals"] = {}
    if "ecommerce" in step["datasets"]:
        _ecommerce(store, step, folder)
    if "events" in step["datasets"]:
        _events(store, step, folder)
    (folder / "truth.json").write_text(json.dumps(step, indent=1))
    return step


def _ecommerce(store: Store, step: dict[str, Any], folder: Path) -> None:
    seen: dict[str, Array] = {}
    live: dict[str, Array] = {}
    for name in ECOMMERCE_TABLES:
        table = store.delivered(f"ecommerce.{name}", step["step"])
        if table is None:
            continue
        hidden = ["id", "rank", "change", "ts", "copy", "step", *PARENTS[name]]
        rows: Rows = {c: table[c].to_numpy() for c in hidden}
        deleted = pc.equal(table["op"], "d").to_numpy()
        whole = deleted | pc.is_null(table["reason"]).to_numpy()
        lacks = {c: ~np.isin(rows[c], seen[p]) & whole & ~deleted for c, p in PARENTS[name].items()}
        held = np.any(list(lacks.values()), axis=0) if lacks else np.zeros(len(whole), dtype=bool)
        accepted = whole & ~held
        seen[name] = np.unique(rows["id"][accepted])
        winners = _winners(rows, np.flatnonzero(accepted))
        state = _state(name, table.take(winners[0]), winners[1], live)
        live[name] = state["id"].filter(state["_live"]).to_numpy()
        pq.write_table(state, folder / f"{name}.parquet")
        pq.write_table(_waiting(name, table, held, lacks), folder / f"{name}_held.parquet")
        pq.write_table(_listed(table, ~whole, ["reason", "dirt"]), folder / f"{name}_quarantined.parquet")
        step["totals"][f"ecommerce.{name}"] = _totals(state, rows, held, whole)
        if name == "users":
            step["double_emails"] = _double_emails(state)


def _winners(rows: Rows, accepted: Array) -> tuple[Array, Array]:
    """Positions of each key's latest accepted change, by key, and the earliest accepted __ts_ms of that change."""
    order = accepted[np.lexsort((rows["ts"][accepted], rows["rank"][accepted], rows["change"][accepted]))]
    first, _ = sessions.groups(rows["change"][order])
    once = order[first]
    order = once[np.lexsort((rows["rank"][once], rows["id"][once]))]
    first, _ = sessions.groups(rows["id"][order])
    last = order[np.r_[first[1:], len(order)] - 1]
    return last, rows["ts"][last]


def _state(name: str, table: pa.Table, ts: Array, live: dict[str, Array]) -> pa.Table:
    deleted = pc.equal(table["op"], "d").to_numpy()
    rows = from_plain(table)
    for column in ("created_at", "updated_at"):  # a delete may carry what no timestamp can hold
        strange = (rows[column] < FIRST_MS) | (rows[column] > LAST_MS)
        rows[column] = np.where(deleted & strange, NULL, rows[column])
    shown = ~deleted
    for column, parent in PARENTS[name].items():
        shown &= np.isin(rows[column], live[parent])
    state = to_arrow(rows, canonical(name))
    lsn = pa.array(rows["lsn"], pa.int64(), mask=rows["lsn"] == NULL)
    marks = {"_op": table["op"], "_lsn": lsn, "_ts_ms": pa.array(ts), "_source_ts_ms": table["source_ts"]}
    marks |= {
        "_flags": table["flag"],
        "_change": table["change"],
        "_deleted": pa.array(deleted),
        "_live": pa.array(shown),
    }
    for column, values in marks.items():
        state = state.append_column(column, values)
    return state


def _waiting(name: str, table: pa.Table, held: Array, lacks: dict[str, Array]) -> pa.Table:
    for column, parent in PARENTS[name].items():
        table = table.append_column(f"missing_{parent}", pc.if_else(pa.array(lacks[column]), table[column], None))
    return _listed(table, held, [f"missing_{parent}" for parent in PARENTS[name].values()])


def _listed(table: pa.Table, where: Array, more: list[str]) -> pa.Table:
    """Distinct changes, a row each."""
    found = table.filter(pa.array(where & (table["copy"].to_numpy() == 0)))
    lsn = pc.if_else(pc.less(found["lsn"], 0), None, found["lsn"])
    return found.select(["id", "op", "ts", "change", "step", *more]).append_column("lsn", lsn)


def _totals(state: pa.Table, rows: Rows, held: Array, whole: Array) -> dict[str, Any]:
    live = state.filter(state["_live"])
    money = [c for c in live.column_names if c in MONEY_COLUMNS]
    once = rows["copy"] == 0
    return {
        "live": live.num_rows,
        "tombstones": int(pc.sum(state["_deleted"]).as_py() or 0),
        "hidden": int(np.sum(~(state["_live"].to_numpy() | state["_deleted"].to_numpy()))),
        "held": int((held & once).sum()),
        "quarantined": int((~whole & once).sum()),
        "sum_of_keys": int(pc.sum(live["id"]).as_py() or 0),
        "sums": {c: str(pc.sum(live[c]).as_py()) for c in money},
    }


def _double_emails(state: pa.Table) -> dict[str, list[int]]:
    live = state.filter(state["_live"]).select(["email", "id"])
    found = live.group_by("email").aggregate([("id", "list"), ("id", "count")])
    doubled = found.filter(pc.greater(found["id_count"], 1)).to_pylist()
    return {row["email"]: sorted(row["id_list"]) for row in sorted(doubled, key=lambda r: str(r["email"]))}


def _events(store: Store, step: dict[str, Any], folder: Path) -> None:
    found = {}
    for name in EVENT_TABLES:
        table = store.delivered(f"events.{name}", step["step"])
        if table is not None:
            found[name] = from_plain(table.filter(pc.equal(table["copy"], 0)))
            step["totals"][f"events.{name}"] = {"distinct": size(found[name]), "delivered": table.num_rows}
    if size(found.get("user_events", {})):
        exact = sessions.exact(found["user_events"], found["transactions"])
        pq.write_table(to_arrow(exact, TRUTH_SESSIONS), folder / "sessions.parquet")
        step["totals"]["events.sessions"] = {"sessions": size(exact)}
    pq.write_table(to_arrow(found["transactions"], TRUTH_TRANSACTIONS), folder / "transactions.parquet")
