"""Evidence where Snowflake's history exists, from rows as its views would give them."""

import json
from typing import Any

from tidemark_cli.advise.evidence import Clustering, Evidence, Reads, Warehouse
from tidemark_cli.advise.gather import NO_ACCESS, gather
from tidemark_cli.advise.rules import judge
from tidemark_cli.lineage import PROJECT
from tidemark_warehouse import load

SQL = load("tidemark_cli")
ANSWERS: dict[str, list[tuple[Any, ...]]] = {
    "shown_warehouses": [("TIDEMARK_LOAD", "Small", 600), ("TIDEMARK_READ", "X-Small", None)],
    "warehouse_use": [
        ("TIDEMARK_LOAD", 10, 100.0, 50.0, 3.0, 0, 4.0, 1.0),
        ("TIDEMARK_READ", 1, 1.0, 0.0, 3.0, 0, 2.0, 1.0),
        ("TIDEMARK_OLD", 1, 1.0, 0.0, 3.0, 0, 2.0, 1.0),
    ],
    "queries": [("transformer", "fct_orders", 3, 2.0, 0, 0, 1, 0, 5, 2.0)],
    "clustered_tables": [("RAW.ORDERS",)],
    "clustering": [(json.dumps({"total_partition_count": 2000, "average_depth": 20.5}),)],
    "mart_reads": [("fct_orders", 7)],
    "marts": [("fct_orders", 9.0), ("product_performance", 4.0), ("dim_products", 1.0)],
}


class Session:
    """A connection and cursor that answers each statement by its name; what it does not know has no rows."""

    def __init__(self, **answers: list[tuple[Any, ...]]) -> None:
        self._answers = {SQL[name]: rows for name, rows in {**ANSWERS, **answers}.items()}
        self._rows: list[tuple[Any, ...]] = []

    def cursor(self) -> "Session":
        return self

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def execute(self, statement: str, _: object = None) -> None:
        self._rows = self._answers.get(statement, [])

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows


def evidence(**answers: list[tuple[Any, ...]]) -> Evidence:
    session: Any = Session(**answers)
    return gather(session, [], PROJECT)


def test_every_source_becomes_evidence() -> None:
    """A warehouse that is gone since is left out; of a mart it is known what is made from it."""
    found = evidence()
    assert [(w.name, w.size, w.auto_suspend) for w in found.warehouses or []] == [
        ("TIDEMARK_LOAD", "Small", 600),
        ("TIDEMARK_READ", "X-Small", None),
    ]
    first = (found.warehouses or [])[0]
    assert isinstance(first, Warehouse)
    assert (first.queued_seconds, first.credits, first.query_credits) == (50.0, 4.0, 1.0)
    assert found.clustering == [Clustering(table="RAW.ORDERS", partitions=2000, depth=20.5)]
    reads = {read.model: read for read in found.reads or []}
    assert reads["product_performance"] == Reads(model="product_performance", reads=0, seconds=4.0, feeds=0)
    assert reads["fct_orders"].reads == 7


def test_the_rules_judge_it() -> None:
    """From Snowflake's rows to advice, whole."""
    assert {advice.rule for advice in judge(evidence())} == {
        "warehouse-too-small",
        "auto-suspend",
        "spill",
        "clustering-depth",
        "never-read",
    }


def test_an_access_history_without_rows_tells_nothing() -> None:
    """Where nothing is recorded, nothing must look unread."""
    found = evidence(mart_reads=[])
    assert (found.reads, found.missing["reads"]) == (None, NO_ACCESS)
