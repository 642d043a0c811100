"""What happens in the shop, a function per habit: (rng, source, how many times, window of time) -> rows logged.

A new habit is a function and its line in `HABITS` (share: how many times it happens per change row of a step).
Within one window a key is moved by one habit only, so that the logged images are what the database really held.
"""

from collections.abc import Callable

import numpy as np

from tidemark_lab.upstream.history import emails, new_products, new_users
from tidemark_lab.upstream.rows import Array, text
from tidemark_lab.upstream.source import Source, Window
from tidemark_lab.upstream.texts import CATEGORIES, addresses, pick

Habit = Callable[[np.random.Generator, Source, int, Window], None]

NEXT_STATUS = {"pending": "processing", "processing": "shipped", "shipped": "delivered"}


def times_in(rng: np.random.Generator, count: int, window: Window) -> Array:
    return np.sort(rng.integers(window[0], window[1], count))


def some(rng: np.random.Generator, ids: Array, count: int) -> Array:
    chosen: Array = rng.choice(ids, min(count, len(ids)), replace=False)
    return chosen


def sign_up(rng: np.random.Generator, source: Source, count: int, window: Window) -> None:
    """New users, one transaction each."""
    time = times_in(rng, count, window)
    ids = source.insert("users", new_users(rng, source.fresh(count), time))
    source.emit("users", ids, "c", time, source.begin(count))


def copy_products(rng: np.random.Generator, source: Source, count: int, window: Window) -> None:
    """COPY: many products in one transaction under one LSN."""
    time = np.repeat(times_in(rng, 1, window), count)
    ids = source.insert("products", new_products(rng, time))
    source.emit("products", ids, "c", time, np.repeat(source.begin(1), count), cause="copy")


def change_email(rng: np.random.Generator, source: Source, count: int, window: Window) -> None:
    """Users take a new address."""
    ids = some(rng, source.alive("users"), count)
    time = times_in(rng, len(ids), window)
    fresh = _new_emails(source, ids)
    source.update("users", ids, {"email": fresh, "updated_at": time})
    source.emit("users", ids, "u", time, source.begin(len(ids)))


def _new_emails(source: Source, ids: Array) -> Array:
    first, last = source.column("users", "first_name", ids), source.column("users", "last_name", ids)
    return emails(first, last, source.fresh(len(ids)))


