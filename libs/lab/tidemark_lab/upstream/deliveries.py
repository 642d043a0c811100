"""How changes reach the lake: late, out of order, more than once, or never. In place, except for added copies.

Order of the kinds matters: whole keys that are late or lost come first, for nothing else may touch their rows; repeats
come last, for a repeat is never delivered before what it repeats.
"""

from collections.abc import Callable

import numpy as np

from tidemark_lab.upstream.dirt import AT_SETTLE, BATCHES, LATER_AT_MOST, NEVER, Lost, choose, label
from tidemark_lab.upstream.rows import NULL, Array, Rows, concat, size, take

RATES = {
    "tie": 0.0002,
    "earlier_repeat": 0.002,
    "earlier_snapshot_repeat": 0.0005,
    "older_in_later_append": 0.004,
    "older_in_later_step": 0.003,
    "late_cascade": 0.001,
    "missing": 0.0005,
    "parent_later": 0.002,
    "repeat_same_append": 0.004,
    "repeat_later_append": 0.004,
    "repeat_later_step": 0.003,
}


def followed(rows: Rows) -> Array:
    """Per row the position of the next change of its key in this step, -1 for the last one."""
    order = np.lexsort((rows["rank"], rows["id"]))
    follows = rows["id"][order][1:] == rows["id"][order][:-1]
    after = np.full(size(rows), -1)
    after[order[:-1][follows]] = order[1:][follows]
    return after


def tie(rng: np.random.Generator, rows: Rows) -> None:
    """An incremental snapshot's row with the __ts_ms of the next change of its key: the change stands above it."""
    after = followed(rows)
    eligible = (rows["lsn"] == NULL) & (after >= 0) & (rows["dirt"][after] == "")
    where = choose(rng, rows, eligible, RATES["tie"])
    rows["ts"][where] = rows["ts"][after[where]]
    label(rows, where, "tie")
    label(rows, after[where], "tie")


def earlier_repeats(rng: np.random.Generator, rows: Rows, step: int) -> Rows:
    """Changes first delivered with the __ts_ms of a second try; the first try's row comes a step later. Only after the
    incremental snapshot, so that no snapshot row lies between the two."""
    read = rows["rank"][rows["lsn"] == NULL]
    eligible = (rows["op"] != "r") & (rows["rank"] > (read.max() if len(read) else 0))
    where = choose(rng, rows, eligible, RATES["earlier_repeat"], 2, LATER_AT_MOST)
    label(rows, where, "earlier_repeat")
    first = take(rows, where)
    rows["ts"][where] += rng.integers(1, 900, len(where))
    return _later(first, step, 2)


def earlier_snapshot_repeats(rng: np.random.Generator, rows: Rows, step: int, end: int, rank: int) -> Rows:
    """Snapshot rows first delivered by a second try at the very end of the step, so that they stand above the changes
    since; when the first try's row arrives a step later, the changes win. `rank`: the place in time of `end`."""
    eligible = (rows["op"] == "r") & (rows["lsn"] != NULL) & (rows["cause"] == "") & (followed(rows) >= 0)
    where = choose(rng, rows, eligible, RATES["earlier_snapshot_repeat"], 2, LATER_AT_MOST)
    label(rows, where, "earlier_snapshot_repeat")
    first = take(rows, where)
    rows["ts"][where], rows["rank"][where] = end, rank
    return _later(first, step, 2)


def _later(rows: Rows, step: int, kind: int) -> Rows:
    return rows | {"due": np.full(size(rows), step + 1), "copy": np.full(size(rows), kind)}


def out_of_order(rng: np.random.Generator, rows: Rows, step: int) -> None:
    """Of two changes of a key the older one arrives after the newer one: in a later append, or in a later step."""
    after = followed(rows)
    pairs = (after >= 0) & (rows["dirt"][after] == "")
    where = choose(rng, rows, pairs, RATES["older_in_later_append"], 2)
    rows["batch"][where], rows["batch"][after[where]] = BATCHES - 1, 0
    label(rows, where, "older_in_later_append")
    where = choose(rng, rows, pairs, RATES["older_in_later_step"], 2, LATER_AT_MOST)
    rows["due"][where] = step + 1
    label(rows, where, "older_in_later_step")


