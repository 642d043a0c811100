"""Every model's key is tested, and every foreign key of the shop's models leads somewhere."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOREIGN = ("user_id", "product_id", "order_id")
# they pick rows of a tested model and join their parents, so they cannot fail
VIEWS = ("live_users", "live_products", "live_orders", "live_order_items")
# ids of the events' world: RAW holds no table of its users and products, and a transaction needs no event
WITHOUT_PARENTS = ("stg_user_events", "stg_transactions", "fct_transactions", "fct_sessions")


def _models() -> list[dict[str, Any]]:
    documents = [yaml.safe_load(path.read_text()) for path in (ROOT / "dbt" / "models").rglob("*.yml")]
    return [model for document in documents for model in document.get("models", [])]


def _tests(column: dict[str, Any]) -> set[str]:
    return {test if isinstance(test, str) else next(iter(test)) for test in column.get("data_tests", [])}


def _tested(model: dict[str, Any]) -> dict[str, set[str]]:
    return {column["name"]: _tests(column) for column in model["columns"]}


def test_every_key_is_tested() -> None:
    """The unique_key by which a model is published is unique and never null, by one test a model."""
    untested = []
    for model in _models():
        keys = [test.get("primary_key") for test in model.get("data_tests", [])]
        tested = [test["arguments"]["columns"] for test in keys if test]
        untested += [] if tested == [model["config"]["meta"]["unique_key"]] else [model["name"]]
    assert sorted(untested) == sorted(VIEWS)


def test_every_foreign_key_is_tested() -> None:
    """A column that names a row of another model has a relationships test; a model's own key need not."""
    missing = [
        f"{model['name']}.{column}"
        for model in _models()
        if model["name"] not in (*WITHOUT_PARENTS, *VIEWS)
        for column, tests in _tested(model).items()
        if column in FOREIGN and [column] != model["config"]["meta"]["unique_key"] and "relationships" not in tests
    ]
    assert missing == []
