"""The one order of a key's changes, held against ten lines of Python."""

import random
from typing import Any

import pytest
from curate_lake import frame_of

from curate_job.order import RANK, winners

Change = tuple[int, str, int | None, int, str]  # key, op, lsn, ts, content


def oracle(changes: list[Change]) -> tuple[str, int | None, int]:
    """What upstream.md says, in plain Python, of the changes of one key: the winner's op, LSN and first delivery."""
    first: dict[tuple[str, int | None, int | None], int] = {}
    for _, op, lsn, ts, _ in changes:
        identity = (op, lsn, ts if lsn is None else None)
        first[identity] = min(ts, first.get(identity, ts))
    logged = [(lsn, RANK[op], ts) for (op, lsn, _), ts in first.items() if op != "r" and lsn is not None]
    reads = [
        (ts, -1 if lsn is None else lsn, RANK[op], op)
        for (op, lsn, _), ts in first.items()
        if (op == "r" or lsn is None)
    ]
    names = {rank: op for op, rank in RANK.items()}
    best, read = max(logged, default=None), max(reads, default=None)
    if read and (best is None or read[0] > best[2]):
        return read[3], None if read[1] == -1 else read[1], read[0]
    assert best is not None
    return names[best[1]], best[0], best[2]


def random_changes(seed: int, keys: int) -> list[Change]:
    """Changes with repeats, shared LSNs, null LSNs, tombstones of rebuilds, and times that contradict LSNs."""
    rng = random.Random(seed)
    found: list[Change] = []
    for key in range(keys):
        for _ in range(rng.randint(1, 7)):
            op = rng.choice("rrcuud")
            lsn = rng.choice([None, *range(1, 6)]) if op in "rd" else rng.randint(1, 6)
            ts = rng.randint(1, 12)
            found.append((key, op, lsn, ts, f"{key}{op}{lsn}"))
            if rng.random() < 0.3:
                found.append((key, op, lsn, ts + rng.randint(-3, 3), f"{key}{op}{lsn}"))
    rng.shuffle(found)
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_winner_is_what_the_oracle_says(spark: Any, seed: int) -> None:
    """For any set of changes, in any arrival order, the winner of every key is the oracle's."""
    changes = random_changes(seed, 400)
    frame = frame_of(spark, changes, "id int, _op string, _lsn bigint, _ts_ms bigint, v string")
    got = {r["id"]: (r["_op"], r["_lsn"], r["_ts_ms"]) for r in winners(frame, ["id"], ["v"], "debezium").collect()}
    expected = {key: oracle([c for c in changes if c[0] == key]) for key in range(400)}
    assert expected == got


def test_snapshot_row_later_than_the_change_wins(spark: Any) -> None:
    """An open transaction's change with a lower LSN wins over an r that was written before it, not after it."""
    rows = [(1, "r", 50, 100, "a"), (1, "u", 40, 110, "b"), (2, "r", 50, 100, "a"), (2, "u", 40, 100, "b")]
    rows += [(3, "r", 50, 101, "a"), (3, "u", 40, 100, "b")]
    frame = frame_of(spark, rows, "id int, _op string, _lsn bigint, _ts_ms bigint, v string")
    got = {r["id"]: r["v"] for r in winners(frame, ["id"], ["v"], "debezium").collect()}
    assert got == {1: "b", 2: "b", 3: "a"}


def test_arrival_takes_the_latest_first_delivery(spark: Any) -> None:
    """Ordered by arrival, a late repeat of old content does not come back; content counts from its first delivery."""
    rows = [(1, 9, "old"), (1, 5, "old"), (1, 7, "new")]
    frame = frame_of(spark, rows, "id int, _ts_ms bigint, v string")
    assert [r["v"] for r in winners(frame, ["id"], ["id", "v"], "arrival").collect()] == ["new"]
