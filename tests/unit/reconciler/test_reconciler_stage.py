"""The stage on its twins: statuses over several runs, redelivery, alerts, pairs that cannot be compared, ticks.

It is long because every outcome of a comparison is told from the one stage.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from msgspec import json

from reconciler.heartbeat import Heartbeat
from reconciler.memory import (
    MemoryLake,
    MemoryLedger,
    MemoryMarts,
    MemoryReports,
    MemorySpeedLayer,
    micros,
)
from reconciler.ports import Ports, Published
from reconciler.stage import reconcile, stage
from tidemark.errors import Retryable, Superseded
from tidemark.events import AlertRaised, Event, LayersReconciled, MartsBuilt, ReconciledPair
from tidemark.tables import registry

START = datetime.fromisoformat("2026-03-01 12:00:00")
KNOWN = registry()
TRANSACTIONS, SESSIONS = KNOWN.pairs["transactions"], KNOWN.pairs["sessions"]


def ms(moment: datetime) -> int:
    return micros(moment) // 1000


def transaction(number: int, at: datetime = START, **values: Any) -> dict[str, Any]:
    return {
        "transaction_id": f"00000000-0000-0000-0000-{number:012d}",
        "product_id": "11111111-1111-1111-1111-111111111111",
        "user_id": "22222222-2222-2222-2222-222222222222",
        "quantity": 1,
        **dict.fromkeys(("unit_price", "total_amount", "discount_amount", "tax_amount"), Decimal("1.50")),
        "status": "completed",
        "payment_method": "card",
        "user_tier": "gold",
        "created_at": at,
        **values,
    }


@dataclass
class Bench:
    """Twins whose two sides move on together, hour by hour; `runs` counts up."""

    batch: list[dict[str, Any]] = field(default_factory=lambda: [transaction(n) for n in range(50)])
    wall: float = 1_800_000_000.0
    hours: int = 1
    seq: int = 0
    generation: int = 1
    batch_alive: bool = True
    exclude_flagged: bool = False

    def __post_init__(self) -> None:
        self.speed = [self.processed(row) for row in self.batch]
        self.ledger, self.reports = MemoryLedger(), MemoryReports()
        self.speed_layer, self.marts = MemorySpeedLayer({}), MemoryMarts({})
        self.ports = Ports(
            registry=KNOWN,
            speed=self.speed_layer,
            marts=self.marts,
            lake=MemoryLake({}),
            ledger=self.ledger,
            reports=self.reports,
            clock=lambda: self.wall,
        )
        self.heartbeat = Heartbeat(self.ports)

    def processed(self, row: dict[str, Any], **values: Any) -> dict[str, Any]:
        return {**row, **values, "processing_time": row["created_at"] + timedelta(seconds=2)}

    def run(self, dataset: str = "events", speed_alive: bool = True, **event: Any) -> list[Event]:
        """One run: both sides get on by an hour (or the marts only), the wall clock by ten minutes."""
        self.seq, self.hours, self.wall = self.seq + 1, self.hours + 1, self.wall + 600
        return self.again(dataset, speed_alive, **event)

    def again(self, dataset: str = "events", speed_alive: bool = True, **event: Any) -> list[Event]:
        now = START + timedelta(hours=self.hours)
        beat = [{"processing_time": now}] if speed_alive else []
        self.beats = [*getattr(self, "beats", []), *beat]
        self.speed_layer.tables = {
            "transactions_realtime": self.speed,
            "user_sessions_realtime": [],
            "user_events_realtime": [],
            "beats": self.beats,
        }
        self.marts.tables = {"fct_transactions": self.batch, "fct_sessions": [], "stg_user_events": []}
        as_of_ms = ms(now) if self.batch_alive else 0
        newest = Published(self.seq, self.generation, as_of_ms, self.exclude_flagged)
        self.marts.publications = [*self.marts.publications[:-1], newest]
        return reconcile(self.event(dataset, **event), self.ports, self.heartbeat)

    def event(self, dataset: str = "events", **values: Any) -> MartsBuilt:
        given: dict[str, Any] = {
            "dataset": dataset,
            "run_id": f"run-{self.seq}",
            "run_seq": self.seq,
            "kind": "process",
            "generation": self.generation,
            "from_seq": self.seq - 1,
            "to_seq": self.seq,
            "as_of_ms": 0,
            "models": [],
            "tests": 0,
            "committed_at_ms": 0,
            "seconds": 0.0,
        }
        return MartsBuilt(**{**given, **values})


def pair_of(events: Sequence[Event], name: str = "transactions") -> ReconciledPair:
    assert isinstance(events[0], LayersReconciled)
    return next(pair for pair in events[0].pairs if pair.pair == name)


def alerts_of(events: Sequence[Event]) -> list[tuple[str, bool]]:
    return [(event.incident, event.resolved) for event in events if isinstance(event, AlertRaised)]


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


def test_a_tick_tells_of_a_chain_that_stands_still_once() -> None:
    """The speed layer gets on, the marts do not: one alert, and its end with the next comparison."""
    bench = Bench()
    ticking = stage(bench.ports)
    assert ticking.tick is not None
    ticking.handlers[MartsBuilt](_built(bench))
    quiet = _ticks(bench, ticking, hours=9, speed_moves=False)
    told = _ticks(bench, ticking, hours=9, speed_moves=True)
    transactions = [event for event in told if "transactions" in event.incident]
    assert (quiet, [event.resolved for event in transactions]) == ([], [False])
    bench.seq, bench.hours = bench.seq + 1, bench.hours + 30
    after = [a for a in alerts_of(ticking.handlers[MartsBuilt](_built(bench))) if "transactions" in a[0]]
    assert after == [(transactions[0].incident, True)]


def test_a_tick_survives_engines_that_are_away() -> None:
    """No answer counts as no progress, and is no crash."""
    bench = Bench()
    bench.run()
    bench.speed_layer.away = Retryable("gone")
    assert bench.heartbeat.tick() == []


def test_ecommerce_layers_are_held_against_each_other() -> None:
    """Equal figures converge with the figures in the detail, unequal ones diverge with an alert."""
    bench = Bench()
    names = list(KNOWN.tables_of("ecommerce"))
    figures = {"changes": Decimal(9), "rows": Decimal(5), "deleted": Decimal(1), "id": Decimal(15)}
    lake = MemoryLake({(seq, name): figures for seq in (1, 2) for name in names})
    for name in names:
        bench.marts.layers |= {("raw", name): {"changes": Decimal(9)}, ("staging", name): figures}
        bench.marts.layers |= {("live", name): {"rows": Decimal(4)}, ("mart", f"fct_{name}"): {"rows": Decimal(4)}}
    bench.ports = replace(bench.ports, lake=lake)
    converged = bench.run("ecommerce")
    bench.marts.layers["mart", "fct_orders"] = {"rows": Decimal(3)}
    diverged = bench.run("ecommerce")
    assert isinstance(converged[0], LayersReconciled)
    assert [(p.pair, p.status) for p in converged[0].pairs] == [(f"layers.{name}", "CONVERGED") for name in names]
    assert pair_of(converged, "layers.users").detail == "changes 9, rows 5, deleted 1, id 15"
    assert pair_of(diverged, "layers.orders").detail == "rows: live staging 4, fct_orders 3"
    assert alerts_of(diverged) == [("reconciler/layers.orders/diverged/run-2", False)]


def test_marts_without_flagged_rows_are_held_against_staging_without_them() -> None:
    """Like with like: staging's other rows are those that the marts, as they stand, are made from."""
    bench = Bench()
    names = list(KNOWN.tables_of("ecommerce"))
    bench.ports = replace(bench.ports, lake=MemoryLake({(seq, name): {} for seq in (1, 2, 3) for name in names}))
    for name in names:
        bench.marts.layers |= {("raw", name): {}, ("staging", name): {}, ("live", name): {"rows": Decimal(4)}}
        bench.marts.layers |= {("kept", name): {"rows": Decimal(3)}, ("mart", f"fct_{name}"): {"rows": Decimal(3)}}
    whole = bench.run("ecommerce")
    assert pair_of(whole, "layers.orders").detail == "rows: live staging 4, fct_orders 3"
    bench.exclude_flagged = True
    assert pair_of(bench.run("ecommerce"), "layers.orders").status == "CONVERGED"
    bench.marts.layers["mart", "fct_orders"] = {"rows": Decimal(4)}
    assert pair_of(bench.run("ecommerce"), "layers.orders").detail == "rows: live staging 3, fct_orders 4"


def _built(bench: Bench) -> MartsBuilt:
    """What again() sets up, without handling it."""
    held, bench.ports = bench.ports, replace(bench.ports, ledger=MemoryLedger())
    bench.again()
    bench.ports = held
    return bench.event()


def _ticks(bench: Bench, ticking: Any, hours: int, speed_moves: bool) -> list[AlertRaised]:
    found: list[AlertRaised] = []
    for _ in range(hours):
        bench.wall += 3600
        if speed_moves:
            last = bench.beats[-1]["processing_time"]
            bench.beats.append({"processing_time": last + timedelta(hours=1)})
        found += ticking.tick()
    return found
