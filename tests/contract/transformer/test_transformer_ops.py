"""OPS.MODEL_RUNS and OPS.FAILED_TESTS as the transformer fills them, by publications and by real runs of dbt."""

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from functools import partial

import pytest
from msgspec.structs import replace
from publication_benches import DAYS, EMPTY, VISITS, RealBench, Row, publication, receipt_of
from transformer_bench import Bench, Database

from tidemark.errors import DataTestFailed
from tidemark.failpoints import FailpointError
from tidemark_warehouse import execute
from transformer.ports import Model

pytestmark = pytest.mark.lab
RUNS = (
    "SELECT RUN_ID, FROM_SEQ, TO_SEQ, MODEL, KIND, ROWS_CHANGED, ROWS_TOTAL, QUERY_ID FROM OPS.MODEL_RUNS ORDER BY 3, 4"
)
LIVE = replace(DAYS, name="live_days", kind="view")
ONE: Row = (1, "a", None)
TWO: Row = (2, "b", Decimal("2.00"))


@pytest.fixture
def real(database: Database) -> Iterator[RealBench]:
    """Nothing published, no model run told."""
    with closing(RealBench(database)) as bench:
        execute(database.connection, "DELETE FROM OPS.MODEL_RUNS")
        yield bench


def publish(bench: RealBench, run_seq: int, days: list[Row], models: list[Model]) -> None:
    """Publish as a run that was made from what stands now; the query that built `days` is told."""
    warehouse = bench.warehouse()
    warehouse.prepare(EMPTY)
    for model in models:
        if model.kind != "view":
            bench.put(warehouse, model, days)
    told = publication(models, run_seq, warehouse.position("ecommerce"))
    told = replace(told, views={"live_days": "SELECT 1 AS ID"}, queries={"days": f"q{run_seq}"})
    warehouse.publish(told, partial(receipt_of, told))


def test_every_model_of_a_publication_has_its_row(real: RealBench) -> None:
    """With what it changed, how large it is, and the query that built it; a view has no size."""
    publish(real, 1, [ONE], [DAYS])
    publish(real, 2, [ONE, TWO], [DAYS, LIVE, VISITS])
    assert execute(real.connection, RUNS) == [
        ("ecommerce-1", 0, 1, "days", "incremental", 1, 1, "q1"),
        ("ecommerce-2", 1, 2, "days", "incremental", 1, 2, "q2"),
        ("ecommerce-2", 1, 2, "live_days", "view", 0, None, None),
        ("ecommerce-2", 1, 2, "visits", "table", 2, 2, None),
    ]


def test_model_rows_are_written_once(real: RealBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """None by a publication that dies before its commit, one by the next, no second one by a repeat."""
    with monkeypatch.context() as armed:
        armed.setenv("TIDEMARK_FAILPOINTS", "transformer.before-commit=raise")
        with pytest.raises(FailpointError):
            publish(real, 1, [ONE], [DAYS])
    assert execute(real.connection, RUNS) == []
    for _ in range(2):
        publish(real, 1, [ONE], [DAYS])
    assert execute(real.connection, RUNS) == [("ecommerce-1", 0, 1, "days", "incremental", 1, 1, "q1")]


def test_a_real_run_tells_seconds_and_query_of_each_model(dbt: Bench) -> None:
    """As dbt measured and the warehouse named them; the session's tag names stage and run."""
    execute(dbt.connection, "DELETE FROM OPS.MODEL_RUNS")
    dbt.load("events", 1, {"transactions": [bought("completed")]})
    built = dbt.handle("events", 1)
    rows = execute(dbt.connection, "SELECT MODEL, SECONDS, QUERY_ID FROM OPS.MODEL_RUNS")
    assert {(model, seconds) for model, seconds, _ in rows} == {(m.name, m.seconds) for m in built.models}
    queries = [query for *_, query in rows]
    assert None not in queries
    assert len(set(queries)) == len(built.models)


def test_the_rows_of_a_failed_test_can_be_seen(dbt: Bench) -> None:
    """The row names test, run and count; its query shows them; a repeat of the run is no second failure."""
    execute(dbt.connection, "DELETE FROM OPS.FAILED_TESTS")
    dbt.load("events", 1, {"transactions": [bought("lost")]})
    for _ in range(2):
        with pytest.raises(DataTestFailed, match=r"OPS\.FAILED_TESTS"):
            dbt.handle("events", 1)
    query = "SELECT DATASET, RUN_ID, FROM_SEQ, TO_SEQ, ROWS_FAILED, TEST, QUERY FROM OPS.FAILED_TESTS"
    ((*told, test, shown),) = execute(dbt.connection, query)
    assert told == ["events", "events-1", 0, 1, 1]
    assert test.startswith("accepted_values_fct_transactions_status")
    assert execute(dbt.connection, shown)[0][0] == "lost"


def bought(status: str) -> dict[str, object]:
    return {"transaction_id": "t1", "product_id": "p1", "total_amount": Decimal(1), "status": status}
