"""Folding records: the newest word on each key, whatever is repeated and however the topics are interleaved."""

import random
from copy import deepcopy
from dataclasses import fields, replace

from console_history import as_record, in_topics, messages, runs, set_aside, trouble
from hypothesis import given, settings
from hypothesis import strategies as st

from console.fold import fold
from console.state import State
from tidemark.codec import encode
from tidemark.events import PARKED, AlertRaised, AlertSent, RunRequested, SnapshotCommitted
from tidemark.records import Record

TABLES = [field.name for field in fields(State) if field.name not in ("lag", "behind")]


def history() -> list[Record]:
    """Forty runs, four of them with trouble, in the order in which they were written."""
    sent = []
    for number, events in enumerate(runs(40)):
        sent += messages(events)
        if number % 10 == 0:
            sent += [*messages(trouble(events[-1].dataset, number // 2 + 1))]
            sent += set_aside(events[-1].dataset, number // 2 + 1)
    return in_topics(sent)


def kept(records: list[Record]) -> dict[str, object]:
    """What a new State holds after these records."""
    state = State()
    for record in records:
        fold(state, record)
    return contents(state)


def contents(state: State) -> dict[str, object]:
    """Its tables as plain data; what is set aside in order of place."""
    return {name: deepcopy(dict(getattr(state, name))) for name in TABLES}


HISTORY = history()
KEPT = kept(HISTORY)


def test_every_run_request_and_letter_is_kept_once() -> None:
    """What is kept has a key for each run, request, incident and dead letter that was written."""
    assert len(KEPT["runs"]) == 40
    assert len(KEPT["receipts"]) == 40 * 5
    assert len(KEPT["dead_letters"]) == 4
    assert len(KEPT["alerts"]) == 4
    assert len(KEPT["requests"]) == sum(record.topic == RunRequested.topic for record in HISTORY) == 4
    assert KEPT["damaged"] == {}


def test_a_tail_that_is_read_again_changes_nothing() -> None:
    """After a crash Faust reads again what was folded since the last commit: from any place on, the same State."""
    state = State()
    for record in HISTORY:
        fold(state, record)
    for record in HISTORY[len(HISTORY) // 3 :]:
        fold(state, record)
    assert contents(state) == KEPT


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_topics_may_come_in_any_order_between_each_other(seed: int) -> None:
    """A rebuild reads all partitions at once: whatever their interleaving, the same State."""
    chance = random.Random(seed)
    lanes: dict[tuple[str, int], list[Record]] = {}
    for record in HISTORY:
        lanes.setdefault((record.topic, record.partition), []).append(record)
    order = [lane for lane, records in lanes.items() for _ in records]
    chance.shuffle(order)
    left = {lane: iter(records) for lane, records in lanes.items()}
    assert kept([next(left[lane]) for lane in order]) == KEPT


def test_an_incident_that_comes_back_opens_again() -> None:
    """Raised, over, raised: open since the second time. The first word again changes nothing."""
    raised, over = alert(resolved=False), alert(resolved=True)
    words = [as_record(encode(event), offset, 1000 * offset) for offset, event in enumerate([raised, over, raised])]
    state = State()
    for record in [*words, words[0], words[1]]:
        fold(state, record)
    it = state.alerts["a/b"]
    assert (it.opened_ms, it.resolved_ms, it.offset) == (2000, None, 2)


def test_who_was_told_is_known_before_the_alert_is() -> None:
    """alert.sent may be read before its alert.raised: both are kept."""
    sent = AlertSent(dataset="events", alert_id="a/b/raised", incident="a/b", resolved=False, sinks=["1 (jsons)"])
    state = State()
    fold(state, as_record(encode(sent), 0, 5000))
    fold(state, as_record(encode(alert(resolved=False)), 0, 4000))
    assert (state.alerts["a/b"].opened_ms, state.alerts["a/b"].told_ms) == (4000, 5000)


def test_a_damaged_record_is_a_row_and_no_end() -> None:
    """Wrong bodies, wrong headers, no value, an entry that is none: each is a row with its place and its reason."""
    good = HISTORY[0]
    damaged = [
        replace(good, topic=SnapshotCommitted.topic, value=b"{", offset=1),
        replace(good, topic=SnapshotCommitted.topic, value=None, offset=2),
        replace(good, topic=SnapshotCommitted.topic, headers=(), offset=3),
        replace(good, topic=PARKED, value=b"\xff\xfe", offset=4),
        replace(good, topic="tidemark.nobody", offset=5),
    ]
    state = State()
    for record in damaged:
        assert fold(state, record)[0].key == record.place
    assert list(state.damaged) == [record.place for record in damaged]
    assert all(row.reason for row in state.damaged.values())
    assert not state.runs


def test_what_is_parked_and_released_is_followed() -> None:
    """Set aside, halted, resumed, released: at the end nothing waits; before the release one event does."""
    state = State()
    records = in_topics(set_aside("events", 3))
    for record in records[:3]:
        fold(state, record)
    halt = state.halts["loader/events"]
    assert (halt.halted, halt.reason, len(halt.parked)) == (True, "rows per file differ", 1)
    for record in records[3:]:
        fold(state, record)
    assert (state.halts["loader/events"].halted, state.halts["loader/events"].parked) == (False, {})


def alert(resolved: bool) -> AlertRaised:
    """One incident."""
    return AlertRaised(
        dataset="events",
        incident="a/b",
        severity="warning",
        title="t",
        detail="d",
        raised_by="loader",
        resolved=resolved,
    )
