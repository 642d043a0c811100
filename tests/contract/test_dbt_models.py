"""The models on the emulator: hand-filled RAW rows in, published rows held against a few lines of Python."""

import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from transformer_bench import DAY_ZERO_MS, Bench, Row, emulator, moment

from tidemark.errors import DataTestFailed
from tidemark_warehouse import execute
from transformer.settings import PROJECT

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

RANK = {"r": 0, "c": 1, "u": 2, "d": 3}
PUBLISHED = [
    *(f"STAGING.{name}" for name in ("stg_users", "stg_products", "stg_orders", "stg_order_items")),
    *(f"STAGING.{name}" for name in ("live_users", "live_products", "live_orders", "live_order_items")),
    *(f"MARTS.{name}" for name in ("dim_customers", "dim_products", "fct_orders", "fct_order_items")),
    *(f"MARTS.{name}" for name in ("customer_lifetime_value", "product_performance", "daily_business_metrics")),
]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """One emulator for the module."""
    with emulator(tmp_path_factory.mktemp("dbt-models")) as found:
        yield found


@pytest.fixture(scope="module")
def one_bench(environment: dict[str, str]) -> Bench:
    """One database, so that the project is parsed once."""
    return Bench(environment)


@pytest.fixture
def bench(one_bench: Bench) -> Bench:
    """That database without rows."""
    one_bench.empty()
    return one_bench


def winner(changes: list[Row]) -> Row:
    """The change that counts: a function of the set, written a second time and in another way."""
    earliest: dict[Any, Row] = {}
    for change in sorted(changes, key=lambda c: (c["_ts_ms"], c["_run_seq"])):
        delivery = change["_ts_ms"] if change["_lsn"] is None else None
        earliest.setdefault((change["_op"], change["_lsn"], delivery), change)
    in_log = [c for c in earliest.values() if c["_op"] != "r" and c["_lsn"] is not None]
    read = [c for c in earliest.values() if c["_op"] == "r" or c["_lsn"] is None]
    log = max(in_log, key=lambda c: (c["_lsn"], RANK[c["_op"]]), default=None)
    snapshot = max(read, key=lambda c: (c["_ts_ms"], c["_lsn"] or -1, RANK[c["_op"]]), default=None)
    return snapshot if snapshot and (not log or snapshot["_ts_ms"] > log["_ts_ms"]) else log  # type: ignore[return-value]


def random_change(dice: random.Random, table: str, key: int, run_seq: int) -> Row:
    """A change whose values follow from its identity, as a repeated delivery's do. Few LSNs and times, many ties."""
    op = dice.choice("rcuud")
    has_lsn = dice.random() > {"r": 0.4, "d": 0.2}.get(op, 0)
    lsn = dice.randint(1, 9) if has_lsn else None
    ts_ms = DAY_ZERO_MS + dice.randint(0, 12)
    said = f"{op}{lsn if lsn is not None else ts_ms}"
    rest: Row = {}
    if table == "users":
        rest = {"email": f"e{hash_of(said) % 4}@x", "created_at": moment(hash_of(said) % 4000)}
    if table == "products":
        rest = {"price": Decimal(hash_of(said) % 1000) / 100, "name": said}
    if table == "orders":
        rest = {"user_id": 1 + hash_of(said) % 6, "total_amount": Decimal(hash_of(said) % 9999) / 100}
        rest["status"] = ["pending", "shipped", "cancelled"][hash_of(said) % 3]
        rest["created_at"] = moment(hash_of(said) % 8000)
    if table == "order_items":
        rest = {"order_id": 1 + hash_of(said) % 8, "product_id": 1 + hash_of(said) % 5, "quantity": 1 + len(said) % 5}
    return {"id": key, "_op": op, "_lsn": lsn, "_ts_ms": ts_ms, "_run_seq": run_seq, **rest}


def hash_of(text: str) -> int:
    """A hash that is the same in every process."""
    return sum(ord(letter) * 31**place for place, letter in enumerate(text))


