"""What goes wrong between the source and the lake: each kind at its rate, each row it touches labelled.

`soil` takes a step's true changes and adds to every row what the truth needs:
  dirt    the kind ("" for a clean row); no row has two kinds
  reason  why tidemark must quarantine it: null:<column>, cast:<column>, rule:<name>; None: it can be accepted
  flag    the name of the rule that flags it, else None
  due     the step in which it is delivered; AT_SETTLE: when everything outstanding is brought; NEVER: it is lost
  batch   which of the step's appends carries it
  copy    0 the first delivery, 1 a repeat, 2 a repeat with an earlier __ts_ms than the delivery before it
Broken values stand in dirty_values.py, deliveries in deliveries.py. RATES are shares of a step's rows of a table; at
least one row where any can be found.
"""

from dataclasses import dataclass, field

import numpy as np

from tidemark_lab.upstream.rows import Array, Rows, constant, size

AT_SETTLE = 1_000_000
NEVER = 2_000_000
BATCHES = 3  # appends per table and step
LATER_AT_MOST = 50  # rows of a kind and table that a step leaves to a later one, so that deltas keep their size


@dataclass
class Lost:
    """Keys of which no row is ever delivered, per table: their children wait for good."""

    keys: dict[str, set[int]] = field(default_factory=lambda: {"users": set(), "orders": set()})


def prepare(rows: Rows, step: int) -> Rows:
    """The columns that dirt writes to, all clean: delivered in this step, batch by place in time."""
    count = size(rows)
    batch = np.minimum(np.arange(count) * BATCHES // max(count, 1), BATCHES - 1)
    marks: Rows = {"dirt": constant("", count), "reason": constant(None, count), "flag": constant(None, count)}
    numbers = {"due": np.full(count, step, dtype=np.int64), "batch": batch, "copy": np.zeros(count, dtype=np.int64)}
    return rows | marks | numbers


def choose(
    rng: np.random.Generator, rows: Rows, eligible: Array, rate: float, least: int = 1, most: int | None = None
) -> Array:
    """Positions of clean, eligible rows: `rate` of all rows, at least `least` where there are that many."""
    free = np.flatnonzero(eligible & (rows["dirt"] == ""))
    wanted = min(max(least, round(rate * size(rows))), len(free), len(free) if most is None else most)
    chosen: Array = np.sort(rng.choice(free, wanted, replace=False)) if wanted else free[:0]
    return chosen


def label(rows: Rows, where: Array, kind: str) -> None:
    """Write down what was done to rows."""
    rows["dirt"][where] = kind
