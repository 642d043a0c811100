"""Who reads while the transformer works sees a run's rows or the next one's, in every table, and never an error."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from decimal import Decimal
from threading import Event

import pytest
from transformer_bench import Bench, Row

from tidemark.errors import DataTestFailed
from tidemark_warehouse import connect, execute

pytestmark = pytest.mark.lab

TOTALS = (
    "SELECT (SELECT SUM(TOTAL_AMOUNT) FROM STAGING.STG_TRANSACTIONS), "
    "(SELECT SUM(TOTAL_AMOUNT) FROM MARTS.FCT_TRANSACTIONS)"
)
Seen = list[tuple[Decimal, Decimal]]


@contextmanager
def reading(dbt: Bench) -> Iterator[Seen]:
    """A reader in a loop, with a session of its own; what it saw, in order. Its error is raised at the end."""
    seen: Seen = []
    begun, stop = Event(), Event()

    def read() -> None:
        with closing(connect(dbt.settings)) as session:
            while not stop.is_set():
                seen.append(execute(session, TOTALS)[0])
                begun.set()
            seen.append(execute(session, TOTALS)[0])

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read)
        try:
            assert begun.wait(60)
            yield seen
        finally:
            stop.set()
            reader.result()


def bought(total: str, status: str = "completed") -> dict[str, list[Row]]:
    row = {"transaction_id": "t1", "product_id": "p1", "total_amount": Decimal(total), "status": status}
    return {"transactions": [row]}


def test_a_reader_in_a_loop_sees_whole_publications(dbt: Bench) -> None:
    """A run that fails its tests shows nothing; one that succeeds shows all of it at once; so does a rebuild."""
    one, three = (Decimal("1.00"), Decimal("1.00")), (Decimal("3.00"), Decimal("3.00"))
    dbt.load("events", 1, bought("1.00"))
    dbt.handle("events", 1)
    dbt.load("events", 2, bought("2.00", "lost"))
    with reading(dbt) as seen, pytest.raises(DataTestFailed):
        dbt.handle("events", 2)
    assert set(seen) == {one}
    dbt.load("events", 3, bought("3.00"))
    with reading(dbt) as seen:
        dbt.handle("events", 3)
    assert list(dict.fromkeys(seen)) == [one, three]
    assert seen == sorted(seen)
    dbt.load("events", 4, {})
    with reading(dbt) as seen:
        dbt.handle("events", 4, "rebuild", generation=2)
    assert set(seen) == {three}
