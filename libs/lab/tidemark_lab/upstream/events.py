"""What people do on the site: sessions of events, and the transactions of their purchases.

A device (a user's only one, or one of two) has sessions with more than 30 minutes between them; inside a session no two
events are further apart than 30 minutes, and no session lasts longer than an hour. So a session id never outlives a
gap. Times are ms. Every event and transaction row carries when it reaches each side:
  lake_at, speed_at   arrival; late ones come minutes after they happened, on both sides or on one of them only
"""

from dataclasses import dataclass

import numpy as np

from tidemark_lab.upstream.rows import Array, Rows, constant, size, take, text, uuids
from tidemark_lab.upstream.source import Window
from tidemark_lab.upstream.texts import SEARCHES, UNRULY, pick

MINUTE = 60_000
GAP = 30 * MINUTE
LONGEST = 60 * MINUTE
LATEST = 14 * MINUTE  # a late event arrives at most this long after it happened
LATE_SHARE = 0.03
EVENTS_PER_SESSION = 9
SECOND_DEVICE = 7  # every seventh user has one
DEVICES = ("desktop", "mobile", "tablet")
BROWSERS = ("Chrome", "Firefox", "Safari", "Edge", "Samsung Internet")
TIERS = ("bronze", "silver", "gold", "platinum")
METHODS = ("credit_card", "paypal", "apple_pay", "bank_transfer")
KINDS = ("page_view", "product_view", "search", "add_to_cart", "purchase", "page_leave")
KIND_SHARES = (0.36, 0.28, 0.12, 0.12, 0.07, 0.05)


@dataclass
class Audience:
    """Who comes to the site: users with their tier, their devices (`owner`, when each was last busy), the products."""

    users: Array
    tiers: Array
    owner: Array
    device: Array
    browser: Array
    busy_until: Array
    products: Array
    prices: Array


def audience(rng: np.random.Generator, scale: float) -> Audience:
    """4,000 users and 500 products at scale 1; every seventh user has two devices."""
    users = max(80, round(4000 * scale))
    owner = np.concatenate([np.arange(users), np.arange(0, users, SECOND_DEVICE)])
    products = max(20, round(500 * scale))
    return Audience(
        users=uuids(rng, users),
        tiers=pick(rng, TIERS, users),
        owner=owner,
        device=pick(rng, DEVICES, len(owner)),
        browser=pick(rng, BROWSERS, len(owner)),
        busy_until=np.zeros(len(owner), dtype=np.int64),
        products=uuids(rng, products),
        prices=rng.integers(199, 30_000, products),
    )