def random_runs(dice: random.Random, runs: int) -> list[dict[str, list[Row]]]:
    """Changes by run and table. The first run has a row of every parent, as the lake promises."""
    sizes = {"users": 6, "products": 5, "orders": 8, "order_items": 12}
    found = []
    for run_seq in range(1, runs + 1):
        tables = {}
        for table, size in sizes.items():
            keys = range(1, size + 1) if run_seq == 1 else dice.choices(range(1, size + 1), k=size)
            tables[table] = [random_change(dice, table, key, run_seq) for key in keys]
        found.append(tables)
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_staging_is_the_winner_of_every_key_and_windows_add_up_to_a_full_refresh(bench: Bench, seed: int) -> None:
    """After each of several windows staging is what the set of changes says; all tables equal a build from nothing."""
    runs = random_runs(random.Random(seed), 4)
    so_far: dict[str, list[Row]] = {table: [] for table in runs[0]}
    for run_seq, tables in enumerate(runs, 1):
        bench.load("ecommerce", run_seq, tables)
        built = bench.handle("ecommerce", run_seq)
        assert (built.from_seq, built.to_seq) == (run_seq - 1, run_seq)
        for table, rows in tables.items():
            so_far[table] += rows
            columns = [*rows[0]]
            expected = [winner([c for c in so_far[table] if c["id"] == key]) for key in keys_of(so_far[table])]
            found = bench.rows(f"STAGING.stg_{table}")
            assert [{c: row[c] for c in columns} for row in found] == expected
            assert [row["_deleted"] for row in found] == [row["_op"] == "d" for row in expected]
        assert live_keys(bench) == expected_live(so_far)
        assert shared_emails(bench) == expected_shared(so_far["users"])
    in_steps = {table: bench.rows(table) for table in PUBLISHED}
    rebuilt = bench.handle("ecommerce", len(runs) + 1, kind="rebuild", generation=2)
    assert (rebuilt.from_seq, sum(model.rows for model in rebuilt.models)) == (0, 0)
    bench.empty()
    for run_seq, tables in enumerate(runs, 1):
        bench.load("ecommerce", run_seq, tables)
    built = bench.handle("ecommerce", len(runs))
    assert (built.from_seq, built.to_seq) == (0, len(runs))
    for table in PUBLISHED:
        assert bench.rows(table) == in_steps[table], table


def keys_of(changes: list[Row]) -> list[int]:
    return sorted({change["id"] for change in changes})


def states(so_far: dict[str, list[Row]], table: str) -> dict[int, Row]:
    found = {key: winner([c for c in so_far[table] if c["id"] == key]) for key in keys_of(so_far[table])}
    return {key: row for key, row in found.items() if row["_op"] != "d"}


def expected_live(so_far: dict[str, list[Row]]) -> dict[str, list[int]]:
    users, products = states(so_far, "users"), states(so_far, "products")
    orders = {key: row for key, row in states(so_far, "orders").items() if row["user_id"] in users}
    items = states(so_far, "order_items")
    live_items = [k for k, row in items.items() if row["order_id"] in orders and row["product_id"] in products]
    return {"users": [*users], "products": [*products], "orders": [*orders], "order_items": live_items}


def live_keys(bench: Bench) -> dict[str, list[int]]:
    tables = ("users", "products", "orders", "order_items")
    return {table: [row["id"] for row in bench.rows(f"STAGING.live_{table}")] for table in tables}


def expected_shared(changes: list[Row]) -> list[int]:
    users = states({"users": changes}, "users")
    emails = [row["email"] for row in users.values()]
    return [key for key, row in users.items() if emails.count(row["email"]) > 1]


def shared_emails(bench: Bench) -> list[int]:
    return [row["id"] for row in bench.rows("STAGING.stg_users") if row["_state_flags"] == "email_not_unique"]


def test_a_late_older_change_does_not_bring_a_deleted_row_back(bench: Bench) -> None:
    """A change below the delete's LSN that arrives in a later run leaves the tombstone."""
    bench.load("ecommerce", 1, {"products": [{"id": 1, "_op": "d", "_lsn": 50, "name": "gone"}]})
    bench.handle("ecommerce", 1)
    bench.load("ecommerce", 2, {"products": [{"id": 1, "_op": "u", "_lsn": 40, "name": "late"}]})
    built = bench.handle("ecommerce", 2)
    assert [(row["name"], row["_deleted"]) for row in bench.rows("STAGING.stg_products")] == [("gone", True)]
    assert sum(model.rows for model in built.models) == 0


