"""Likely causes, case by case: a difference by itself, and beside its siblings."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.cause import Cause, causes
from reconciler.entries import Difference, Entry, Kind, State
from reconciler.memory_sides import text_of
from tidemark.tables import Pair

COLUMNS = {
    "id": "uuid", "paid": "decimal(10,2)", "pieces": "int", "method": "string", "done": "bool", "at": "timestamp",
}  # fmt: skip
PAIR = Pair(
    dataset="events", batch="b", speed="s", key=["id"], event_time="at", version="v",
    lateness_seconds=900, stalled_seconds=7200, columns=COLUMNS,
)  # fmt: skip
NOON = datetime.fromisoformat("2026-03-01 12:00:00.123")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def texts(**values: Any) -> dict[str, str]:
    row = {"id": "k", "paid": "10.00", "pieces": 3, "method": "card", "done": True, "at": NOON, **values}
    return {name: text_of(kind, row[name]) for name, kind in COLUMNS.items()}


def entry(kind: Kind, state: State = "confirmed", *, columns: Sequence[str] = (), **values: Any) -> Entry:
    """`values` are Difference's; a row that is not named is there as texts() has it."""
    rows: dict[str, Mapping[str, str]] = {"speed": {} if kind == "missing_in_speed" else texts()}
    rows["batch"] = {} if kind == "missing_in_batch" else texts()
    event_ms = int(NOON.replace(tzinfo=UTC).timestamp() * 1000)
    given = {"key": "1:k", "event_ms": event_ms, **rows, **values}
    return Entry(
        entry_id="e", dataset="events", pair="p", state=state, first_run_id="r", first_seen_ms=0, judged_cutoff_ms=0,
        last_run_id="r", last_seen_ms=0, resolved_ms=None, seconds_to_resolve=12.4 if state == "resolved" else None,
        difference=Difference(kind=kind, columns=tuple(columns), **given),
    )  # fmt: skip


def unlike(state: State = "confirmed", *, speed: Mapping[str, Any], batch: Mapping[str, Any]) -> Entry:
    """A row that both sides have, with other values in some columns."""
    return entry("different", state, columns=list(speed), speed=texts(**speed), batch=texts(**batch))


def only(one: Entry) -> Cause:
    return causes(PAIR, [one])[0]


@pytest.mark.parametrize(
    ("kind", "state", "expected", "reason"),
    [
        ("doubled", "confirmed", "doubled", "holds 2 rows"),
        ("doubled", "resolved", "doubled", "holds 2 rows"),
        ("missing_in_batch", "pending", "late", "younger than the lateness bound of 900 s"),
        ("different", "pending", "late", "younger than the lateness bound"),
        ("missing_in_speed", "resolved", "late", "agreed after 12 s"),
        ("missing_in_batch", "suspect", "late", "the mart lacked it once"),
        ("missing_in_batch", "confirmed", "lost", "the mart still lacks it"),
        ("missing_in_speed", "confirmed", "lost", "the speed layer still lacks it"),
    ],
)
def test_rows_that_are_missing_or_too_many(kind: Kind, state: State, expected: str, reason: str) -> None:
    """By class and state alone."""
    found = only(entry(kind, state, copies=2 if kind == "doubled" else 1))
    assert (found.name, reason in found.reason) == (expected, True)


