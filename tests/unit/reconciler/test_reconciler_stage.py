"""The stage on its twins: statuses over several runs, redelivery, alerts, pairs that cannot be compared."""

from datetime import timedelta
from itertools import pairwise

import pytest
from msgspec import json
from reconciler_bench import START, Bench, alerts_of, ms, pair_of, transaction

from reconciler.ports import Published
from tidemark.errors import Retryable, Superseded
from tidemark.events import LayersReconciled


def test_equal_layers_converge() -> None:
    """Equal sides are CONVERGED at W = the lesser progress less the lateness, with all judged rows counted."""
    bench = Bench()
    events = bench.run()
    pair = pair_of(events)
    assert (pair.status, pair.rows, pair.suspect, pair.confirmed) == ("CONVERGED", 50, 0, 0)
    assert pair.cutoff_ms == ms(START + timedelta(hours=2)) - 900_000
    assert isinstance(events[0], LayersReconciled)
    assert (events[0].status, len(events)) == ("CONVERGED", 1)


def test_a_difference_is_seen_confirmed_and_resolved() -> None:
    """CONVERGING, then DIVERGED with one alert, then CONVERGED with the notice that the incident is over."""
    bench = Bench()
    lost = bench.speed.pop(7)
    first, second, third = bench.run(), bench.run(), bench.run()
    bench.speed.append(lost)
    healed, after = bench.run(), bench.run()
    runs = (first, second, third, healed, after)
    assert [pair_of(r).status for r in runs] == ["CONVERGING", "DIVERGED", "DIVERGED", "CONVERGED", "CONVERGED"]
    assert [(p.suspect, p.confirmed, p.resolved) for p in map(pair_of, runs)] == [
        (1, 0, 0), (0, 1, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0),
    ]  # fmt: skip
    incident = "reconciler/transactions/diverged/run-2"
    assert [alerts_of(r) for r in runs] == [[], [(incident, False)], [], [(incident, True)], []]
    assert [e.seconds_to_resolve for e in bench.ledger.entries.values()] == [1800.0]


def test_young_rows_are_pending() -> None:
    """What is younger than W is counted and judged by no one."""
    bench = Bench()
    bench.batch.append(transaction(99, at=START + timedelta(hours=2) - timedelta(minutes=5)))
    pair = pair_of(bench.run())
    assert (pair.status, pair.pending, pair.suspect) == ("CONVERGED", 1, 0)


def test_redelivery_changes_no_row() -> None:
    """A run that comes again gives back the events of the first time, whatever has happened since."""
    bench = Bench()
    bench.speed.pop(7)
    first = bench.run()
    runs, entries = dict(bench.ledger.runs), dict(bench.ledger.entries)
    bench.speed.clear()
    assert (bench.again(), bench.ledger.runs, bench.ledger.entries) == (first, runs, entries)


def test_marts_that_move_on_meanwhile_are_compared_again() -> None:
    """All passes see one run of the marts, and W follows the run that was seen."""
    bench = Bench()
    bench.marts.publications = [Published(1, 1, ms(START)), Published(2, 1, ms(START)), Published(2, 1, ms(START))]
    pair = pair_of(bench.run())
    assert (pair.status, bench.ledger.runs["run-1"].compared_seq) == ("CONVERGED", 1)


def test_marts_that_never_stand_still_are_an_outage() -> None:
    """After some attempts the event is tried again later."""
    bench = Bench()
    bench.marts.publications = [Published(n, 1, ms(START)) for n in range(1, 40)]
    with pytest.raises(Retryable, match="moved on"):
        bench.run()


def test_an_older_generation_is_superseded() -> None:
    """Marts of a newer generation are not compared for an older run."""
    bench = Bench(generation=2)
    with pytest.raises(Superseded):
        bench.run(generation=1)


def test_a_silent_speed_layer_is_stalled() -> None:
    """Marts that get on while the speed layer stands still make STALLED with one alert, and its end is told."""
    bench = Bench()
    runs = [bench.run(), *(bench.run(speed_alive=False) for _ in range(3)), bench.run(), bench.run()]
    assert [pair_of(r).status for r in runs] == [
        "CONVERGED",
        "CONVERGED",
        "CONVERGED",
        "STALLED",
        "CONVERGED",
        "CONVERGED",
    ]
    told = [[a for a in alerts_of(r) if "transactions" in a[0]] for r in runs]
    incident = f"reconciler/transactions/stalled/{pair_of(runs[0]).cutoff_ms}"
    assert told == [[], [], [], [(incident, False)], [(incident, True)], []]


def test_an_empty_speed_layer_is_stalled() -> None:
    """A side that holds nothing must never look converged."""
    bench = Bench()
    bench.speed = []
    pair = pair_of(bench.run(speed_alive=False))
    assert (pair.status, pair.cutoff_ms, pair.detail) == ("STALLED", None, "the speed layer holds nothing")


