"""Change logs: whatever order, repetition and cuts upstream.md allows, the lake holds what the oracle says."""

from typing import Any

import pytest
from curate_lake import MANY_ROWS_IN_SOAK
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from .change_logs import BAD, NAMES, ODD, Change, Log, order, play, user

CUTS = 3
DELIVERIES = st.lists(
    st.tuples(st.integers(0, CUTS - 1), st.sampled_from([0, 0, 1, 3, -1, -2])), min_size=1, max_size=3
)
CHANGES = st.tuples(
    st.builds(
        Change,
        table=st.sampled_from(NAMES),
        key=st.sampled_from([1, 2, 1, 2, 3]),
        op=st.sampled_from("ucdr"),
        lsn=st.integers(1, 7),
        ts=st.integers(3, 12),
        value=st.sampled_from([1, 2, ODD, 1, 2, ODD, 1, 2, BAD]),
        parent=st.sampled_from([1, 2, 1, 2, 3, 4]),  # the fourth never comes
    ),
    st.booleans(),
    DELIVERIES,
)


@st.composite
def logs_of_changes(draw: st.DrawFn) -> Log:
    """A log in cuts: a change says the same in all its deliveries, but comes when and as often as it likes."""
    cuts: Log = [[] for _ in range(CUTS)]
    said: dict[tuple[Any, ...], tuple[int, int]] = {}
    for change, unknown, deliveries in draw(st.lists(CHANGES, min_size=6, max_size=24)):
        for cut, shift in deliveries:
            lsn = None if unknown and change.op == "r" else change.lsn
            told = change._replace(lsn=lsn, ts=change.ts + shift)
            value, parent = said.setdefault(told.identity, (change.value, change.parent))
            cuts[cut].append(told._replace(value=value, parent=parent))
    return cuts


def drawn(count: int, number: int) -> list[Log]:
    """Random logs, the same for the same number."""
    logs: list[Log] = []

    @seed(number)
    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(logs_of_changes())
    def collect(log: Log) -> None:
        logs.append(log)

    collect()
    return logs


