"""What run after run leaves in staging, facts, dimensions and marts is what building everything anew makes."""

from typing import Any

import pytest
from generated_rows import shop_changes
from transformer_bench import Bench, Row

from tidemark_warehouse import execute

pytestmark = pytest.mark.lab

FEW, MANY = 5, 50
EVENTS = {"STAGING.STG_TRANSACTIONS", "STAGING.STG_USER_EVENTS", "MARTS.FCT_SESSIONS", "MARTS.FCT_TRANSACTIONS"}


@pytest.mark.parametrize(
    ("seed", "runs"), [(3, FEW), pytest.param(4, MANY, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])]
)
def test_increments_equal_a_full_build(dbt: Bench, seed: int, runs: int) -> None:
    """Row for row and column for column, after random runs with repeats, late rows, deletes and changed dimensions."""
    generated = shop_changes(seed, scale=0.01, changed=150, deltas=runs - 2)
    for run_seq, changes in enumerate(generated, 1):
        dbt.load("ecommerce", run_seq, changes)
        built = dbt.handle("ecommerce", run_seq)
        assert (built.from_seq, built.to_seq) == (run_seq - 1, run_seq)
    by_increments = published(dbt)
    dbt.load("ecommerce", runs + 1, {})
    rebuilt = dbt.handle("ecommerce", runs + 1, "rebuild")
    assert (rebuilt.from_seq, sum(model.rows for model in rebuilt.models)) == (0, 0)
    assert published(dbt) == by_increments
    assert min(len(rows) for name, rows in by_increments.items() if name not in EVENTS) > 0


def published(dbt: Bench) -> dict[str, list[Row]]:
    """All rows of every published table and view, in an order of their own."""
    tables = execute(
        dbt.connection,
        "SELECT TABLE_SCHEMA || '.' || TABLE_NAME FROM INFORMATION_SCHEMA.TABLES "
        "WHERE TABLE_SCHEMA IN ('STAGING', 'MARTS')",
    )
    return {name: sorted(dbt.rows(name), key=_text) for (name,) in tables}


def _text(row: dict[str, Any]) -> str:
    return repr(list(row.values()))