def test_an_empty_batch_side_is_stalled() -> None:
    """Marts of a dataset without one accepted row hold nothing, whatever the speed layer holds; a tick adds nothing."""
    bench = Bench(batch_alive=False)
    bench.batch = []
    pair = pair_of(bench.run())
    assert (pair.status, pair.cutoff_ms, pair.detail) == ("STALLED", None, "the batch side holds nothing")
    assert bench.heartbeat.tick() == []


def test_the_event_tells_the_sources_commit_and_the_ledger_its_own_time() -> None:
    """`committed_at_ms` goes through the chain unchanged; what is recorded is when the comparison ended."""
    bench = Bench()
    (reconciled,) = bench.run(committed_at_ms=77)
    assert isinstance(reconciled, LayersReconciled)
    assert (reconciled.committed_at_ms, bench.ledger.runs["run-1"].recorded_ms) == (77, int(bench.wall * 1000))


def test_a_pair_that_cannot_be_compared_stops_alone() -> None:
    """Its status says so with an alert; the other pair and the chain go on."""
    bench = Bench(batch=[{**transaction(n), "user_tier": "x"} for n in range(3)])
    for row in bench.batch:
        del row["user_tier"]
    events = bench.run()
    assert (pair_of(events).status, pair_of(events, "sessions").status) == ("STALLED", "CONVERGED")
    assert "no column user_tier" in pair_of(events).detail
    names = ("transactions", "revenue")  # revenue adds up the same rows
    assert alerts_of(events) == [(f"reconciler/{name}/uncomparable/run-1", False) for name in names]


def test_a_lost_row_is_missing_from_its_days_revenue() -> None:
    """Once its day lies before W the totals differ too, and are confirmed when they still say the same."""
    bench = Bench()
    bench.speed.pop(7)
    bench.hours = 13  # the next day
    runs = [bench.run() for _ in range(2)]
    assert [pair_of(run, "revenue").status for run in runs] == ["CONVERGING", "DIVERGED"]
    (entry,) = (entry for entry in bench.ledger.entries.values() if entry.pair == "revenue")
    columns = ("row_count", "quantity", "total_amount", "discount_amount", "tax_amount")
    assert (entry.difference.kind, entry.difference.columns) == ("different", columns)
    report = json.decode(bench.reports.written["reports/run-2/reconciliation.json"])
    assert [pair["repair_sql"] for pair in report["pairs"] if pair["pair"] == "revenue"] == [""]


def test_totals_that_change_are_not_confirmed() -> None:
    """A late event makes a past day differ until both sides have it; another one is another difference."""
    bench = Bench()
    bench.hours = 13
    late = [transaction(100 + n) for n in range(3)]
    bench.speed.append(bench.processed(late[0]))
    runs = [bench.run()]
    for this, following in pairwise(late):
        bench.batch.append(this)
        bench.speed.append(bench.processed(following))
        runs.append(bench.run())
    bench.batch.append(late[-1])
    runs.append(bench.run())
    assert [pair_of(run, "revenue").status for run in runs] == ["CONVERGING", "CONVERGING", "CONVERGING", "CONVERGED"]


def test_an_engine_that_is_away_is_an_outage() -> None:
    """The event is tried again; nothing is recorded."""
    bench = Bench()
    bench.speed_layer.away = Retryable("gone")
    with pytest.raises(Retryable):
        bench.run()
    assert bench.ledger.runs == {}


def test_the_report_shows_entries_and_repairs() -> None:
    """JSON and HTML stand beside the lake; repairs are rows with a newer processing_time, and deletes by key."""
    bench = Bench()
    bench.speed.pop(7)
    bench.speed.append(bench.processed(transaction(77, user_tier="<b>'\\")))
    bench.run()
    bench.run()
    report = json.decode(bench.reports.written["reports/run-2/reconciliation.json"])
    (pair,) = (p for p in report["pairs"] if p["pair"] == "transactions")
    assert [(e["state"], e["difference"]) for e in pair["entries"]] == [
        ("confirmed", "missing_in_speed"), ("confirmed", "missing_in_batch"),
    ]  # fmt: skip
    insert, delete = pair["repair_sql"].splitlines()
    assert insert.startswith("INSERT INTO `speed`.`transactions_realtime` (`transaction_id`,")
    moment = ms(START + timedelta(hours=3))
    assert insert.endswith(
        f"fromUnixTimestamp64Micro(1772366400000000, 'UTC'), fromUnixTimestamp64Milli({moment + 1}, 'UTC'));"
    )
    assert delete == (
        "DELETE FROM `speed`.`transactions_realtime` WHERE `transaction_id` = '00000000-0000-0000-0000-000000000077'"
        " AND `product_id` = '11111111-1111-1111-1111-111111111111'"
        f" AND `processing_time` <= fromUnixTimestamp64Milli({moment}, 'UTC');"
    )
    html = bench.reports.written["reports/run-2/reconciliation.html"].decode()
    assert "DIVERGED" in html
    assert "<b>'" not in html
