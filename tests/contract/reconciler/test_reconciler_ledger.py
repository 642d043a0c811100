"""The ledger in OPS and its twin: the same promises."""

from typing import Any

import pytest
from msgspec import structs
from snowflake.connector import SnowflakeConnection

from reconciler.entries import Difference, Sighting, advance
from reconciler.memory import MemoryLedger
from reconciler.ports import Ledger, PairStanding, Recorded
from reconciler.snowflake import Session
from reconciler.snowflake_ledger import SnowflakeLedger
from tidemark.errors import Superseded
from tidemark.events import AlertRaised, Event, LayersReconciled
from tidemark_warehouse import execute

pytestmark = pytest.mark.lab

HOSTILE = "né☃ '\"\\ %s |\n\t~"


@pytest.fixture(params=["twin", "snowflake"])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    if request.param == "twin":
        return MemoryLedger()
    warehouse: SnowflakeConnection = request.getfixturevalue("warehouse")
    for table in ("RECONCILIATION_RUN", "RECONCILIATION_ENTRY"):
        execute(warehouse, f"DELETE FROM OPS.{table}")
    return SnowflakeLedger(Session(request.getfixturevalue("snowflake_settings")))


def sent(run: int) -> list[Event]:
    alert = AlertRaised(
        dataset="events", incident="i", severity="critical", title="t", detail=HOSTILE, raised_by="reconciler"
    )
    reconciled = LayersReconciled(
        dataset="events", run_id=f"run-{run}", run_seq=run, kind="process", generation=1,
        status="DIVERGED", pairs=[], committed_at_ms=5, seconds=0.5,
    )  # fmt: skip
    return [reconciled, alert]


def recorded(run: int, **values: Any) -> Recorded:
    standing = PairStanding(cutoff_ms=None, speed_ms=run, batch_ms=2, moved_ms=3, incidents={"diverged": "i"})
    base = Recorded(
        dataset="events", run_id=f"run-{run}", run_seq=run, generation=1, compared_seq=run, status="DIVERGED",
        recorded_ms=run * 1000, seconds=0.5, events=sent(run), standing={"transactions": standing}, entries=[],
    )  # fmt: skip
    return structs.replace(base, **values)


def sighting(run: int, cutoff_ms: int = 100) -> Sighting:
    return Sighting("events", "transactions", f"run-{run}", cutoff_ms, run * 1000)


def difference(key: str, event_ms: int | None = 50) -> Difference:
    return Difference(
        key=key, kind="different", columns=("a", "b"), event_ms=event_ms, speed={"a": HOSTILE}, batch={"a": "0:"}
    )


def test_a_run_is_there_once_recorded(ledger: Ledger) -> None:
    """Receipt and standing are what was recorded last."""
    assert (ledger.receipt("run-1"), ledger.standing("events")) == (None, {})
    assert ledger.record(recorded(1)) == sent(1)
    assert ledger.record(recorded(2)) == sent(2)
    assert (ledger.receipt("run-1"), ledger.standing("events")) == (sent(1), recorded(2).standing)
    assert ledger.standing("ecommerce") == {}


def test_a_second_record_of_a_run_changes_nothing(ledger: Ledger) -> None:
    """What is stored comes back, and none of the new rows is written."""
    ledger.record(recorded(1))
    late = advance([], [difference("k")], sighting(1))
    assert ledger.record(recorded(1, events=[], entries=late, recorded_ms=9_999_999)) == sent(1)
    assert (ledger.open_entries("transactions"), ledger.standing("events")) == ([], recorded(1).standing)


def test_entries_keep_every_value_through_their_life(ledger: Ledger) -> None:
    """Open entries come back as they were written; a resolved one is no longer open."""
    first = advance([], [difference("k"), difference(HOSTILE, None)], sighting(1))
    ledger.record(recorded(1, entries=first))
    known = ledger.open_entries("transactions")
    assert known == sorted(first, key=lambda entry: entry.difference.key)
    second = advance(known, [difference("k")], sighting(2, 200))
    ledger.record(recorded(2, entries=second))
    assert [(e.difference.key, e.state) for e in ledger.open_entries("transactions")] == [("k", "confirmed")]
    assert ledger.open_entries("sessions") == []


def test_many_entries_are_written_in_parts(ledger: Ledger) -> None:
    """More entries than fit into one statement are all there."""
    found = advance([], [difference(f"{n:04d}") for n in range(600)], sighting(1))
    ledger.record(recorded(1, entries=found))
    assert ledger.open_entries("transactions") == found


def test_an_older_generation_is_superseded(ledger: Ledger) -> None:
    """Nothing is recorded for a generation that has passed."""
    ledger.record(recorded(1, generation=2))
    with pytest.raises(Superseded):
        ledger.record(recorded(2))
    assert ledger.receipt("run-2") is None