# name -> log, and the live rows in the end: users as {key: e-mail}, orders as {key: (user, status)}
CASES: dict[str, tuple[Log, dict[int, int], dict[int, tuple[int, int]]]] = {
    "a change that was open across the snapshot comes later with a lower LSN": (
        [[user(1, "r", 50, 10, 1), user(1, "u", 40, 11, 2)]],
        {1: 2},
        {},
    ),
    "a snapshot row that was read after the change": ([[user(1, "u", 60, 5, 1)], [user(1, "r", 50, 9, 2)]], {1: 2}, {}),
    "a snapshot row and a change of one millisecond": (
        [[user(1, "r", 50, 9, 1)], [user(1, "u", 40, 9, 2)]],
        {1: 2},
        {},
    ),
    "an incremental snapshot has no LSN": (
        [[user(1, "u", 10, 5, 1), user(2, "u", 20, 9, 2)], [user(1, "r", None, 8, 3), user(2, "r", None, 8, 1)]],
        {1: 3, 2: 2},
        {},
    ),
    "a change without an LSN is refused": (
        [[user(1, "c", 5, 5), user(1, "d", None, 6), user(2, "c", None, 7)], [user(1, "d", None, 6)]],
        {1: 1},
        {},
    ),
    "many keys of one LSN": (
        [[user(1, "c", 5, 5, 1), user(2, "c", 5, 5, 2), user(3, "c", 5, 5, 3)]],
        {1: 1, 2: 2, 3: 3},
        {},
    ),
    "a snapshot begun twice": (
        [[user(1, "r", 30, 9, 2), user(2, "r", 20, 5, 1)], [user(1, "r", 20, 5, 1), user(2, "r", 30, 9, 3)]],
        {1: 2, 2: 3},
        {},
    ),
    "a changed primary key is two keys with one LSN": (
        [[user(1, "c", 5, 5, 1)], [user(2, "c", 9, 9, 1), user(1, "d", 9, 9, 1)]],
        {2: 1},
        {},
    ),
    "an insert, an update and a delete of one key with one LSN": (
        [[user(1, "u", 5, 5, 2), user(1, "c", 5, 5, 1)], [user(2, "d", 7, 7), user(2, "c", 7, 7)]],
        {1: 2},
        {},
    ),
    "deliveries repeated in a cut and across cuts": (
        [[user(1, "c", 5, 5), user(1, "c", 5, 7), user(1, "c", 5, 5)], [user(1, "c", 5, 5), user(1, "c", 5, 6)]],
        {1: 1},
        {},
    ),
    "an earlier delivery of a change makes a snapshot row the later one": (
        [
            [user(1, "c", 1, 1), user(2, "c", 2, 2, 2), order(1, "r", None, 5, 1, 1), order(1, "u", 9, 7, 2, 2)],
            [order(1, "u", 9, 3, 2, 2)],
        ],
        {1: 1, 2: 2},
        {1: (1, 1)},
    ),
    "changes out of order in a cut": (
        [[user(1, "u", 7, 7, 3), user(1, "c", 5, 5, 1), user(1, "u", 6, 6, 2)]],
        {1: 3},
        {},
    ),
    "changes out of order across cuts": (
        [[user(1, "u", 7, 7, 3)], [user(1, "u", 6, 6, 2)], [user(1, "c", 5, 5)]],
        {1: 3},
        {},
    ),
    "a late older change does not bring a deleted row back": (
        [[user(1, "c", 5, 5)], [user(1, "d", 7, 7)], [user(1, "u", 6, 8, 2)]],
        {},
        {},
    ),
    "deleted and inserted again": ([[user(1, "c", 5, 5), user(1, "d", 6, 6)], [user(1, "c", 7, 7, 2)]], {1: 2}, {}),
    "deleted and inserted again, told backwards": ([[user(1, "c", 7, 7, 2)], [user(1, "d", 6, 6)]], {1: 2}, {}),
    "a parent's delete after its children's": (
        [[user(1, "c", 1, 1), order(1, "c", 2, 2)], [order(1, "d", 3, 3)], [user(1, "d", 4, 4)]],
        {},
        {},
    ),
    "a parent's delete before its children's": (
        [[user(1, "c", 1, 1), order(1, "c", 2, 2)], [user(1, "d", 4, 4)], [order(1, "d", 3, 3)]],
        {},
        {},
    ),
    "a child of a deleted parent was not told of its delete yet": (
        [[user(1, "c", 1, 1), user(1, "d", 4, 4)], [order(1, "c", 2, 2)]],
        {},
        {1: (1, 1)},
    ),
    "a child whose parent is first seen by its delete": (
        [[order(1, "c", 2, 2)], [user(1, "d", 4, 4)]],
        {},
        {1: (1, 1)},
    ),
    "a child's delete while it waits for its parent": (
        [[order(1, "c", 2, 2)], [order(1, "d", 3, 3)], [user(1, "c", 1, 1)]],
        {1: 1},
        {},
    ),
    "a child moved to another parent": (
        [[user(1, "c", 1, 1), user(2, "c", 2, 2, 2), order(1, "c", 3, 3)], [order(1, "u", 4, 4, 2, 2)]],
        {1: 1, 2: 2},
        {1: (2, 2)},
    ),
    "a child moved to a parent that is not there yet": (
        [[user(1, "c", 1, 1), order(1, "c", 3, 3)], [order(1, "u", 4, 4, 2, 2)], [user(2, "c", 2, 2, 2)]],
        {1: 1, 2: 2},
        {1: (2, 2)},
    ),
    "a parent that never comes": ([[order(1, "c", 2, 2)], [order(1, "u", 3, 3, 2), order(1, "c", 2, 2)]], {}, {}),
    "a waiting row delivered again after its release": (
        [[order(1, "c", 2, 2)], [user(1, "c", 1, 1)], [order(1, "c", 2, 3)]],
        {1: 1},
        {1: (1, 1)},
    ),
    "e-mails swapped in one cut": (
        [[user(1, "c", 1, 1, 1), user(2, "c", 2, 2, 2)], [user(1, "u", 3, 3, 2), user(2, "u", 4, 4, 1)]],
        {1: 2, 2: 1},
        {},
    ),
    "e-mails swapped across cuts": (
        [[user(1, "c", 1, 1, 1), user(2, "c", 2, 2, 2)], [user(1, "u", 3, 3, 2)], [user(2, "u", 4, 4, 1)]],
        {1: 2, 2: 1},
        {},
    ),
    "e-mails swapped across cuts, told backwards": (
        [[user(1, "c", 1, 1, 1), user(2, "c", 2, 2, 2)], [user(2, "u", 4, 4, 1)], [user(1, "u", 3, 3, 2)]],
        {1: 2, 2: 1},
        {},
    ),
}


@MANY_ROWS_IN_SOAK
def test_named_and_random_logs(lake: Any) -> None:
    """After every run each table and the run's account of its rows are the oracle's; in the end the live rows of what
    upstream.md names are those that stand beside the names."""
    books = play(lake, [*[log for log, _, _ in CASES.values()], *drawn(30, 1)])[: len(CASES)]
    ended = [{t: [c for c in book.state(t) if c.op != "d"] for t in NAMES} for book in books]
    live = [
        ({c.key: c.value for c in end["users"]}, {c.key: (c.parent, c.value) for c in end["orders"]}) for end in ended
    ]
    expected = {name: (users, orders) for name, (_, users, orders) in CASES.items()}
    assert expected == dict(zip(CASES, live, strict=True))


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("number", range(2, 7))
def test_many_random_logs(lake: Any, number: int) -> None:
    """The same for 500 random logs, a hundred in a run."""
    play(lake, drawn(100, number))