def test_marts_count_what_is_live_and_not_cancelled(bench: Bench) -> None:
    """Revenue leaves cancelled orders out, quotients are exact, flagged rows are kept, the future is not counted."""
    bench.load(
        "ecommerce",
        1,
        {
            "users": [{"id": 1, "email": "a"}, {"id": 2, "email": "b"}, {"id": 3, "email": "c", "_op": "d"}],
            "products": [{"id": 1, "price": Decimal("1.00")}, {"id": 2, "price": Decimal("2.00")}],
            "orders": [
                order(1, 1, "10.00", "delivered", -1440),
                order(2, 1, "0.01", "shipped", -2880),
                order(3, 1, "99.99", "cancelled", -60),
                order(4, 3, "50.00", "pending", -60),
                order(5, 2, "-1.00", "lost", 60 * 24 * 400) | {"_flags": "status_known,total_not_negative"},
            ],
            "order_items": [item(1, 1, 1, 3, "1.00"), item(2, 2, 1, 4, "1.01"), item(3, 3, 1, 7, "9.00")],
        },
    )
    bench.handle("ecommerce", 1)
    value = {row["user_id"]: row for row in bench.rows("MARTS.customer_lifetime_value")}
    assert sorted(value) == [1, 2]
    expected = (2, 1, 7, Decimal("10.01"), Decimal("5.01"), 1)
    assert picked(
        value[1], "orders cancelled_orders units lifetime_revenue average_order_value days_since_last_order"
    ) == (expected)
    assert picked(value[2], "orders lifetime_revenue days_since_last_order") == (1, Decimal("-1.00"), 0)
    sales = {row["product_id"]: row for row in bench.rows("MARTS.product_performance")}
    columns = "orders units_sold revenue average_unit_price cancelled_units cancelled_percent"
    assert picked(sales[1], columns) == (2, 7, Decimal("7.04"), Decimal("1.01"), 7, Decimal("50.00"))
    assert picked(sales[2], columns) == (0, 0, Decimal("0.00"), None, 0, None)
    days = {str(row["metric_date"]): row for row in bench.rows("MARTS.daily_business_metrics")}
    assert sorted(days) == ["2026-02-27", "2026-02-28", "2026-03-01"]
    assert picked(days["2026-02-28"], "orders cancelled_orders revenue is_complete") == (1, 1, Decimal("10.00"), True)
    assert picked(days["2026-03-01"], "orders new_customers is_complete") == (0, 2, False)
    flags = {row["order_id"]: row["flags"] for row in bench.rows("MARTS.fct_orders")}
    assert flags == {1: None, 2: None, 3: None, 5: "status_known,total_not_negative"}


def order(key: int, user_id: int, total: str, status: str, minutes: float) -> Row:
    return {
        "id": key,
        "user_id": user_id,
        "total_amount": Decimal(total),
        "status": status,
        "created_at": moment(minutes),
    }


def item(key: int, order_id: int, product_id: int, quantity: int, price: str) -> Row:
    return {
        "id": key,
        "order_id": order_id,
        "product_id": product_id,
        "quantity": quantity,
        "unit_price": Decimal(price),
    }


def picked(row: Row, columns: str) -> tuple[Any, ...]:
    return tuple(row[column] for column in columns.split())


def test_sessions_split_after_exactly_thirty_minutes_and_late_events_join_them(bench: Bench) -> None:
    """30 minutes of silence still belong together, a millisecond more does not; a late event mends the session."""
    bench.load(
        "events",
        1,
        {
            "user_events": [
                happened("a", "page_view", 0, device_type="mobile"),
                happened("b", "product_view", 30),
                happened("c", "purchase", 60 + 1 / 60000, transaction_id="t1"),
                happened("d", "purchase", 62, transaction_id="t1"),
            ],
            "transactions": [
                bought("t1", "p1", 2, "10.10"),
                bought("t1", "p2", 1, "0.90"),
                bought("t1", "p3", 9, "99.00", status="failed"),
            ],
        },
    )
    bench.handle("events", 1)
    columns = "session_part session_duration_minutes page_views product_views purchases total_spent items_purchased"
    assert [picked(row, columns) for row in bench.rows("MARTS.fct_sessions", "session_part")] == [
        (1, 30, 1, 1, 0, Decimal("0.00"), 0),
        (2, 1, 0, 0, 2, Decimal("11.00"), 3),
    ]
    bench.load(
        "events", 2, {"user_events": [happened("e", "search", 59), happened("f", "search", -1, device_type="tv")]}
    )
    bench.handle("events", 2)
    (session,) = bench.rows("MARTS.fct_sessions")
    assert picked(session, columns) == (1, 63, 1, 1, 2, Decimal("11.00"), 3)
    assert picked(session, "searches device_type session_start converted_to_purchase") == (2, "tv", moment(-1), True)


def happened(event_id: str, event_type: str, minutes: float, **values: Any) -> Row:
    row = {"event_id": event_id, "event_type": event_type, "timestamp": moment(minutes), "transaction_id": None}
    return row | values


def bought(transaction_id: str, product_id: str, quantity: int, total: str, status: str = "completed") -> Row:
    return {
        "transaction_id": transaction_id,
        "product_id": product_id,
        "quantity": quantity,
        "total_amount": Decimal(total),
        "status": status,
    }


def test_of_events_the_latest_counts_and_of_equal_ones_the_earliest(bench: Bench) -> None:
    """An event's later version replaces it; a repeat of the older version that was delivered later still does not."""
    first, second = happened("a", "page_view", 0, browser="one"), happened("a", "page_view", 0, browser="two")
    bench.load("events", 1, {"user_events": [first | {"_ts_ms": 30}]})
    bench.handle("events", 1)
    bench.load("events", 2, {"user_events": [second | {"_ts_ms": 20}, first | {"_ts_ms": 10}]})
    bench.handle("events", 2)
    assert [(row["browser"], row["_ts_ms"]) for row in bench.rows("STAGING.stg_user_events")] == [("two", 20)]