def happen(rng: np.random.Generator, people: Audience, count: int, window: Window) -> tuple[Rows, Rows]:
    """About `count` events of sessions that begin within the window, and their transactions' rows."""
    device, begins, lengths = _sessions(rng, people, max(2, count // EVENTS_PER_SESSION), window)
    session = np.repeat(np.arange(len(begins)), lengths)
    time = _times(rng, begins, lengths)
    kept = time - begins[session] <= LONGEST
    session, time = session[kept], time[kept]
    device, begins, session = _without_clashes(people, device, begins, session, time)
    time = time[session >= 0]
    session = session[session >= 0]
    ids = uuids(rng, len(begins))
    events = _events(rng, people, device[session], ids[session], time)
    bought = np.flatnonzero(events["event_type"] == "purchase")
    unpaid = rng.random(len(bought)) < 0.01  # purchases without a transaction
    events["transaction_id"][bought[~unpaid]] = uuids(rng, int((~unpaid).sum()))
    transactions = _transactions(rng, people, take(events, bought[~unpaid]))
    for rows, column in ((events, "timestamp"), (transactions, "created_at")):
        _arrive(rng, rows, rows[column], window[1])
    return events, transactions


def _sessions(rng: np.random.Generator, people: Audience, count: int, window: Window) -> tuple[Array, Array, Array]:
    device = rng.integers(0, len(people.owner), count)
    begins = rng.integers(window[0], window[1], count)
    owner, users = people.owner[device], len(people.users)
    doubled = (device < users) & (owner % SECOND_DEVICE == 0) & (rng.random(count) < 0.4)  # both devices at once
    device = np.r_[device, users + owner[doubled] // SECOND_DEVICE]
    begins = np.minimum(np.r_[begins, begins[doubled] + rng.integers(0, MINUTE, int(doubled.sum()))], window[1] - 1)
    order = np.lexsort((begins, device))
    return device[order], begins[order], np.minimum(rng.geometric(1 / EVENTS_PER_SESSION, len(order)), 60)


def _times(rng: np.random.Generator, begins: Array, lengths: Array) -> Array:
    steps = np.minimum(rng.exponential(2.5 * MINUTE, int(lengths.sum())).astype(np.int64) + 800, GAP)
    steps[rng.random(len(steps)) < 0.002] = GAP  # exactly 30 minutes: still the same session
    first = np.cumsum(lengths) - lengths
    steps[first] = 0
    passed = np.cumsum(steps)
    times: Array = np.repeat(begins - passed[first], lengths) + passed
    return times


def _without_clashes(
    people: Audience, device: Array, begins: Array, session: Array, time: Array
) -> tuple[Array, Array, Array]:
    """Drop sessions that begin within half an hour of an earlier one on their device; -1 marks their events."""
    ends = np.zeros(len(begins), dtype=np.int64)
    np.maximum.at(ends, session, time)
    offset = device.astype(np.int64) << 44  # sorted by device: a running maximum that starts anew for each one
    until = np.maximum.accumulate(ends + offset) - offset
    before = np.r_[0, until[:-1]]
    first = np.r_[True, device[1:] != device[:-1]]
    before = np.where(first, people.busy_until[device], np.maximum(before, people.busy_until[device]))
    kept = begins > before + GAP
    np.maximum.at(people.busy_until, device[kept], ends[kept])
    renumbered = np.where(kept, np.cumsum(kept) - 1, -1)
    return device[kept], begins[kept], renumbered[session]


def _events(rng: np.random.Generator, people: Audience, device: Array, session: Array, time: Array) -> Rows:
    count = len(time)
    owner = people.owner[device]
    kind = text(KINDS)[rng.choice(len(KINDS), count, p=KIND_SHARES)]
    opening = np.r_[True, session[1:] != session[:-1]] if count else np.zeros(0, dtype=bool)
    kind[opening] = "page_view"
    shown = np.isin(kind, ("product_view", "add_to_cart"))
    products = people.products[rng.integers(0, len(people.products), count)]
    searched = pick(rng, SEARCHES, count)
    odd = rng.random(count) < 0.01
    searched[odd] = pick(rng, UNRULY, int(odd.sum()))
    tier = people.tiers[owner]
    moved = rng.random(count) < 0.002  # a tier that changes inside a session: the first event's counts
    tier[moved] = pick(rng, TIERS, int(moved.sum()))
    address = rng.integers(1, 255, (count, 2))
    products[~shown], searched[kind != "search"] = None, None
    return {
        "event_id": uuids(rng, count),
        "user_id": people.users[owner],
        "session_id": session,
        "event_type": kind,
        "timestamp": time,
        "device_type": people.device[device],
        "browser": people.browser[device],
        "ip_address": text([f"203.0.{a}.{b}" for a, b in address]),
        "page_url": "https://shop.example/" + kind,
        "product_id": products,
        "search_query": searched,
        "transaction_id": constant(None, count),
        "user_tier": tier,
        "properties": pick(rng, ["{}", '{"ab":"A"}', '{"ab":"B","note":"🎂 \\"quoted\\""}'], count),
    }


def _transactions(rng: np.random.Generator, people: Audience, purchases: Rows) -> Rows:
    lines = np.repeat(np.arange(size(purchases)), rng.integers(1, 4, size(purchases)))
    number = np.arange(len(lines)) - np.searchsorted(lines, lines)  # a purchase's products differ
    product = (rng.integers(0, len(people.products), size(purchases))[lines] + number) % len(people.products)
    quantity = np.minimum(rng.geometric(0.7, len(lines)), 9)
    price = people.prices[product]
    gross = quantity * price
    discount = np.where(rng.random(len(lines)) < 0.2, gross // 10, 0)
    tax = (gross - discount) // 5
    status = text(["completed", "failed", "refunded"])[rng.choice(3, size(purchases), p=(0.9, 0.06, 0.04))][lines]
    return {
        "transaction_id": purchases["transaction_id"][lines],
        "user_id": purchases["user_id"][lines],
        "product_id": people.products[product],
        "quantity": quantity,
        "unit_price": price,
        "total_amount": gross - discount + tax,
        "discount_amount": discount,
        "tax_amount": tax,
        "status": status,
        "payment_method": pick(rng, METHODS, size(purchases))[lines],
        "user_tier": purchases["user_tier"][lines],
        "created_at": purchases["timestamp"][lines],
        "session_id": purchases["session_id"][lines],
    }


def _arrive(rng: np.random.Generator, rows: Rows, time: Array, end: int) -> None:
    """When rows reach the two sides. A share is late, more of it just before `end`, so that some come a step later."""
    count = len(time)
    share = np.where(np.abs(end - time) < 5 * MINUTE, 0.1, LATE_SHARE)
    late = rng.random(count) < share
    side = rng.integers(0, 4, count)  # 0, 1: late on both sides; 2: in the lake only; 3: in the speed layer only
    delay = rng.integers(MINUTE, LATEST, count)
    normal = rng.integers(100, 3000, count)
    rows["lake_at"] = time + np.where(late & (side != 3), delay, normal)
    rows["speed_at"] = time + np.where(late & (side != 2), delay, normal)
    rows["late"] = late


def none_yet() -> tuple[Rows, Rows]:
    """No events and no transactions, with all their columns."""
    rng = np.random.default_rng(0)
    events, transactions = happen(rng, audience(rng, 0.01), 9, (10 * GAP, 20 * GAP))
    return take(events, np.arange(0)), take(transactions, np.arange(0))
