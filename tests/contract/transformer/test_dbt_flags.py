"""exclude_flagged on the real dbt: which rows leave which marts, and what a change of it computes anew."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace
from transformer_bench import Bench, Row, moment

from reconciler.layers import MARTS_OF_ROWS
from reconciler.snowflake import Session, Snowflake
from tidemark.settings import load
from tidemark.tables import registry
from transformer.__main__ import real_ports
from transformer.settings import TransformerSettings

pytestmark = pytest.mark.lab

KEYS = {"dim_customers": "user_id", "dim_products": "product_id", "fct_orders": "order_id"}
KEYS |= {"fct_order_items": "order_item_id", "customer_lifetime_value": "user_id", "product_performance": "product_id"}
ALL = {
    "dim_customers": [1, 2, 3, 4],
    "dim_products": [1, 2],
    "fct_orders": [1, 2, 3, 4],
    "fct_order_items": [1, 2, 3, 4, 5],
    "customer_lifetime_value": [1, 2, 3, 4],
    "product_performance": [1, 2],
}
# users 2 and 3 share an e-mail, order 2 is flagged, item 3 too, and so is product 2
KEPT = {
    "dim_customers": [1, 4],
    "dim_products": [1],
    "fct_orders": [1, 4],
    "fct_order_items": [1],
    "customer_lifetime_value": [1, 4],
    "product_performance": [1],
}


@pytest.fixture
def dbt(dbt: Bench) -> Iterator[Bench]:
    """Whose other tests are not to see what is set here."""
    ports = dbt.ports
    yield dbt
    dbt.ports = ports


def load_shop(dbt: Bench) -> None:
    """Four orders of four users, each flagged in another way but the first and the last."""
    emails = {1: "a", 2: "same", 3: "same", 4: "d"}
    flags = {2: "status_known"}
    orders = [order(key, user, flags.get(key)) for key, user in ((1, 1), (2, 4), (3, 2), (4, 1))]
    items = [(1, 1, 1), (2, 2, 1), (3, 4, 1), (4, 3, 1), (5, 4, 2)]
    dbt.load(
        "ecommerce",
        1,
        {
            "users": [{"id": key, "email": email} for key, email in emails.items()],
            "products": [{"id": 1}, {"id": 2, "_flags": "price_known"}],
            "orders": orders,
            "order_items": [
                {"id": key, "order_id": of, "product_id": product, "_flags": "quantity_known" if key == 3 else None}
                for key, of, product in items
            ],
        },
    )


def order(key: int, user_id: int, flags: str | None) -> Row:
    status = "lost" if flags else "shipped"
    at = moment(-1)
    return {
        "id": key,
        "user_id": user_id,
        "status": status,
        "total_amount": Decimal(10) ** key,
        "created_at": at,
        "_flags": flags,
    }


def marts(dbt: Bench) -> dict[str, list[int]]:
    return {mart: [row[key] for row in dbt.rows(f"MARTS.{mart}", key)] for mart, key in KEYS.items()}


def assert_layers_agree(dbt: Bench) -> None:
    """The reconciler, which knows of the setting from the warehouse alone, finds no difference."""
    side = Snowflake(Session(dbt.settings))
    published = side.published("ecommerce")
    assert published is not None
    for name, mart in MARTS_OF_ROWS.items():
        table = registry().tables[name]
        assert side.live(name, table, published.exclude_flagged) == side.mart(mart, table), mart


def test_flagged_rows_are_kept_or_leave_all_marts_together_with_what_belongs_to_them(dbt: Bench) -> None:
    """A change of the setting is taken up by the next run, though it has no rows, and back; the layers always agree."""
    load_shop(dbt)
    with_all = dbt.ports
    dbt.handle("ecommerce", 1)
    assert marts(dbt) == ALL
    assert_layers_agree(dbt)
    dbt.ports = replace(with_all, exclude_flagged=True)
    dbt.load("ecommerce", 2, {})
    built = dbt.handle("ecommerce", 2)
    assert (built.from_seq, built.to_seq) == (0, 2)
    assert marts(dbt) == KEPT
    assert_layers_agree(dbt)
    (day,) = [row for row in dbt.rows("MARTS.daily_business_metrics") if row["orders"]]
    assert (day["orders"], day["revenue"], day["ordering_customers"]) == (2, Decimal("10010.00"), 1)
    assert {row["user_id"]: row["orders"] for row in dbt.rows("MARTS.customer_lifetime_value")} == {1: 2, 4: 0}
    assert [row["id"] for row in dbt.rows("STAGING.live_orders")] == [1, 2, 3, 4]
    dbt.load("ecommerce", 3, {"users": [{"id": 3, "email": "another"}]})
    assert dbt.handle("ecommerce", 3).from_seq == 2
    assert marts(dbt)["dim_customers"] == [1, 2, 3, 4]
    assert marts(dbt)["fct_orders"] == [1, 3, 4]
    assert_layers_agree(dbt)
    dbt.ports = with_all
    dbt.load("ecommerce", 4, {})
    dbt.handle("ecommerce", 4)
    assert marts(dbt) == ALL
    assert_layers_agree(dbt)


def test_what_is_held_against_the_speed_layer_leaves_nothing_out(dbt: Bench) -> None:
    """The speed layer has no flags: without such a row the two would never agree again."""
    dbt.ports = replace(dbt.ports, exclude_flagged=True)
    lost = {"transaction_id": "t", "product_id": "p", "status": "lost", "_flags": "status_known"}
    dbt.load("events", 1, {"transactions": [lost]})
    dbt.handle("events", 1)
    assert [row["flags"] for row in dbt.rows("MARTS.fct_transactions")] == ["status_known"]


def test_a_setting_of_the_process_says_it(dbt: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TIDEMARK_EXCLUDE_FLAGGED; not set, flagged rows are kept."""
    for name, value in {**dbt.environment, "TIDEMARK_KAFKA_BOOTSTRAP": "127.0.0.1:1"}.items():
        monkeypatch.setenv(name, value)
    found = [real_ports(load(TransformerSettings), tmp_path).exclude_flagged]
    monkeypatch.setenv("TIDEMARK_EXCLUDE_FLAGGED", "true")
    found.append(real_ports(load(TransformerSettings), tmp_path).exclude_flagged)
    assert found == [False, True]
