"""Every history, fact and mart equals a computation in plain Python on generated rows: dirt, repeats, late deletes."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from generated_rows import Changes, shop_changes
from oracle_answers import answers, predictions
from oracle_shop import Shop, shop
from oracle_versions import Row
from transformer_bench import Bench

pytestmark = pytest.mark.lab

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the tables' timestamps have no zone
CENT = 0.0051  # money is rounded to cents; the floats before it differ by less than their rounding


@pytest.mark.parametrize("seed", [1, *[pytest.param(seed, marks=pytest.mark.soak) for seed in (7, 42)]])
def test_marts_equal_plain_python(dbt: Bench, seed: int) -> None:
    """Money, counts, ranks and names exactly; predictions to the cent. The later runs arrive as an increment."""
    runs = shop_changes(seed, scale=0.02)
    for run_seq, changes in enumerate(runs, 1):
        dbt.load("ecommerce", run_seq, changes)
    first, last = dbt.handle("ecommerce", 1), dbt.handle("ecommerce", len(runs))
    assert [(built.from_seq, built.to_seq) for built in (first, last)] == [(0, 1), (1, len(runs))]
    expected = shop(together(runs), EPOCH + timedelta(milliseconds=last.as_of_ms))
    for model, (key, rows) in answers(expected).items():
        found = {place(row, key): row for row in dbt.rows(f"MARTS.{model}")}
        assert found.keys() == rows.keys(), model
        assert {k: {column: found[k][column] for column in row} for k, row in rows.items()} == rows, model
    assert_predictions(dbt, expected)


def together(runs: list[Changes]) -> Changes:
    return {table: [row for run in runs for row in run[table]] for table in runs[0]}


def place(row: Row, key: list[str]) -> Any:
    return row[key[0]] if len(key) == 1 else tuple(row[column] for column in key)


def assert_predictions(dbt: Bench, expected: Shop) -> None:
    rows = {row["user_id"]: row for row in dbt.rows("MARTS.customer_lifetime_value")}
    for key, (orders, value) in predictions(expected).items():
        assert float(rows[key]["predicted_12_month_orders"]) == pytest.approx(orders, abs=0.000051)
        assert float(rows[key]["predicted_order_value"]) == pytest.approx(value, abs=CENT)
        assert float(rows[key]["predicted_12_month_value"]) == pytest.approx(orders * value, abs=CENT)
