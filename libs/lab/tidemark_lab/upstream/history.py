"""The shop before the first snapshot: fourteen months of users, products, orders and their items."""

import numpy as np

from tidemark_lab.upstream.rows import Array, Rows, text
from tidemark_lab.upstream.source import Source
from tidemark_lab.upstream.texts import ADJECTIVE, CATEGORIES, FIRST, LAST, THING, addresses, pick

DAY = 86_400_000
AGE = 425 * DAY


def emails(first: Array, last: Array, numbers: Array) -> Array:
    """Unique addresses."""
    joined = zip(first, last, numbers, strict=True)
    return text([f"{f}.{s}.{n}@example.com".lower().replace("'", "") for f, s, n in joined])


def new_users(rng: np.random.Generator, numbers: Array, time: Array) -> Rows:
    """Values of users that sign up at `time`; `numbers` make their e-mails unique."""
    first, last = pick(rng, FIRST.split(), len(time)), pick(rng, LAST.split(), len(time))
    return {
        "email": emails(first, last, numbers),
        "first_name": first,
        "last_name": last,
        "created_at": time.copy(),
        "updated_at": time.copy(),
    }


def new_products(rng: np.random.Generator, time: Array) -> Rows:
    """Values of products that are listed at `time`."""
    count = len(time)
    words = zip(pick(rng, ADJECTIVE.split(), count), pick(rng, THING.split(), count), strict=True)
    name = text([f"{a} {t}" for a, t in words])
    category = pick(rng, CATEGORIES, count)
    category[rng.random(count) < 0.01] = None
    return {
        "name": name,
        "description": name + " of the " + pick(rng, ["spring", "summer", "autumn", "winter"], count) + " collection",
        "price": np.round(np.exp(rng.normal(8.0, 1.0, count))).astype(np.int64) + 99,
        "stock_quantity": rng.integers(20, 600, count),
        "category": category,
        "created_at": time.copy(),
        "updated_at": time.copy(),
    }


def begin(rng: np.random.Generator, scale: float, start: int) -> Source:
    """The database at `start` (ms): about 48,000 rows at scale 1."""
    source = Source({})
    users = max(60, round(5000 * scale))
    signed_up = np.sort(rng.integers(start - AGE, start - DAY, users))
    _fill(source, "users", new_users(rng, source.fresh(users), signed_up))
    products = max(30, round(1000 * scale))
    _fill(source, "products", new_products(rng, np.sort(rng.integers(start - AGE, start - AGE // 2, products))))
    _orders(rng, source, max(100, round(12000 * scale)), start)
    _items(rng, source)
    return source


def _orders(rng: np.random.Generator, source: Source, count: int, start: int) -> None:
    buyers = rng.integers(3, int(0.9 * len(source.alive("users"))), count)  # some never order
    joined = source.column("users", "created_at", buyers)
    placed = joined + (rng.random(count) * (start - joined)).astype(np.int64)
    order = np.argsort(placed)
    buyers, placed = buyers[order], placed[order]
    old = placed < start - 10 * DAY
    status = pick(rng, ["pending", "processing", "shipped"], count)
    status[old] = np.where(rng.random(int(old.sum())) < 0.1, "cancelled", "delivered")
    moved = np.minimum(placed + rng.integers(0, 9 * DAY, count), start - 1)
    _fill(
        source,
        "orders",
        {
            "user_id": buyers,
            "status": status,
            "total_amount": np.zeros(count, dtype=np.int64),
            "shipping_address": addresses(rng, count),
            "created_at": placed,
            "updated_at": np.where(status == "pending", placed, moved),
        },
    )


def _items(rng: np.random.Generator, source: Source) -> None:
    orders = source.tables["orders"]
    parent = np.repeat(orders["id"], rng.integers(1, 5, len(orders["id"])))
    placed = source.column("orders", "created_at", parent)
    product = rng.integers(1, len(source.alive("products")) + 1, len(parent))
    quantity = np.minimum(rng.geometric(0.6, len(parent)), 49)
    price = source.column("products", "price", product)
    values = {"order_id": parent, "product_id": product, "quantity": quantity, "unit_price": price}
    _fill(source, "order_items", values | {"created_at": placed.copy(), "updated_at": placed.copy()})
    totals = np.bincount(parent, weights=quantity * price, minlength=len(orders["id"]) + 1)[1:]
    orders["total_amount"] = totals.astype(np.int64) + rng.integers(0, 1500, len(totals))


def _fill(source: Source, name: str, columns: Rows) -> None:
    count = len(columns["created_at"])
    ids = {"id": np.arange(1, count + 1, dtype=np.int64)}
    source.tables[name] = ids | columns | {"alive": np.ones(count, dtype=bool)}
