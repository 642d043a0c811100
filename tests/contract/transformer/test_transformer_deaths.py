"""The real build dies at each of its places: the next process publishes the run as if nothing had been."""

from decimal import Decimal

import pytest
from places import PLACES
from transformer_bench import Bench, Row

from tidemark.failpoints import ARMED, FailpointError
from tidemark_warehouse import execute

pytestmark = pytest.mark.lab

OWN = [place for place in PLACES if place.startswith("transformer.") and not place.endswith("produce")]
IN_CI = ["transformer.before-commit"]
PUBLISHED = ("transformer.after-commit",)  # what comes after is the receipt's way to Kafka


def bought(total: int) -> dict[str, list[Row]]:
    row = {"transaction_id": "t1", "product_id": "p1", "total_amount": Decimal(total), "status": "completed"}
    return {"transactions": [row]}


def total(dbt: Bench) -> Decimal:
    return Decimal(dbt.rows("MARTS.fct_transactions")[0]["total_amount"])


@pytest.mark.parametrize("places", [IN_CI, pytest.param(OWN, marks=pytest.mark.soak)], ids=["one place", "each"])
def test_the_next_process_publishes_the_run(dbt: Bench, monkeypatch: pytest.MonkeyPatch, places: list[str]) -> None:
    """Before the commit nothing of the run is seen, after it all; one row of the ledger, also after a second try."""
    dbt.load("events", 1, bought(1))
    dbt.handle("events", 1)
    for run_seq, place in enumerate(places, 2):
        dbt.load("events", run_seq, bought(run_seq))
        with monkeypatch.context() as armed:
            armed.setenv(ARMED, f"{place}=raise")
            with pytest.raises(FailpointError, match=place):
                dbt.handle("events", run_seq)
        assert total(dbt) == (run_seq if place in PUBLISHED else run_seq - 1), place
        dbt.ports = dbt.process()
        built = dbt.handle("events", run_seq)
        assert (built.from_seq, built.to_seq, total(dbt)) == (run_seq - 1, run_seq, run_seq), place
    ledger = execute(dbt.connection, "SELECT TO_SEQ FROM OPS.PUBLISH_LEDGER ORDER BY TO_SEQ")
    assert [seq for (seq,) in ledger] == list(range(1, len(places) + 2))