def test_a_failing_data_test_leaves_the_marts_and_a_later_row_heals_it(bench: Bench) -> None:
    """The run is refused, its rows are kept, the marts stay; with the row that heals it both runs are published."""
    bench.load("ecommerce", 1, {"users": [{"id": 1}], "orders": [order(1, 1, "1.00", "pending", 0)]})
    bench.handle("ecommerce", 1)
    before = bench.rows("MARTS.fct_orders")
    bench.load("ecommerce", 2, {"orders": [order(1, 1, "2.00", "lost", 0)]})
    with pytest.raises(DataTestFailed, match=r"accepted_values_fct_orders_status.* \(1 rows\)"):
        bench.handle("ecommerce", 2)
    assert bench.rows("MARTS.fct_orders") == before
    kept = execute(
        bench.connection, "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'TEST_FAILURES'"
    )
    assert [name[:35] for (name,) in kept] == ["ACCEPTED_VALUES_FCT_ORDERS_STATUS__"]
    bench.load("ecommerce", 3, {"orders": [order(1, 1, "3.00", "shipped", 0)]})
    healed, later = bench.handle("ecommerce", 2), bench.handle("ecommerce", 3)
    assert [(b.run_seq, b.from_seq, b.to_seq) for b in (healed, later)] == [(2, 1, 3), (3, 3, 3)]
    assert [row["total_amount"] for row in bench.rows("MARTS.fct_orders")] == [Decimal("3.00")]


def test_only_what_stands_below_changed_tables_is_built(bench: Bench) -> None:
    """Unchanged parents are read as published; what depends on as_of is built all the same."""
    bench.load(
        "ecommerce", 1, {"users": [{"id": 1}], "products": [{"id": 1}], "orders": [order(1, 1, "1.00", "pending", 0)]}
    )
    bench.handle("ecommerce", 1)
    bench.load("ecommerce", 2, {"order_items": [item(1, 1, 1, 2, "1.00")]})
    built = bench.handle("ecommerce", 2)
    assert {model.name for model in built.models} == {
        "stg_order_items",
        "live_order_items",
        "fct_order_items",
        "fct_orders",
        "customer_lifetime_value",
        "product_performance",
        "daily_business_metrics",
    }
    assert [row["items_amount"] for row in bench.rows("MARTS.fct_orders")] == [Decimal("2.00")]


def test_columns_are_described_as_they_are_built(bench: Bench) -> None:
    """Every model's yml names exactly its columns, in their order; staging's unique_key is its meta's."""
    bench.load("ecommerce", 1, {})
    bench.load("events", 1, {})
    for dataset in ("ecommerce", "events"):
        bench.handle(dataset, 1)
        for model in bench.ports.models.models(dataset):
            with bench.connection.cursor() as cursor:
                cursor.execute(f"SELECT * FROM {model.published_schema}.{model.name} LIMIT 0")
                assert [column.name.lower() for column in cursor.description] == model.columns, model.name


def test_a_new_model_and_a_new_column_come_with_all_rows(environment: dict[str, str], tmp_path: Path) -> None:
    """A project with another column and another mart needs no command: the next run publishes them for every row."""
    old = tmp_path / "old"
    copytree(PROJECT, old)
    (old / "models/marts/product_performance.sql").unlink()
    (old / "models/marts/product_performance.yml").unlink()
    staging = old / "models/staging"
    drop_line(staging / "stg_products.sql", "as category,")
    drop_lines(staging / "stg_products.yml", "name: category", 2)
    drop_line(staging / "live_products.sql", "        category,")
    drop_lines(staging / "live_products.yml", "name: category", 2)
    drop_line(old / "models/core/dim_products.sql", "        category,")
    drop_lines(old / "models/core/dim_products.yml", "name: category", 2)
    bench = Bench(environment, old)
    bench.load("ecommerce", 1, {"products": [{"id": 1, "category": "first"}, {"id": 2, "category": "second"}]})
    bench.handle("ecommerce", 1)
    bench.ports = bench.process()
    bench.load("ecommerce", 2, {"users": [{"id": 1}]})
    bench.handle("ecommerce", 2)
    assert [row["category"] for row in bench.rows("STAGING.stg_products")] == ["first", "second"]
    assert [row["category"] for row in bench.rows("MARTS.product_performance", "product_id")] == ["first", "second"]


def drop_line(path: Path, containing: str) -> None:
    drop_lines(path, containing, 1)


def drop_lines(path: Path, containing: str, count: int) -> None:
    lines = path.read_text().splitlines(keepends=True)
    start = next(place for place, line in enumerate(lines) if containing in line)
    path.write_text("".join(lines[:start] + lines[start + count :]))
