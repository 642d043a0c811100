"""What each model must hold, by its name: its key's columns, and each key's values, from the oracle."""

from collections.abc import Mapping
from typing import Any

import oracle_customers as customers
import oracle_orders as orders
import oracle_products as products
from oracle_shop import Shop
from oracle_versions import Row, history

Answers = tuple[list[str], dict[Any, Row]]


def answers(shop: Shop) -> dict[str, Answers]:
    """All models' answers."""
    people, stock = customers.lifetime_value(shop), products.inventory_daily(shop)
    exact = {key: {n: v for n, v in row.items() if n not in ("values", "rate", "value")} for key, row in people.items()}
    return {
        "dim_customers_history": (["user_id", "version"], _stretches(shop, "users", "email first_name last_name")),
        "dim_products_history": (["product_id", "version"], _stretches(shop, "products", "name price category")),
        "fct_order_items": (["order_item_id"], _items(shop)),
        "fct_order_status_transitions": (
            ["order_id", "step"],
            {(t["order_id"], t["step"]): t for t in shop.transitions},
        ),
        "fct_inventory_daily": (["product_id", "date_day"], _named(stock, "stock_quantity units_sold is_stock_out")),
        "customer_lifetime_value": (["user_id"], exact),
        "customer_cohorts": (
            ["cohort_month", "months_since"],
            _named(customers.cohorts(shop, people), "customers active_customers retention_percent orders revenue"),
        ),
        "customer_segments": (["user_id"], customers.segments(shop, people)),
        "product_performance": (["product_id"], products.performance(shop)),
        "order_status_analysis": (["status"], orders.statuses(shop)),
        "shipping_patterns": (["region", "weekday"], orders.shipping(shop)),
        "order_cancellations": (
            ["value_from", "cancelled_from"],
            _named(
                orders.cancellations(shop),
                "orders_in_band cancelled_orders cancelled_amount cancelled_of_band_percent",
            ),
        ),
        "inventory_insights": (["product_id"], products.insights(shop, stock)),
        "daily_business_metrics": (["metric_date"], orders.daily(shop)),
    }


def predictions(shop: Shop) -> dict[int, tuple[float, float]]:
    """Each customer's orders in 365 days, and the value of one."""
    return {key: (365 * c["rate"], c["value"]) for key, c in customers.lifetime_value(shop).items()}


def _named(values: Mapping[Any, tuple[Any, ...]], columns: str) -> dict[Any, Row]:
    return {key: dict(zip(columns.split(), row, strict=True)) for key, row in values.items()}


def _stretches(shop: Shop, table: str, tracked: str) -> dict[Any, Row]:
    found = [s for every in shop.versions[table].values() for s in history(every, tracked.split())]
    columns = [*tracked.split(), "valid_from", "valid_to"]
    return {(s["id"], s["version"]): {column: s[column] for column in columns} for s in found}


def _items(shop: Shop) -> dict[Any, Row]:
    columns = ("order_id", "product_id", "quantity", "unit_price", "list_price")
    return {key: {column: item[column] for column in columns} for key, item in shop.items.items()}
