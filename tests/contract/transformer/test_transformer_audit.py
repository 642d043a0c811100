"""OPS.AUDIT as the transformer fills it: published tables made and grown, publications with counts."""

from contextlib import closing
from functools import partial

import pytest
from msgspec.structs import replace
from publication_benches import COLUMNS, DAYS, EMPTY, RealBench, publication, receipt_of
from transformer_bench import Database

from tidemark_warehouse import execute, quote

pytestmark = pytest.mark.lab


def test_a_published_table_s_changes_are_audited(database: Database) -> None:
    """Created, a column added, a view; each with its run; and the publication with its rows."""
    execute(database.connection, "DELETE FROM OPS.AUDIT")
    with closing(RealBench(database)) as bench:
        warehouse = bench.warehouse()
        for run_seq, column in ((1, None), (2, "extra")):
            warehouse.prepare(EMPTY)
            bench.put(warehouse, DAYS, [(1, "a", None)])
            if column:
                build = quote(warehouse.build_schema, DAYS.name)
                execute(database.connection, f"ALTER TABLE {build} ADD COLUMN {quote(column)} VARCHAR")
            told = publication(
                [DAYS, replace(DAYS, name="live_days", kind="view")], run_seq, warehouse.position("ecommerce")
            )
            told = replace(told, views={"live_days": "SELECT 1 AS ID"})
            warehouse.publish(told, partial(receipt_of, told))
    query = "SELECT RUN_ID, ACTOR, ACTION, OBJECT, DETAIL FROM OPS.AUDIT ORDER BY 1, 4, 5"
    assert execute(database.connection, query) == [
        ("ecommerce-1", "transformer", "ddl", "MARTS.DAYS", f"created with {len(COLUMNS)} columns"),
        ("ecommerce-1", "transformer", "ddl", "MARTS.LIVE_DAYS", "create or replace view"),
        ("ecommerce-1", "transformer", "publish", "ecommerce", "1 rows of 1 models, runs (0, 1]"),
        ("ecommerce-2", "transformer", "ddl", "MARTS.DAYS", "add column EXTRA TEXT"),
        ("ecommerce-2", "transformer", "publish", "ecommerce", "0 rows of 1 models, runs (1, 2]"),
    ]