def late_by_cause(rng: np.random.Generator, rows: Rows, step: int) -> None:
    """Late because of what they are: the change before a delete, a cascade's deletes, an address given up."""
    for cause, kind, rate, least in (
        ("farewell", "late_before_delete", 0.0, 1),
        ("cascade", "late_cascade", RATES["late_cascade"], 2),
        ("email_given_up", "late_email", 0.0, 2),
    ):
        where = choose(rng, rows, rows["cause"] == cause, rate, least, LATER_AT_MOST)
        rows["due"][where] = step + 1
        label(rows, where, kind)


def missing(rng: np.random.Generator, rows: Rows) -> None:
    """Updates that the connector dead-lettered: they never come."""
    where = choose(rng, rows, rows["op"] == "u", RATES["missing"])
    rows["due"][where] = NEVER
    label(rows, where, "missing")


def orphans(rng: np.random.Generator, parents: Rows, children: Rows, column: str, step: int, lost: set[int]) -> None:
    """New parents that come after their children: a step later, at settle, or never (`lost` keeps them)."""
    named = np.isin(parents["id"], children[column][children["op"] == "c"])
    where = choose(rng, parents, (parents["op"] == "c") & named, RATES["parent_later"], 4, LATER_AT_MOST)
    for place, key in enumerate(parents["id"][where]):
        kind, due = (("parent_later", step + 1), ("parent_at_settle", AT_SETTLE), ("parent_never", NEVER))[place % 3]
        if due == NEVER and place < 3:
            lost.add(int(key))
        elif due == NEVER:
            kind, due = "parent_later", step + 1
        touched = parents["id"] == key
        parents["due"][touched] = np.maximum(parents["due"][touched], due)
        label(parents, touched & (parents["dirt"] == ""), kind)


def lose(rows: Rows, lost: set[int]) -> None:
    """Nothing of a lost key ever arrives."""
    gone = np.isin(rows["id"], sorted(lost)) & (rows["due"] != NEVER)
    rows["due"][gone] = NEVER
    label(rows, gone & (rows["dirt"] == ""), "parent_never")


def repeats(rng: np.random.Generator, rows: Rows, step: int) -> Rows:
    """Rows delivered again: in the same append, in a later one, in a later step. Any row may be hit, whatever else is
    wrong with it, except those that an earlier repeat follows. With a null LSN __ts_ms is the same too."""
    found = []
    moves: tuple[tuple[str, Callable[[Rows], Rows]], ...] = (
        ("repeat_same_append", lambda r: {}),
        ("repeat_later_append", lambda r: {"batch": np.minimum(r["batch"] + 1, BATCHES - 1)}),
        ("repeat_later_step", lambda r: {"due": np.maximum(r["due"], step) + 1}),
    )
    single = ~np.char.startswith(rows["dirt"].astype(str), "earlier") & (rows["due"] <= step + 1)
    for kind, move in moves:
        most = LATER_AT_MOST if kind == "repeat_later_step" else size(rows)
        wanted = min(max(2, round(RATES[kind] * size(rows))), most)
        where = rng.choice(np.flatnonzero(single), min(wanted, int(single.sum())), replace=False)
        copies = take(rows, where)
        again = np.where(copies["lsn"] == NULL, 0, rng.integers(1, 60_000, len(where)))
        copies |= {"ts": copies["ts"] + again, "copy": np.ones(len(where), dtype=np.int64)} | move(copies)
        label(copies, np.arange(len(where)), kind)
        found.append(copies)
    return concat(found)


def soil(
    rng: np.random.Generator, tables: dict[str, Rows], step: int, lost: Lost, end: int, rank: int
) -> dict[str, Rows]:
    """All that happens to a step's deliveries, after the values were damaged. `end` (ms) and `rank`: where it ends."""
    orphans(rng, tables["users"], tables["orders"], "user_id", step, lost.keys["users"])
    orphans(rng, tables["orders"], tables["order_items"], "order_id", step, lost.keys["orders"])
    found = {}
    for name, rows in tables.items():
        lose(rows, lost.keys.get(name, set()))
        tie(rng, rows)
        copies = []
        if name in ("users", "products"):  # nothing of theirs is ever held, so the earlier row is always accepted
            copies += [earlier_repeats(rng, rows, step), earlier_snapshot_repeats(rng, rows, step, end, rank)]
        late_by_cause(rng, rows, step)
        missing(rng, rows)
        out_of_order(rng, rows, step)
        found[name] = concat([rows, *copies, repeats(rng, rows, step)])
    return found