def pass_on_email(rng: np.random.Generator, source: Source, count: int, window: Window) -> None:
    """A user gives an address up and another one takes it: two holders, where the first change is late."""
    both = some(rng, source.alive("users"), 2 * count)
    giver, taker = both[: len(both) // 2], both[len(both) // 2 : len(both) // 2 * 2]
    time, txn = times_in(rng, len(giver), window), source.begin(len(giver))
    passed = source.column("users", "email", giver)
    source.update("users", giver, {"email": _new_emails(source, giver), "updated_at": time})
    source.emit("users", giver, "u", time, txn, 0, "email_given_up")
    source.update("users", taker, {"email": passed, "updated_at": time})
    source.emit("users", taker, "u", time, txn, 1, "email_taken")


def reprice(rng: np.random.Generator, source: Source, count: int, window: Window) -> None:
    """Prices move by up to a tenth."""
    ids = some(rng, source.alive("products"), count)
    time = times_in(rng, len(ids), window)
    price = source.column("products", "price", ids) * rng.integers(90, 111, len(ids)) // 100
    source.update("products", ids, {"price": price, "updated_at": time})
    source.emit("products", ids, "u", time, source.begin(len(ids)))


def recategorise(rng: np.random.Generator, source: Source, count: int, window: Window) -> None:
    """Products move to another category."""
    ids = some(rng, source.alive("products"), count)
    time = times_in(rng, len(ids), window)
    source.update("products", ids, {"category": pick(rng, CATEGORIES, len(ids)), "updated_at": time})
    source.emit("products", ids, "u", time, source.begin(len(ids)))


def place_orders(rng: np.random.Generator, source: Source, count: int, window: Window) -> None:
    """Orders with one to four items; each item lowers its product's stock in the same transaction."""
    open_from = window[0] + 1
    users = source.alive("users")
    buyers = np.where(rng.random(count) < 0.5, rng.choice(users, count), rng.choice(users[-max(20, count) :], count))
    time, txn = times_in(rng, count, (open_from, window[1])), source.begin(count)
    lines = np.repeat(np.arange(count), rng.integers(1, 5, count))
    product = rng.choice(source.alive("products"), len(lines))
    quantity = np.minimum(rng.geometric(0.6, len(lines)), 49)
    _restock(rng, source, product, quantity, window[0])
    price = source.column("products", "price", product)
    totals = np.bincount(lines, weights=quantity * price, minlength=count).astype(np.int64) + 499
    order = {"user_id": buyers, "status": pick(rng, ["pending"], count), "total_amount": totals}
    order |= {"shipping_address": addresses(rng, count), "created_at": time, "updated_at": time.copy()}
    orders = source.insert("orders", order)
    source.emit("orders", orders, "c", time, txn, 0)
    item = {"order_id": orders[lines], "product_id": product, "quantity": quantity, "unit_price": price}
    items = source.insert("order_items", item | {"created_at": time[lines], "updated_at": time[lines]})
    source.emit("order_items", items, "c", time[lines], txn[lines], 1)
    move_stock(source, product, -quantity, time[lines], txn[lines])


def _restock(rng: np.random.Generator, source: Source, product: Array, quantity: Array, now: int) -> None:
    wanted = np.bincount(product, weights=quantity, minlength=len(source.tables["products"]["id"]) + 1).astype(np.int64)
    ids = source.alive("products")
    stock = source.column("products", "stock_quantity", ids)
    ids = ids[stock < wanted[ids]]
    filled = source.column("products", "stock_quantity", ids) + wanted[ids] + rng.integers(50, 400, len(ids))
    time = np.full(len(ids), now)
    source.update("products", ids, {"stock_quantity": filled, "updated_at": time})
    source.emit("products", ids, "u", time, source.begin(len(ids)))


def move_stock(source: Source, product: Array, moved: Array, time: Array, txn: Array) -> None:
    """One product update per line, each with the stock that it left behind."""
    order = np.lexsort((txn, time, product))
    product, moved, time, txn = product[order], moved[order], time[order], txn[order]
    running = np.cumsum(moved)
    first = np.r_[True, product[1:] != product[:-1]]
    before = (running - moved)[first]
    running -= np.repeat(before, np.diff(np.r_[np.flatnonzero(first), len(product)]))
    stock = source.column("products", "stock_quantity", product) + running
    source.emit("products", product, "u", time, txn, 2, stock_quantity=stock, updated_at=time)
    source.update("products", product, {"stock_quantity": stock, "updated_at": time})  # the last line of a key stays


def change_quantity(rng: np.random.Generator, source: Source, count: int, window: Window) -> None:
    """Customers correct a quantity; updated_at stays as it was (the trigger's bug)."""
    ids = some(rng, source.alive("order_items"), count)
    time = times_in(rng, len(ids), window)
    source.update("order_items", ids, {"quantity": rng.integers(1, 6, len(ids))})
    source.emit("order_items", ids, "u", time, source.begin(len(ids)))


def move_orders(rng: np.random.Generator, source: Source, count: int, window: Window) -> None:
    """Orders go one status further, newest first by preference; a few are cancelled, which restores the stock."""
    ids = source.alive("orders")
    going = ids[np.isin(source.column("orders", "status", ids), list(NEXT_STATUS))]
    ids = some(rng, going[-max(count * 3, 50) :], count)
    time, txn = times_in(rng, len(ids), window), source.begin(len(ids))
    now = source.column("orders", "status", ids)
    cancelled = (rng.random(len(ids)) < 0.12) & (now != "shipped")
    following = text([NEXT_STATUS[status] for status in now])
    following[cancelled] = "cancelled"
    source.update("orders", ids, {"status": following, "updated_at": time})
    source.emit("orders", ids, "u", time, txn)
    _return_items(source, ids[cancelled], time[cancelled], txn[cancelled])


def _return_items(source: Source, orders: Array, time: Array, txn: Array) -> None:
    items, place = children(source, "order_items", "order_id", orders)
    if len(items):
        product, quantity = (source.column("order_items", c, items) for c in ("product_id", "quantity"))
        move_stock(source, product, quantity, time[place], txn[place])


def children(source: Source, name: str, column: str, parents: Array) -> tuple[Array, Array]:
    """The living children of parents: (their ids, each one's parent's place in `parents`)."""
    ids = source.alive(name)
    if not len(parents):
        return ids[:0], ids[:0]
    order = np.argsort(parents)
    named = source.column(name, column, ids)
    place = np.minimum(np.searchsorted(parents, named, sorter=order), len(parents) - 1)
    found = parents[order[place]] == named
    return ids[found], order[place][found]
