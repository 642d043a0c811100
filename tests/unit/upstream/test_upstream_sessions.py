"""Sessions and the speed layer: rules of the generator, and what must be equal once everything has arrived."""

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from tidemark_lab.upstream.truth import Truth

GAP = timedelta(minutes=30)
KINDS = {"page_views": "page_view", "product_views": "product_view", "searches": "search"}
KINDS |= {"add_to_cart_events": "add_to_cart", "purchases": "purchase"}


def sessions_of(world: Any) -> dict[str, list[dict[str, Any]]]:
    """Distinct events by session id, in order."""
    distinct = {row["event_id"]: row for row in world.lake.rows("events.user_events")}
    found = defaultdict(list)
    for row in sorted(distinct.values(), key=lambda r: (r["timestamp"], r["event_id"])):
        found[row["session_id"]].append(row)
    return found


def test_a_session_never_outlives_a_gap(world: Any) -> None:
    """No two neighbouring events of a session are more than 30 minutes apart; some are exactly that."""
    gaps = [b["timestamp"] - a["timestamp"] for s in sessions_of(world).values() for a, b in pairwise(s)]
    assert max(gaps) <= GAP


def test_a_device_rests_half_an_hour_between_sessions(world: Any) -> None:
    """A session id ends with a pause: the same user's next session on the same device and browser comes later, unless
    the user has a second device, and some do."""
    by_user = defaultdict(list)
    for session in sessions_of(world).values():
        by_user[session[0]["user_id"]].append((session[0]["timestamp"], session[-1]["timestamp"]))
    clashes = {user: sum(b[0] - a[1] <= GAP for a, b in pairwise(sorted(s))) for user, s in by_user.items()}
    busy = sum(count > 0 for count in clashes.values())
    assert 0 < busy <= len(clashes) / 7 + 1


def test_sessions_of_the_truth_are_exact(world: Any) -> None:
    """Every session's row equals a plain computation over the delivered events and transactions."""
    distinct = {(r["transaction_id"], r["product_id"]): r for r in world.lake.rows("events.transactions")}
    spent: dict[str, Decimal] = defaultdict(Decimal)
    items: dict[str, int] = defaultdict(int)
    for row in distinct.values():
        if row["status"] == "completed":
            spent[row["transaction_id"]] += row["total_amount"]
            items[row["transaction_id"]] += row["quantity"]
    truth = {row["session_id"]: row for row in Truth.load(world.home).sessions().to_pylist()}
    want = {}
    for key, events in sessions_of(world).items():
        first, last = events[0], events[-1]
        counts = {n: sum(e["event_type"] == kind for e in events) for n, kind in KINDS.items()}
        bought = [e["transaction_id"] for e in events if e["event_type"] == "purchase"]
        want[key] = counts | {
            "session_id": key,
            "session_part": 1,
            **{name: first[name] for name in ("user_id", "user_tier", "device_type", "browser")},
            "session_start": first["timestamp"],
            "session_end": last["timestamp"],
            "session_duration_minutes": int((last["timestamp"] - first["timestamp"]).total_seconds() // 60),
            "total_spent": sum((spent[t] for t in bought if t in spent), Decimal("0.00")),
            "items_purchased": sum(items[t] for t in bought if t in items),
            "converted_to_purchase": counts["purchases"] > 0,
        }
    assert want == truth


def test_the_speed_layers_last_session_rows_equal_the_truth_after_settle(world: Any) -> None:
    """Of each session the row with the latest processing_time equals the exact computation; rows are also doubled."""
    rows = world.speed.rows("user_sessions_realtime")
    last: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["session_id"] not in last or row["processing_time"] > last[row["session_id"]]["processing_time"]:
            last[row["session_id"]] = row
    truth = Truth.load(world.home).sessions().drop_columns(["session_part"]).to_pylist()
    assert {k: {c: v for c, v in r.items() if c != "processing_time"} for k, r in last.items()} == {
        row["session_id"]: row for row in truth
    }
    assert len(rows) > len({(r["session_id"], r["processing_time"]) for r in rows}) > len(last)


def test_the_speed_layers_transactions_equal_the_truth_after_settle(world: Any) -> None:
    """Distinct rows are the same on both sides; the speed layer has exact duplicates."""
    rows = [tuple(row.values()) for row in world.speed.rows("transactions_realtime")]
    assert len(rows) > len(set(rows))
    truth = [tuple(row.values()) for row in Truth.load(world.home).transactions().to_pylist()]
    assert {row[:-1] for row in rows} == set(truth)
    assert len(truth) == len(set(truth))


def test_late_events_reach_the_two_sides_at_different_times(world: Any) -> None:
    """After a delta some events are in one layer only, for both layers; after settle there are none."""
    arrived = {row["event_id"]: row["processing_time"] for row in world.lake.rows("events.user_events")}
    speed = {row["event_id"]: row["processing_time"] for row in world.speed.rows("user_events_realtime")}
    assert set(arrived) == set(speed)
    minute = timedelta(minutes=1)
    assert any(arrived[key] > speed[key] + minute for key in arrived)
    assert any(speed[key] > arrived[key] + minute for key in arrived)


def test_the_heartbeat_lets_the_cutoff_pass_every_earlier_row(world: Any) -> None:
    """After settle both sides' progress, less the longest lateness bound, is later than everything before it."""
    before = Truth.load(world.home, 4).summary["clock_ms"]
    lake = max(row["__ts_ms"] for row in world.lake.rows("events.user_events"))
    speed = max(row["processing_time"] for row in world.speed.rows("user_sessions_realtime"))
    assert (min(lake.replace(tzinfo=None), speed) - timedelta(seconds=5400)).timestamp() * 1000 > before