@pytest.mark.parametrize(
    ("speed", "batch", "expected", "reason"),
    [
        ({"at": at("2026-03-01 13:00:00.123000")}, {"at": NOON}, "clock", "the speed layer's is 1 h later"),
        ({"at": NOON}, {"at": at("2026-03-01 17:30:00.123000")}, "clock", "the mart's is 5.5 h later"),
        ({"at": NOON}, {"at": at("2026-03-01 12:00:02.123000")}, "clock", "the mart's is 2 s later"),
        ({"at": at("2026-03-01 12:00:00")}, {"at": NOON}, "rounding", "fewer places of the second"),
        ({"at": NOON}, {"at": at("2026-03-01 12:00:00.123456")}, "rounding", "fewer places of the second"),
        ({"at": at("2026-03-09 09:09:00")}, {"at": NOON}, "lost", "another version"),
        ({"paid": "10.01"}, {"paid": "10.00"}, "rounding", "0.01 apart"),
        ({"paid": "-10.00"}, {"paid": "-9.99"}, "rounding", "0.01 apart"),
        ({"paid": "10.00"}, {"paid": "10.49"}, "rounding", "0.49 apart"),
        ({"paid": "20.50"}, {"paid": "10.25"}, "doubled", "the speed layer's is exactly twice"),
        ({"pieces": 3}, {"pieces": 6}, "doubled", "the mart's is exactly twice"),
        ({"paid": "1050.00"}, {"paid": "10.50"}, "mapping", "100 to 1"),
        ({"paid": "10.00"}, {"paid": "12.00"}, "lost", "another version"),
        ({"pieces": 3}, {"pieces": 4}, "lost", "another version"),
        ({"pieces": 0}, {"pieces": 4}, "lost", "another version"),
        ({"method": "Card "}, {"method": "card"}, "mapping", "but for case, spaces"),
        ({"method": "ca\u200brd"}, {"method": "card"}, "mapping", "invisible characters"),
        ({"method": "cafe\u0301"}, {"method": "café"}, "mapping", "Unicode form"),
        ({"method": "cafÃ©"}, {"method": "café"}, "mapping", "UTF-8 read as Latin-1"),
        ({"method": None}, {"method": ""}, "mapping", "NULL on one side"),
        ({"paid": None}, {"paid": "0.00"}, "mapping", "NULL on one side"),
        ({"paid": None}, {"paid": "3.00"}, "lost", "another version"),
        ({"method": "card"}, {"method": "cash"}, "lost", "another version"),
        ({"paid": "20.00", "pieces": 6}, {"paid": "10.00", "pieces": 3}, "doubled", "paid: "),
        ({"paid": "10.01", "pieces": 6}, {"paid": "10.00", "pieces": 3}, "lost", "another version"),
    ],
)
def test_rows_that_are_different(
    speed: Mapping[str, Any], batch: Mapping[str, Any], expected: str, reason: str
) -> None:
    """Every differing column must say the same; else one side holds another version of the row."""
    found = only(unlike(speed=speed, batch=batch))
    assert (found.name, reason in found.reason) == (expected, True), found


def test_one_value_that_is_always_another_one_is_a_mapping() -> None:
    """Three rows say so; fewer are no proof, and a value that stands for several is no translation."""
    two = [unlike(speed={"method": "card"}, batch={"method": "VISA"}) for _ in range(2)]
    other = unlike(speed={"method": "card"}, batch={"method": "cash"})
    assert [c.name for c in causes(PAIR, two)] == ["lost"] * 2
    assert [c.name for c in causes(PAIR, [*two, two[0]])] == ["mapping"] * 3
    assert [c.name for c in causes(PAIR, [*two, two[0], other])] == ["lost"] * 4
    flipped = [unlike(speed={"done": True}, batch={"done": False}) for _ in range(3)]
    assert {c.name for c in causes(PAIR, flipped)} == {"mapping"}


def test_many_missing_rows_are_a_lost_batch() -> None:
    """Beside its siblings a missing row says how many, and between when; pending ones do not count."""
    rows = [entry("missing_in_batch", event_ms=1_772_366_400_000 + n * 60_000) for n in range(3)]
    young = entry("missing_in_batch", "pending")
    found = causes(PAIR, [*rows, young])
    assert [c.name for c in found] == ["lost", "lost", "lost", "late"]
    assert "lacks 3 rows between 2026-03-01 12:00 and 2026-03-01 12:02: probably a whole batch" in found[0].reason


def test_a_row_under_another_key_is_a_mapping() -> None:
    """One side lacks it, the other lacks one that is equal but for the key."""
    found = causes(PAIR, [entry("missing_in_batch", speed=texts(id="one")), entry("missing_in_speed")])
    assert [c.name for c in found] == ["mapping", "mapping"]
    assert "under another key" in found[0].reason
