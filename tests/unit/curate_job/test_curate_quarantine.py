"""What a person decides about rows in quarantine: judged again by today's rules, or let go. Counts stay whole."""

from decimal import Decimal
from typing import Any

from curate_lake import MANY_ROWS_IN_SOAK
from msgspec.structs import replace

from .source_rows import DAY, META, USERS, at, of, user

pytestmark = MANY_ROWS_IN_SOAK

PRODUCTS = (
    "id int, name string, description string, price string, stock_quantity int, category string, "
    f"created_at bigint, updated_at bigint, {META}"
)
ITEMS = (
    "id int, order_id int, product_id int, quantity int, unit_price decimal(10,2), created_at bigint, "
    f"updated_at bigint, {META}"
)
REFUSED = "_key, _rule, _reason, _run_seq"


def product(key: int, lsn: int, stock: int, op: str = "c", ts: int | None = None, name: str = "Lamp") -> Any:
    return (key, name, "", "1.00", stock, "home", DAY, DAY, op, at(ts or lsn), at(lsn), lsn)


def allow(lake: Any, table: str, *rules: str) -> None:
    """Keep only these rules of the table."""
    contract = lake.contracts[table]
    lake.contracts[table] = replace(contract, rules=[rule for rule in contract.rules if rule.name in rules])


def test_a_replay_judges_by_today_s_rules(lake: Any) -> None:
    """Now good: accepted, in its place of order. Still bad: it stays, since when it was refused, for today's reason."""
    rows = [product(1, 10, -1), product(1, 20, 5, "u"), product(2, 11, -2, ts=11), product(2, 11, -2, ts=9)]
    lake.append("products", [*rows, product(3, 12, -3)], PRODUCTS)
    lake.run()
    lake.append("products", [product(3, 12, -3, ts=8)], PRODUCTS)  # an earlier delivery of the same change is kept
    assert of(lake.run(), "products") == {"read": 1, "quarantined": 1}
    rules = lake.contracts["products"].rules
    stricter = [replace(r, name="stock_above_three", holds="stock_quantity > -3") for r in rules[1:]]
    lake.contracts["products"] = replace(lake.contracts["products"], rules=stricter)
    result = lake.run("replay", {"table": "products"})
    assert of(result, "products") == {"released": 3, "accepted": 2, "repeated": 1}
    assert lake.rows("products", "id, stock_quantity, _lsn, _run_seq") == [(1, 5, 20, 1), (2, -2, 11, 3)]
    assert lake.rows("products", REFUSED, "_quarantined") == [
        ("3", "stock_above_three", "stock_above_three does not hold", 2),
    ]
    allow(lake, "products")
    assert of(lake.run("replay", {"table": "products"}), "products") == {"released": 1, "accepted": 1}
    assert lake.rows("products", "*", "_quarantined") == []
    assert of(lake.run("replay", {"table": "products"}), "products") == {}


def test_a_replay_takes_only_what_is_selected(lake: Any) -> None:
    """By key and by rule; a delivery of what stays in quarantine is still a repeat."""
    hostile = (None, "x", "", "1.00", 1, "c'); DROP TABLE x; --", DAY, DAY, "c", at(5), at(5), 5)
    rows = [product(1, 10, -1), product(2, 11, -1), (3, "n", "", "x", 1, "", DAY, DAY, "c", at(3), at(3), 3), hostile]
    lake.append("products", rows, PRODUCTS)
    assert of(lake.run(), "products") == {"read": 4, "quarantined": 4}
    allow(lake, "products")
    chosen = {"table": "products", "keys": ["1", "3", "') OR 1=1 --"], "rule": "stock_not_negative"}
    assert of(lake.run("replay", chosen), "products") == {"released": 1, "accepted": 1}
    assert [row[0] for row in lake.rows("products", REFUSED, "_quarantined")] == ["", "2", "3"]
    lake.append("products", rows, PRODUCTS)
    assert of(lake.run(), "products") == {"read": 4, "repeated": 4}


