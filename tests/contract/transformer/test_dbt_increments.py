"""What run after run leaves in staging, facts, dimensions and marts is what building everything anew makes.

Each run holds late rows, deletes, keys that are born again, rows that move to other parents, and other product versions
(random_runs.py), beside what the generator makes.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from generated_rows import Changes, shop_changes
from msgspec.structs import replace
from random_runs import disturbed, site_runs
from transformer_bench import Bench, Row

from tidemark_warehouse import execute

pytestmark = pytest.mark.lab

FEW, MANY = 4, 50
SOAK = [pytest.mark.soak, pytest.mark.timeout(3600)]
EVENTS = {"STAGING.STG_TRANSACTIONS", "STAGING.STG_USER_EVENTS", "MARTS.FCT_SESSIONS", "MARTS.FCT_TRANSACTIONS"}
INCREMENTAL_FACTS = {"fct_inventory_daily", "fct_order_status_transitions", "fct_sessions", "fct_transactions"}


@pytest.fixture
def dbt(dbt: Bench) -> Iterator[Bench]:
    """Whose other tests are not to see what is set here."""
    ports = dbt.ports
    yield dbt
    dbt.ports = ports


@pytest.mark.parametrize(
    ("seed", "runs", "exclude_flagged"),
    [
        (3, FEW, False),
        *[pytest.param(*case, marks=SOAK) for case in ((3, FEW, True), (4, MANY, False), (4, MANY, True))],
    ],
)
def test_increments_of_the_shop_equal_a_full_build(dbt: Bench, seed: int, runs: int, exclude_flagged: bool) -> None:
    """Row for row and column for column, with flagged rows and without them."""
    dbt.ports = replace(dbt.ports, exclude_flagged=exclude_flagged)
    generated = shop_changes(seed, scale=0.01, changed=150, deltas=runs - 2)
    by_increments = by_runs_and_anew(dbt, "ecommerce", disturbed(generated, seed))
    assert min(len(rows) for name, rows in by_increments.items() if name not in EVENTS) > 0


@pytest.mark.parametrize(("seed", "runs"), [(3, FEW), pytest.param(4, MANY, marks=SOAK)])
def test_increments_of_the_events_equal_a_full_build(dbt: Bench, seed: int, runs: int) -> None:
    """Row for row and column for column."""
    by_increments = by_runs_and_anew(dbt, "events", site_runs(seed, runs))
    assert min(len(by_increments[name]) for name in EVENTS) > 0


def by_runs_and_anew(dbt: Bench, dataset: str, runs: Sequence[Changes]) -> dict[str, list[Row]]:
    """What is published after all runs, one after the other, and after a rebuild just so."""
    for run_seq, changes in enumerate(runs, 1):
        dbt.load(dataset, run_seq, changes)
        built = dbt.handle(dataset, run_seq)
        assert (built.from_seq, built.to_seq) == (run_seq - 1, run_seq)
    by_increments = published(dbt)
    dbt.load(dataset, len(runs) + 1, {})
    rebuilt = dbt.handle(dataset, len(runs) + 1, "rebuild")
    changed = {model.name: model.rows for model in rebuilt.models if model.rows}
    assert (rebuilt.from_seq, changed) == (0, {})
    assert published(dbt) == by_increments
    return by_increments


def test_facts_that_grow_are_incremental(dbt: Bench) -> None:
    """The others say in their yml why they are not."""
    models = [model for dataset in ("ecommerce", "events") for model in dbt.ports.models.models(dataset)]
    assert {m.name for m in models if m.kind == "incremental" and m.reads} == INCREMENTAL_FACTS


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
