"""Runs of the real dbt project: what is built, what a failing test leaves, and how a changed project is taken up."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
from dbt.adapters.base.impl import DEFAULT_BASE_BEHAVIOR_FLAGS
from dbt_projects import copy_of
from msgspec.structs import replace
from transformer_bench import Bench, Row

from tidemark.errors import DataTestFailed
from tidemark.tables import Column, registry
from tidemark_warehouse import execute
from transformer.dbt import DbtModels
from transformer.settings import PROJECT

pytestmark = pytest.mark.lab


def bought(total: str, status: str = "completed") -> Row:
    return {"transaction_id": "t1", "product_id": "p1", "total_amount": Decimal(total), "status": status}


def test_a_failing_data_test_leaves_the_marts_and_a_later_row_heals_it(dbt: Bench) -> None:
    """The run is refused, its rows are kept, the marts stay; with the row that heals it both runs are published."""
    dbt.load("events", 1, {"transactions": [bought("1.00")]})
    dbt.handle("events", 1)
    before = dbt.rows("MARTS.fct_transactions")
    dbt.load("events", 2, {"transactions": [bought("2.00", "lost")]})
    with pytest.raises(DataTestFailed, match=r"accepted_values_fct_transactions_status.* \(1 rows\)"):
        dbt.handle("events", 2)
    assert dbt.rows("MARTS.fct_transactions") == before
    tables = "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'TEST_FAILURES'"
    assert [str(name)[:40] for (name,) in execute(dbt.connection, tables)] == [
        "ACCEPTED_VALUES_FCT_TRANSACTIONS_STATUS_"
    ]
    dbt.load("events", 3, {"transactions": [bought("3.00", "refunded")]})
    healed, later = dbt.handle("events", 2), dbt.handle("events", 3)
    assert [(b.run_seq, b.from_seq, b.to_seq) for b in (healed, later)] == [(2, 1, 3), (3, 3, 3)]
    assert [row["total_amount"] for row in dbt.rows("MARTS.fct_transactions")] == [Decimal("3.00")]


def test_only_what_stands_below_changed_tables_is_built(dbt: Bench) -> None:
    """Unchanged parents are read as published; that a mart depends on as_of is known from its text."""
    event = {"event_id": "a", "event_type": "purchase", "transaction_id": "t1"}
    dbt.load("events", 1, {"user_events": [event], "transactions": [bought("1.00")]})
    dbt.handle("events", 1)
    dbt.load("events", 2, {"transactions": [bought("2.00")]})
    built = dbt.handle("events", 2)
    assert [model.name for model in built.models] == ["stg_transactions", "fct_transactions", "fct_sessions"]
    assert [row["total_spent"] for row in dbt.rows("MARTS.fct_sessions")] == [Decimal("2.00")]
    timeless = {model.name for model in dbt.ports.models.models("ecommerce") if not model.as_of}
    assert timeless >= {"fct_orders", "dim_products_history"}
    assert timeless.isdisjoint({"customer_lifetime_value", "daily_business_metrics", "dim_dates"})


def test_a_process_leaves_its_next_run_no_more_than_its_first_one_found(dbt: Bench) -> None:
    """What dbt goes through at each invocation does not grow with the runs before it."""
    left = []
    for run_seq in (1, 2):
        dbt.load("events", run_seq, {"transactions": [bought("1.00")]})
        dbt.handle("events", run_seq)
        left.append(list(DEFAULT_BASE_BEHAVIOR_FLAGS))
    assert left[0] == left[1]


def test_columns_are_described_as_they_are_built(dbt: Bench) -> None:
    """Every model's yml names exactly its columns, in their order; a build without any row passes its tests."""
    for dataset in ("ecommerce", "events"):
        dbt.load(dataset, 1, {})
        dbt.handle(dataset, 1)
        for model in dbt.ports.models.models(dataset):
            with dbt.connection.cursor() as cursor:
                cursor.execute(f"SELECT * FROM {model.published_schema}.{model.name} LIMIT 0")
                assert [column.name.lower() for column in cursor.description] == model.columns, model.name


def test_a_new_model_and_a_new_column_come_with_all_rows(
    environment: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A project with another column and another model needs no command: the next run publishes them for every row.

    Each project is parsed at the start of its process, and built by another thread, as the runner does.
    """
    old, new = without_category(tmp_path), tmp_path / "new"
    bench = Bench(environment, old)
    request.addfinalizer(bench.close)
    bench.load("ecommerce", 1, {"products": [{"id": 1, "category": "first"}, {"id": 2, "category": "second"}]})
    in_a_thread(bench, 1)
    bench.ports = bench.process(new)
    bench.load("ecommerce", 2, {"users": [{"id": 1}]})
    in_a_thread(bench, 2)
    assert [row["category"] for row in bench.rows("STAGING.stg_products")] == ["first", "second"]
    assert [row["category"] for row in bench.rows("MARTS.dim_products", "product_id")] == ["first", "second"]


def test_a_new_column_s_default_fills_old_rows_of_staging_and_marts(
    environment: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Rows that were loaded and published before the column was known, and no later run touches."""
    old, new = without_category(tmp_path), tmp_path / "new"
    bench = Bench(environment, old)
    request.addfinalizer(bench.close)
    bench.load("ecommerce", 1, {"products": [{"id": 1, "category": None}]})
    in_a_thread(bench, 1)
    known = registry()
    products = known.tables["products"]
    columns = products.columns | {"category": Column(type="string", default="none yet")}
    bench.follow(replace(known, tables=known.tables | {"products": replace(products, columns=columns)}))
    bench.ports = bench.process(new)
    bench.load("ecommerce", 2, {"products": [{"id": 2, "category": "given"}]})
    in_a_thread(bench, 2)
    for table in ("STAGING.stg_products", "STAGING.live_products", "MARTS.dim_products"):
        assert [row["category"] for row in bench.rows(table)] == ["none yet", "given"], table


def without_category(folder: Path) -> Path:
    """The products' models in `new`; in `old`, which is told, without a column and the dimension."""
    kept = ["stg_products", "live_products", "dim_products"]
    new = copy_of(PROJECT, folder / "new", kept)
    old = copy_of(new, folder / "old", kept[:2])
    for name in kept[:2]:
        drop_lines(old / f"models/staging/{name}.sql", "        category,", 1)
        drop_lines(old / f"models/staging/{name}.yml", "name: category", 2)
    return old


def in_a_thread(bench: Bench, run_seq: int) -> None:
    assert isinstance(bench.ports.models, DbtModels)
    bench.ports.models.parse()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(bench.handle, "ecommerce", run_seq).result()


def drop_lines(path: Path, containing: str, count: int) -> None:
    lines = path.read_text().splitlines(keepends=True)
    start = next(place for place, line in enumerate(lines) if containing in line)
    path.write_text("".join(lines[:start] + lines[start + count :]))
