"""Change logs for the real job, and what the lake must hold after them: the oracle of the order of changes.

Every log has a range of keys of its own, so that one run of the job carries many logs.
"""

from collections import Counter, defaultdict
from functools import partial
from typing import Any, NamedTuple

META = "__op string, __ts_ms bigint, __source_ts_ms bigint, __source_lsn bigint"
USERS = f"id int, email string, first_name string, last_name string, created_at bigint, updated_at bigint, {META}"
ORDERS = (
    "id int, user_id int, status string, total_amount string, shipping_address string, "
    f"created_at bigint, updated_at bigint, {META}"
)
DAY, INFINITE = 1_790_000_000_000, 9223372036825200000
NAMES = ("users", "orders")
STATUS = ("pending", "shipped", "cancelled", "lost")
BAD, ODD = 0, 3  # values: a row that no later row can heal, and (orders) one that is flagged
RANK = {"r": 0, "c": 1, "u": 2, "d": 3}


class Change(NamedTuple):
    """A delivery. `parent`: an order's user; `value`: a user's e-mail, an order's status."""

    table: str
    key: int
    op: str
    lsn: int | None
    ts: int
    value: int = 1
    parent: int = 1

    @property
    def identity(self) -> tuple[Any, ...]:
        """What is the same in every delivery of one change."""
        return (self.table, self.key, self.op, self.lsn, self.ts if self.lsn is None else None)

    @property
    def bad(self) -> bool:
        """Whether the row is quarantined."""
        return (self.value == BAD and self.op != "d") or (self.lsn is None and self.op != "r")


Log = list[list[Change]]  # by cut
user, order = partial(Change, "users"), partial(Change, "orders")


class Book:
    """The oracle: what is known of one log after some cuts."""

    def __init__(self) -> None:
        self.known: dict[tuple[Any, ...], int] = {}
        self.accepted: list[tuple[int, Change]] = []
        self.held: list[Change] = []
        self.refused: list[Change] = []

    def tell(self, run: int, cut: list[Change]) -> Counter[tuple[str, str]]:
        """Take one cut in; returns how many rows were repeated and released, by table."""
        ends: Counter[tuple[str, str]] = Counter()
        for table in NAMES:
            waiting = [change for change in self.held if change.table == table]
            self.held, before = [change for change in self.held if change.table != table], set(waiting)
            for change in sorted((c for c in cut if c.table == table), key=lambda c: c.ts):
                if change.ts >= self.known.get(change.identity, INFINITE):
                    ends[table, "repeated"] += 1
                    continue
                self.known[change.identity] = change.ts
                (self.refused if change.bad else waiting).append(change)
            seen = {change.key for _, change in self.accepted if change.table == "users"}
            for change in waiting:
                if table == "orders" and change.op != "d" and change.parent not in seen:
                    self.held.append(change)
                else:
                    self.accepted.append((run, change))
                    ends[table, "released"] += change in before
        return ends

    def state(self, table: str) -> list[Change]:
        """The change that counts for each key."""
        changes = [change for _, change in self.accepted if change.table == table]
        return [newest([c for c in changes if c.key == key]) for key in sorted({c.key for c in changes})]


def newest(changes: list[Change]) -> Change:
    """c, u and d by LSN; the best of them against the best r by time; the earliest delivery counts."""
    first = {change.identity: change for change in sorted(changes, key=lambda c: -c.ts)}.values()
    logged = max((c for c in first if c.op != "r"), key=lambda c: (c.lsn, RANK[c.op]), default=None)
    read = max((c for c in first if c.op == "r"), key=lambda c: (c.ts, c.lsn or -1), default=None)
    return read if logged is None or (read is not None and read.ts > logged.ts) else logged  # type: ignore[return-value]


def lake_of(book: Book) -> dict[str, list[tuple[Any, ...]]]:
    """What the lake's tables hold for a log, with its own small keys."""
    users, orders = book.state("users"), book.state("orders")
    mails = Counter(c.value for c in users if c.op != "d")
    refused = {c.key for c in book.refused if c.table == "users"}
    why = {c.parent: "is in quarantine" if c.parent in refused else "has no such key yet" for c in book.held}
    clash = {c.key: "email_not_unique" if c.op != "d" and mails[c.value] > 1 else None for c in users}
    odd = {c.key: "status_known" if c.op != "d" and c.value == ODD else None for c in orders}
    found = {
        "users": [(c.key, c.value, c.op, c.lsn, c.ts, c.op == "d", clash[c.key]) for c in users],
        "orders": [(c.key, c.parent, c.value, c.op, c.lsn, c.ts, c.op == "d", odd[c.key]) for c in orders],
        "orders_held": [(c.key, c.parent, c.op, c.lsn, c.ts, f"users {why[c.parent]}") for c in book.held],
    }
    for name in NAMES:
        found[f"{name}_changes"] = [(c.key, c.op, c.lsn, c.ts, run) for run, c in book.accepted if c.table == name]
        found[f"{name}_quarantined"] = [(c.key, c.op, c.lsn, c.ts) for c in book.refused if c.table == name]
    return {name: sorted(rows, key=repr) for name, rows in found.items() if rows}


