"""How rows end and come again: deletes with their cascades, changed keys, re-inserted keys. Habits as in shop.py."""

import numpy as np

from tidemark_lab.upstream import shop
from tidemark_lab.upstream.history import new_products, new_users
from tidemark_lab.upstream.rows import Array, text
from tidemark_lab.upstream.source import Source, Window


def delete_orders(rng: np.random.Generator, source: Source, count: int, window: Window) -> None:
    """Orders go, each with an explicit delete per item."""
    ids = shop.some(rng, source.alive("orders"), count)
    time, txn = shop.times_in(rng, len(ids), window), source.begin(len(ids))
    source.delete("orders", ids, time, txn, 0)
    _cascade_items(source, "order_id", ids, time, txn)


def delete_products(rng: np.random.Generator, source: Source, count: int, window: Window) -> None:
    """Products are set to zero stock and then deleted; their items go with them."""
    ids = shop.some(rng, source.alive("products"), count)
    time, txn = shop.times_in(rng, len(ids), window), source.begin(len(ids))
    source.update("products", ids, {"stock_quantity": np.zeros(len(ids), dtype=np.int64), "updated_at": time})
    source.emit("products", ids, "u", time, txn, 0, "farewell")
    source.delete("products", ids, time, txn, 1)
    source.deleted["products"] += ids.tolist()
    _cascade_items(source, "product_id", ids, time, txn)


def delete_users(rng: np.random.Generator, source: Source, count: int, window: Window) -> None:
    """Users are made anonymous and then deleted; orders and items go with them."""
    ids = shop.some(rng, source.alive("users"), count)
    time, txn = shop.times_in(rng, len(ids), window), source.begin(len(ids))
    source.update("users", ids, {"email": text([f"gone+{i}@example.invalid" for i in ids]), "updated_at": time})
    source.emit("users", ids, "u", time, txn, 0, "farewell")
    source.delete("users", ids, time, txn, 1)
    source.deleted["users"] += ids.tolist()
    orders, place = shop.children(source, "orders", "user_id", ids)
    source.delete("orders", orders, time[place], txn[place], 2, "cascade")
    _cascade_items(source, "order_id", orders, time[place], txn[place])


def _cascade_items(source: Source, column: str, parents: Array, time: Array, txn: Array) -> None:
    items, place = shop.children(source, "order_items", column, parents)
    source.delete("order_items", items, time[place], txn[place], 3, "cascade")


def rekey_users(rng: np.random.Generator, source: Source, count: int, window: Window) -> None:
    """A primary key changes: a delete and an insert of two keys under one LSN (only users whom nothing names)."""
    named = np.unique(source.tables["orders"]["user_id"][source.tables["orders"]["alive"]])
    ids = shop.some(rng, np.setdiff1d(source.alive("users"), named), count)
    time, txn = shop.times_in(rng, len(ids), window), source.begin(len(ids))
    kept = {name: values[ids - 1] for name, values in source.tables["users"].items() if name not in ("id", "alive")}
    source.delete("users", ids, time, txn, 0, "rekey")
    new = source.insert("users", kept | {"updated_at": time})
    source.emit("users", new, "c", time, txn, 1, "rekey")


def insert_again(rng: np.random.Generator, source: Source, count: int, window: Window) -> None:
    """Keys that were deleted are inserted again with other values, users and products in turn."""
    for name in ("users", "products"):
        ids = np.array(sorted(set(source.deleted[name])), dtype=np.int64)
        ids = shop.some(rng, ids, count) if len(ids) else ids
        source.deleted[name] = [i for i in source.deleted[name] if i not in set(ids.tolist())]
        time = shop.times_in(rng, len(ids), window)
        fresh = new_users(rng, source.fresh(len(ids)), time) if name == "users" else new_products(rng, time)
        source.update(name, ids, fresh | {"alive": np.ones(len(ids), dtype=bool)})
        source.emit(name, ids, "c", time, source.begin(len(ids)), cause="again")


HABITS: tuple[tuple[shop.Habit, float], ...] = (
    (shop.sign_up, 0.05),
    (shop.copy_products, 0.008),
    (shop.change_email, 0.05),
    (shop.pass_on_email, 0.003),
    (shop.reprice, 0.06),
    (shop.recategorise, 0.02),
    (shop.place_orders, 0.07),
    (shop.change_quantity, 0.02),
    (shop.move_orders, 0.19),
    (insert_again, 0.003),
    (delete_orders, 0.005),
    (delete_products, 0.0008),
    (delete_users, 0.004),
    (rekey_users, 0.003),
)
HEARTBEAT: tuple[tuple[shop.Habit, float], ...] = ((shop.sign_up, 0.2), (shop.reprice, 0.2), (shop.place_orders, 0.1))
