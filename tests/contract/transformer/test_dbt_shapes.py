"""What the registry says of a column's shape reaches staging and marts: wider types, with rows that need them."""

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal

import pytest
from msgspec.structs import replace
from transformer_bench import Bench, moment

from tidemark.tables import Registry, registry
from tidemark_warehouse import execute

pytestmark = [pytest.mark.lab, pytest.mark.soak]

WIDE = {"int": "long", "decimal(10,2)": "decimal(20,2)"}
HUGE, DEAR = 2**62, Decimal(2**60) / 100  # the emulator divides in floating point, which holds these exactly


@pytest.fixture
def own(environment: dict[str, str]) -> Iterator[Bench]:
    """A database of its own: its shape changes."""
    with closing(Bench(environment)) as made:
        yield made


def widened(known: Registry) -> Registry:
    """Every int a long, every decimal of more digits."""
    tables = {
        name: replace(
            table,
            columns={
                c: replace(column, type=WIDE.get(column.type, column.type)) for c, column in table.columns.items()
            },
        )
        for name, table in known.tables.items()
    }
    return replace(known, tables=tables)


def test_a_value_that_only_fits_the_wider_type_comes_to_the_marts(own: Bench) -> None:
    """Beside the rows that were there, without building them anew; published tables are altered, each with an audit
    row; views and marts follow. Later runs change no table any more."""
    order = {"id": 1, "status": "shipped", "created_at": moment(-1)}
    small = {"users": [{"id": 1}], "products": [{"id": 1}], "orders": [order], "order_items": [{"id": 1}]}
    bought = {"transaction_id": "t1", "product_id": "p1", "status": "completed"}
    purchase = {"event_type": "purchase", "timestamp": moment(0)}
    own.load("ecommerce", 1, small)
    own.load("events", 1, {"transactions": [bought], "user_events": [purchase | {"transaction_id": "t1"}]})
    for dataset in ("ecommerce", "events"):
        own.handle(dataset, 1)
    own.follow(widened(registry()))
    item = {"id": HUGE, "order_id": HUGE, "product_id": HUGE, "quantity": 7, "unit_price": DEAR}
    large = {
        "users": [{"id": HUGE}],
        "products": [{"id": HUGE, "price": DEAR, "stock_quantity": HUGE}],
        "orders": [order | {"id": HUGE, "user_id": HUGE, "total_amount": DEAR}],
        "order_items": [item],
    }
    more = {"event_id": "e2", "session_id": "s2", "transaction_id": "t2"}
    own.load("ecommerce", 2, large)
    dear = bought | {"transaction_id": "t2", "total_amount": DEAR, "quantity": HUGE}
    own.load("events", 2, {"transactions": [dear], "user_events": [purchase | more]})
    for dataset in ("ecommerce", "events"):
        built = own.handle(dataset, 2)
        assert built.from_seq == 1
    for name, key in {"stg_orders": "id", "live_orders": "id"}.items():
        found = own.rows(f"STAGING.{name}")
        assert [(row[key], row["total_amount"]) for row in found] == [(1, Decimal(1)), (HUGE, DEAR)]
    (fact,) = [row for row in own.rows("MARTS.fct_orders") if row["order_id"] == HUGE]
    assert (fact["revenue"], fact["items_amount"], fact["units"]) == (DEAR, DEAR * 7, 7)
    value = {row["user_id"]: row for row in own.rows("MARTS.customer_lifetime_value")}
    assert (value[HUGE]["lifetime_revenue"], value[HUGE]["average_order_value"]) == (DEAR, DEAR)
    (product,) = [row for row in own.rows("MARTS.product_performance") if row["product_id"] == HUGE]
    assert (product["price"], product["stock_quantity"], product["average_unit_price"]) == (DEAR, HUGE, DEAR)
    sessions = {row["session_id"]: row for row in own.rows("MARTS.fct_sessions")}
    assert (sessions["s2"]["total_spent"], sessions["s2"]["items_purchased"]) == (DEAR, HUGE)
    said = ddl(own, 2)
    assert ("STAGING.STG_USERS", "widen column ID: NUMBER(10,0) -> NUMBER(19,0)") in said
    assert ("MARTS.FCT_ORDERS", "widen column TOTAL_AMOUNT: NUMBER(10,2) -> NUMBER(20,2)") in said
    for dataset, rows in (("ecommerce", small), ("events", {"transactions": [bought]})):
        own.load(dataset, 3, rows)
        own.handle(dataset, 3)
    assert ddl(own, 3) == []


def ddl(bench: Bench, run_seq: int) -> list[tuple[str, str]]:
    """What the audit tells of changed shapes."""
    query = "SELECT OBJECT, DETAIL FROM OPS.AUDIT WHERE ACTION = 'ddl' AND RUN_ID LIKE %(run)s ORDER BY 1, 2"
    return execute(bench.connection, query, {"run": f"%-{run_seq}"})