def base_of(number: int) -> int:
    """The first of a log's keys, some below 0."""
    return 10 * (number + 1) * (-1) ** number


QUERIES = {
    "users": "id, email, _op, _lsn, _ts_ms, _is_deleted, _state_flags",
    "orders": "id, user_id, status, _op, _lsn, _ts_ms, _is_deleted, _flags",
    "orders_held": "id, user_id, _op, _lsn, _ts_ms, _reason",
    "users_changes": "id, _op, _lsn, _ts_ms, _run_seq",
    "orders_changes": "id, _op, _lsn, _ts_ms, _run_seq",
    "users_quarantined": "CAST(_key AS INT), _op, _lsn, _ts_ms",
    "orders_quarantined": "CAST(_key AS INT), _op, _lsn, _ts_ms",
}


def small(table: str, number: int, row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row of the lake with its log's own small keys, as `lake_of` writes it."""
    base, stamp = base_of(number), QUERIES[table].split(", ").index("_ts_ms")
    row = (row[0] - base, *row[1:stamp], row[stamp] - DAY, *row[stamp + 1 :])
    if table == "users":
        return (row[0], int(row[1][0]), *row[2:])
    if table == "orders":
        return (row[0], row[1] - base, STATUS.index(row[2]), *row[3:])
    if table == "orders_held":
        assert row[5].startswith(f"user_id={row[1]}: ")
        return (row[0], row[1] - base, *row[2:5], row[5].split(": ")[1])
    return row


def found_in(lake: Any) -> dict[int, dict[str, list[tuple[Any, ...]]]]:
    """What the lake holds, by log."""
    found: dict[int, dict[str, list[tuple[Any, ...]]]] = defaultdict(lambda: defaultdict(list))
    for table, columns in QUERIES.items():
        for row in lake.rows(table, columns):
            number = abs(row[0] // 10) - 1
            found[number][table].append(small(table, number, row))
    return {number: {t: sorted(rows, key=repr) for t, rows in tables.items()} for number, tables in found.items()}


def source_row(change: Change, number: int) -> tuple[Any, ...]:
    """The delivery as Debezium writes it."""
    base, marks = base_of(number), "+'"
    meta = (DAY, change.op, DAY + change.ts, DAY, change.lsn)
    if change.table == "users":
        created = INFINITE if change.value == BAD else DAY
        return (
            base + change.key,
            f"{change.value}{marks[number % 2]}{number}@x.org",
            "Ann",
            "Lee",
            created,
            *meta,
        )
    total = "NAN" if change.value == BAD else "10.00"
    return (base + change.key, base + change.parent, STATUS[change.value], total, "Main St 1", DAY, *meta)


def play(lake: Any, logs: list[Log]) -> list[Book]:
    """Run all logs cut by cut; after every run the lake, and what the run says of itself, are the oracle's."""
    lake.contracts = {name: lake.contracts[name] for name in NAMES}
    books = [Book() for _ in logs]
    for run in range(max(len(log) for log in logs)):
        told = [log[run] if run < len(log) else [] for log in logs]
        read = Counter(c.table for cut in told for c in cut)
        for table, schema in zip(NAMES, (USERS, ORDERS), strict=True):
            rows = [source_row(c, number) for number, cut in enumerate(told) for c in cut if c.table == table]
            if rows or run == 0:
                lake.append(table, rows, schema)
        ends = sum((book.tell(run + 1, cut) for book, cut in zip(books, told, strict=True)), Counter())
        result = lake.run()
        assert result["status"] == "done"
        for table in result["tables"]:
            counted = {end: table[end] for end in ("read", "repeated", "released")}
            name = table["table"]
            expected = {"read": read[name], "repeated": ends[name, "repeated"], "released": ends[name, "released"]}
            assert (name, expected) == (name, counted)
            ended = sum(table[end] for end in ("accepted", "repeated", "held", "quarantined"))
            assert table["read"] + table["released"] == ended
        found = found_in(lake)
        wrong = [
            (logs[number][: run + 1], lake_of(book), found.get(number, {}))
            for number, book in enumerate(books)
            if lake_of(book) != found.get(number, {})
        ]
        assert wrong[:1] == [], f"{len(wrong)} of {len(logs)} logs; (log, expected, found)"
    return books
