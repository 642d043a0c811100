"""What the speed layer writes: at least once, and sessions in update mode (a row per session and minute of arrival).

The rows are computed as a stream would: running sums in order of arrival. Once all of a session's events and
transactions have arrived, its row with the latest processing_time equals `sessions.exact`.
"""

import numpy as np

from tidemark_lab.upstream.events import MINUTE
from tidemark_lab.upstream.rows import Array, Rows, concat, size, take
from tidemark_lab.upstream.sessions import COUNTED, by_session, codes, groups, times

DOUBLED = 0.01  # share of rows written twice
SESSION_LAG = 3000  # ms from the last arrival of a minute to the session's row


def written(rng: np.random.Generator, speed: dict[str, Rows]) -> dict[str, Rows]:
    """The speed layer's rows of a step, by table."""
    found = {}
    for name, rows in speed.items():
        new = take(rows, rows["new"])
        lag = rng.integers(1000, 4000, size(new))
        found[f"{name}_realtime"] = new | {
            "processing_time": new["speed_at"] + lag,
            "batch_id": new["speed_at"] // 10_000,
        }
    found["user_sessions_realtime"] = updates(speed["user_events"], speed["transactions"])
    return {name: _doubled(rng, rows) for name, rows in found.items()}


def _doubled(rng: np.random.Generator, rows: Rows) -> Rows:
    if not size(rows):
        return rows
    twice = rng.choice(size(rows), max(1, round(DOUBLED * size(rows))))
    return concat([rows, take(rows, twice)])


def updates(events: Rows, transactions: Rows) -> Rows:
    """The session rows that newly arrived events and transactions (`new`) bring about; the rest is context."""
    if not size(events):
        return {}
    events = take(events, by_session(events))
    stream = _stream(events, transactions)
    begins, number = groups(stream["session"])
    spread = 2 * size(events) + 2
    seen = np.minimum.accumulate(stream["place"] - number * spread) + number * spread
    last = np.maximum.accumulate(stream["time"] + (number << 42)) - (number << 42)
    running = {name: _running(stream[name], begins, number) for name in (*COUNTED, "total_spent", "items_purchased")}
    minute = stream["at"] // MINUTE
    ends = np.r_[(number[1:] != number[:-1]) | (minute[1:] != minute[:-1]), True]
    groups_new = np.maximum.reduceat(stream["new"], np.r_[0, np.flatnonzero(ends)[:-1] + 1])
    out = np.flatnonzero(ends)[groups_new & (seen[ends] < size(events))]
    first = take(events, seen[out])
    rows = {name: first[name] for name in ("session_id", "user_id", "user_tier", "device_type", "browser")}
    rows |= {name: values[out] for name, values in running.items()}
    start = _running_start(stream, number)[out]
    rows |= times(start, last[out]) | {"converted_to_purchase": rows["purchases"] > 0}
    return rows | {"processing_time": stream["at"][out] + SESSION_LAG}


def _stream(events: Rows, transactions: Rows) -> Rows:
    """Events and transactions as one stream per session in order of arrival. `place`: an event's place among all
    events by session and time; a transaction has none."""
    count, more = size(events), size(transactions)
    session = codes(np.concatenate([events["session_id"], transactions["session_id"]]))
    done = transactions["status"] == "completed"
    stream: Rows = {
        "session": session,
        "at": np.r_[events["speed_at"], transactions["speed_at"]],
        "new": np.r_[events["new"], transactions["new"]],
        "place": np.r_[np.arange(count), np.full(more, count)],
        "time": np.r_[events["timestamp"], np.zeros(more, dtype=np.int64)],
        "total_spent": np.r_[np.zeros(count, dtype=np.int64), np.where(done, transactions["total_amount"], 0)],
        "items_purchased": np.r_[np.zeros(count, dtype=np.int64), np.where(done, transactions["quantity"], 0)],
    }
    for name, kind in COUNTED.items():
        stream[name] = np.r_[events["event_type"] == kind, np.zeros(more, dtype=bool)].astype(np.int64)
    return take(stream, np.lexsort((stream["at"], session)))


def _running(values: Array, begins: Array, number: Array) -> Array:
    total = np.cumsum(values)
    sums: Array = total - (total - values)[begins][number]
    return sums


def _running_start(stream: Rows, number: Array) -> Array:
    time = np.where(stream["time"] > 0, stream["time"], (1 << 42) - 1)
    started: Array = np.minimum.accumulate(time - (number << 43)) + (number << 43)
    return started
