"""Convergence told rightly over a day simulated in moments: the ledger's times are the simulation's."""

from datetime import datetime, timedelta

from reconciler_day import MIDNIGHT, Day, ms, status, transaction

from reconciler.entries import Entry
from tidemark.events import AlertRaised, Event


def at(hour: float) -> datetime:
    return MIDNIGHT + timedelta(hours=hour)


def until(day: Day, hour: float) -> list[str]:
    """Undisturbed half hours up to then; their statuses."""
    found = []
    while day.now < at(hour):
        found.append(status(day.step()))
    return found


def entries(day: Day) -> list[Entry]:
    return sorted(day.ledger.entries.values(), key=lambda entry: entry.difference.key)


def times(day: Day) -> set[tuple[int, int | None, float | None]]:
    """When entries were first seen and when resolved, with the seconds between."""
    return {(entry.first_seen_ms, entry.resolved_ms, entry.seconds_to_resolve) for entry in entries(day)}


def incidents(events: list[Event]) -> list[tuple[str, bool]]:
    return [(event.incident.split("/")[2], event.resolved) for event in events if isinstance(event, AlertRaised)]


def test_a_day_without_trouble_converges() -> None:
    """48 runs, every one CONVERGED, no entry at all."""
    day = Day()
    assert set(until(day, 24)) == {"CONVERGED"}
    assert (day.seq, entries(day)) == (48, [])


def test_late_events_are_pending_and_then_gone() -> None:
    """Five minutes old at the first run: pending, and resolved by the next, half an hour later; nobody is woken."""
    day = Day()
    until(day, 9.5)
    late = transaction(99_001, at(9.9))
    day.speed.append(day.processed(late))
    first = day.step()
    second = day.step(late=[late])
    assert [status(first), status(second), incidents(first + second)] == ["CONVERGED", "CONVERGED", []]
    assert times(day) == {(ms(at(10)), ms(at(10.5)), 1800.0)}
    assert entries(day)[0].judged_cutoff_ms is None


def test_very_late_events_are_suspect_for_as_long_as_they_are_away() -> None:
    """Away for two runs more than the bound allows: CONVERGING, DIVERGED, and CONVERGED when they are there."""
    day = Day()
    until(day, 9.5)
    late = transaction(99_001, at(9.9))
    day.speed.append(day.processed(late))
    statuses = [status(day.step()), status(day.step()), status(day.step()), status(day.step(late=[late]))]
    assert statuses == ["CONVERGED", "CONVERGING", "DIVERGED", "CONVERGED"]
    assert times(day) == {(ms(at(10)), ms(at(11.5)), 5400.0)}


def test_a_lost_batch_is_told_and_its_repair_too() -> None:
    """The speed layer loses half an hour: 16 judged rows at once, the young ones next; one alert; after the repair at
    14:00 every entry carries the time that it really took."""
    day = Day()
    until(day, 10)
    lost = day.step(losing="speed")
    rows = list(day.rows)
    confirmed = day.step()
    until(day, 14)
    day.speed += [day.processed(row) for row in rows]
    healed = day.step()
    assert [status(lost), status(confirmed), status(healed)] == ["CONVERGING", "DIVERGED", "CONVERGED"]
    assert [incidents(lost), incidents(confirmed), incidents(healed)] == [
        [],
        [("diverged", False)],
        [("diverged", True)],
    ]
    assert len(entries(day)) == 30
    assert times(day) == {(ms(at(10.5)), ms(at(14.5)), 4 * 3600.0)}
    judged = {entry.judged_cutoff_ms for entry in entries(day)}
    assert judged == {ms(at(10.25)), ms(at(10.75))}


def test_a_doubled_batch_is_told_until_the_rebuild() -> None:
    """Rows twice in the mart: entries of the class doubled, gone with the rebuild."""
    day = Day()
    until(day, 12)
    day.batch += day.batch[-40:-20]
    seen, confirmed = day.step(), day.step()
    kinds = {(entry.difference.kind, entry.difference.copies) for entry in entries(day)}
    day.batch = list({row["transaction_id"]: row for row in day.batch}.values())
    healed = day.step()
    assert kinds == {("doubled", 2)}
    assert [status(seen), status(confirmed), status(healed)] == ["CONVERGING", "DIVERGED", "CONVERGED"]
    assert (len(entries(day)), times(day)) == (20, {(ms(at(12.5)), ms(at(13.5)), 3600.0)})


def test_a_stopped_speed_side_is_stalled_within_its_bound() -> None:
    """Two hours are allowed: the first run beyond them says STALLED, and the next after its return does not."""
    day = Day()
    until(day, 6)
    told = [status(day.step(speed=False)) for _ in range(6)]
    assert told == ["CONVERGED"] * 4 + ["STALLED"] * 2
    day.speed += [day.processed(row) for row in day.batch[-180:]]
    assert status(day.step()) == "CONVERGED"


def test_a_stopped_batch_side_is_stalled_within_its_bound() -> None:
    """Without runs the timer tells, once, at the first tick after two hours; the next run tells that it is over."""
    day = Day()
    until(day, 6)
    told: list[tuple[datetime, list[tuple[str, bool]]]] = []
    for _ in range(150):
        day.now += timedelta(minutes=1)
        day.beats.append({"processing_time": day.now})
        if alerts := incidents(list(day.heartbeat.tick())):
            told.append((day.now, alerts))
    assert told == [(at(8) + timedelta(minutes=1), [("stalled", False)])]
    assert incidents(day.run()) == [("stalled", True)]