def test_a_replayed_parent_frees_its_children_and_a_replayed_child_may_wait(lake: Any) -> None:
    """Replayed rows go every way that a new one goes."""
    price = Decimal("1.00")
    item = (1, 1, 7, 1, price, DAY, DAY, "c", at(30), at(30), 30)
    lake.append("users", [user(1, "c", 1, 1)], USERS)
    lake.append("products", [product(7, 10, -1)], PRODUCTS)
    lake.append("order_items", [item, (2, 1, 7, -1, price, DAY, DAY, "c", at(31), at(31), 31)], ITEMS)
    assert of(lake.run(), "order_items") == {"read": 2, "held": 1, "quarantined": 1}
    allow(lake, "order_items")
    assert of(lake.run("replay", {"table": "order_items"}), "order_items") == {"released": 1, "held": 1}
    allow(lake, "products")
    result = lake.run("replay", {"table": "products"})
    assert (of(result, "products"), of(result, "order_items")) == ({"released": 1, "accepted": 1}, {})
    assert {reason for (reason,) in lake.rows("order_items", "_reason", "_held")} == {
        "order_id=1: orders has no such key yet"
    }


def test_a_row_that_no_longer_fits_the_source_stays(lake: Any) -> None:
    """Its column was renamed, or its value cannot be read by today's type: nothing becomes null in silence."""
    lake.append("products", [product(1, 10, -1), product(2, 11, -2, name="Ö\u2028' \\\" x")], PRODUCTS)
    lake.run()
    lake.spark.sql(f"ALTER TABLE {lake.source('products')} RENAME COLUMN description TO about")
    lake.append("products", [product(3, 12, 3)], PRODUCTS.replace("description", "about"))
    lake.run()
    allow(lake, "products")
    assert of(lake.run("replay", {"table": "products"}), "products") == {}
    assert len(lake.rows("products", "*", "_quarantined")) == 2
    lake.spark.sql(f"ALTER TABLE {lake.source('products')} RENAME COLUMN about TO description")
    lake.append("products", [product(4, 13, 3)], PRODUCTS)
    lake.run()
    assert of(lake.run("replay", {"table": "products", "keys": ["2"]}), "products") == {"released": 1, "accepted": 1}
    assert lake.rows("products", "id, name, stock_quantity")[0] == (2, "Ö\u2028' \\\" x", -2)
    lake.spark.sql(f"ALTER TABLE {lake.source('products')} DROP COLUMN category")
    lake.spark.sql(f"ALTER TABLE {lake.source('products')} ADD COLUMN category int")
    numbered = (*product(5, 14, 3)[:5], 8, *product(5, 14, 3)[6:])
    lake.append("products", [numbered], PRODUCTS.replace("category string", "category int"))
    lake.run()
    assert of(lake.run("replay", {"table": "products"}), "products") == {}
    assert [row[0] for row in lake.rows("products", REFUSED, "_quarantined")] == ["1"]


def test_dropped_rows_are_gone_and_counted(lake: Any) -> None:
    """Of the rule and keys named, no other; a second drop finds nothing. What is delivered again is judged again."""
    rows = [product(1, 10, -1), product(2, 11, -1), product(3, 12, -1)]
    lake.append("products", rows, PRODUCTS)
    lake.run()
    allowed = lake.base["products"]["changes"]
    result = lake.run("drop", {"table": "products", "keys": ["1", "2"], "rule": "stock_not_negative"})
    told = next(table for table in result["tables"] if table["table"] == "products")
    assert (told["released"], told["dropped"], told["accepted"]) == (2, 2, 0)
    assert [row[0] for row in lake.rows("products", REFUSED, "_quarantined")] == ["3"]
    again = lake.run("drop", {"table": "products", "keys": ["1", "2"]})
    assert sum(table["dropped"] for table in again["tables"]) == 0
    assert lake.base["products"]["changes"] == allowed
    lake.append("products", rows, PRODUCTS)
    assert of(lake.run(), "products") == {"read": 3, "quarantined": 2, "repeated": 1}
    assert sum(table["dropped"] for table in lake.run("drop", {"table": "products"})["tables"]) == 3
    assert lake.rows("products", "*", "_quarantined") == []
