"""The metric catalogue (dbt/metrics.yml) and the marts say the same: one name, one formula."""

from collections import Counter
from pathlib import Path
from typing import Any

import yaml

DBT = Path(__file__).parents[2] / "dbt"
UNITS = {"money", "count", "percent", "days", "hours", "rate", "score"}
CATALOGUE: dict[str, Any] = yaml.safe_load((DBT / "metrics.yml").read_text())


def _carriers() -> dict[str, str]:
    """The metric of each catalogued column."""
    return {column: metric["name"] for metric in CATALOGUE["metrics"] for column in metric["columns"]}


def _columns(folder: str) -> dict[str, str]:
    """Each described column, as model.column, and its description."""
    documents = [yaml.safe_load(path.read_text()) for path in DBT.glob(f"models/{folder}/*.yml")]
    models = [model for document in documents for model in document.get("models", [])]
    return {f"{m['name']}.{c['name']}": c.get("description", "") for m in models for c in m["columns"]}


def test_a_metric_is_defined_once() -> None:
    """No name has two formulas, no formula two names, and no column is two metrics; each one says what it is."""
    metrics = CATALOGUE["metrics"]
    for what in ("name", "formula"):
        assert [v for v, times in Counter(metric[what] for metric in metrics).items() if times > 1] == []
    assert len(_carriers()) == sum(len(metric["columns"]) for metric in metrics)
    assert [m["name"] for m in metrics if m["unit"] not in UNITS or not m["columns"]] == []


def test_every_catalogued_column_is_described() -> None:
    """A metric's columns are columns of models, each with a description."""
    described = _columns("*")
    assert [column for column in _carriers() if not described.get(column)] == []


def test_every_figure_of_a_mart_is_catalogued() -> None:
    """A mart's column is an attribute or carries a metric, so that no figure goes without a formula."""
    known = _carriers()
    missing = [c for c in _columns("marts") if c.split(".")[1] not in CATALOGUE["attributes"] and c not in known]
    assert missing == []


def test_two_marts_never_give_one_name_to_two_figures() -> None:
    """Columns of one name carry one metric, and a column that is called like a metric carries that one."""
    meanings: dict[str, set[str]] = {}
    for column, metric in _carriers().items():
        meanings.setdefault(column.split(".")[1], set()).add(metric)
    names = {metric["name"] for metric in CATALOGUE["metrics"]}
    assert {name: found for name, found in meanings.items() if len(found) > 1} == {}
    assert {name: found for name, found in meanings.items() if name in names and found != {name}} == {}
