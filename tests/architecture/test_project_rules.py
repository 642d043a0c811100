"""The dbt project by the rules of dbt-project-evaluator that fit it, under their names; every exception has its reason.

Keys and relationships are test_models_are_tested.py's, columns in step with the build the transformer's contract's.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "dbt" / "models"
REF, SOURCE = (
    re.compile(r"\bref\('(\w+)'\)"),
    re.compile(r"\b(?:source\('raw', |changes_of_window\(|touched_keys\()'(\w+)'"),
)
HARD_CODED = re.compile(r"\b(?:from|join)\s+(?:\w+\.\w+|\w*(?:raw|staging|marts)\.)", re.IGNORECASE)
REPORT = ROOT / "libs/cli/tidemark_cli/report/sql"

# rule: {model: why it may break it}
VERSIONS = "a model per grain: the row that counts now, and every version of it"
LIVE = "the view that readers of staging read: a table's live rows, which ends where their parents' lives end"
TOUCHED = "RAW alone tells which keys a window touched: a staging row's _run_seq does not (ADR 15)"
INCREMENTAL = ("fct_inventory_daily", "fct_order_status_transitions", "fct_sessions", "fct_transactions")
EXCEPTED: dict[str, dict[str, str]] = {
    "staging models dependent on other staging models": dict.fromkeys(
        ("live_users", "live_products", "live_orders", "live_order_items"), LIVE
    ),
    "source fanout": dict.fromkeys(("users", "products", "orders"), VERSIONS)
    | dict.fromkeys(("user_events", "transactions"), TOUCHED),
    "direct join to source": dict.fromkeys(INCREMENTAL, TOUCHED),
    "downstream models dependent on source": dict.fromkeys(INCREMENTAL, TOUCHED),
    "multiple sources joined": {"fct_sessions": TOUCHED},
    "too many joins": {"fct_inventory_daily": "days meet versions, sales and the calendar, an increment what is there"},
    "model fanout": {
        "fct_orders": "every mart of customers and orders begins here; a layer between would only pass it on",
        "fct_order_status_transitions": "what became of orders, asked by status, value, region and product",
    },
    "rejoining of upstream concepts": {
        "inventory_insights": "demand needs the items, which days of stock do not have",
        "fct_order_items": "an order's user and time are no columns of its items' view",
    },
}


class Model(NamedTuple):
    """A model as its file has it."""

    name: str
    folder: str
    text: str
    reads: set[str]
    sources: set[str]


def _models() -> list[Model]:
    found = []
    for path in sorted(MODELS.rglob("*.sql")):
        text = path.read_text()
        found.append(Model(path.stem, path.parent.name, text, set(REF.findall(text)), set(SOURCE.findall(text))))
    return found


ALL = _models()
CHILDREN = {model.name: {other.name for other in ALL if model.name in other.reads} for model in ALL}
FOLDER = {model.name: model.folder for model in ALL}
READ_BY = {table: {m.name for m in ALL if table in m.sources} for model in ALL for table in model.sources}
LAYERS = ("staging", "core", "marts")
PREFIXES = {"staging": ("stg_", "live_"), "core": ("dim_", "fct_")}


def _documents() -> list[dict[str, Any]]:
    return [yaml.safe_load(path.read_text()) for path in MODELS.rglob("*.yml")]


def _ends(model: Model) -> set[str]:
    """Its children that nothing reads."""
    return {child for child in CHILDREN[model.name] if not CHILDREN[child]}


def _rejoins(model: Model) -> bool:
    """Joins a parent with another parent that was made from it for this model alone."""
    return any(model.name in CHILDREN[other] and CHILDREN[other] == {model.name} for parent in model.reads
               for other in CHILDREN[parent] & model.reads)  # fmt: skip


def _described() -> set[str]:
    """Models with a description of their own and of each column."""
    models = [model for document in _documents() for model in document.get("models", [])]
    return {m["name"] for m in models if m.get("description") and all(c.get("description") for c in m["columns"])}


RULES: dict[str, Callable[[Model], bool]] = {
    "direct join to source": lambda m: bool(m.sources and m.reads),
    "downstream models dependent on source": lambda m: m.folder != "staging" and bool(m.sources),
    "multiple sources joined": lambda m: len(m.sources) > 1,
    "root models": lambda m: not m.sources and not m.reads,
    "staging models dependent on downstream models": lambda m: (
        m.folder == "staging" and any(FOLDER[name] != "staging" for name in m.reads)
    ),
    "staging models dependent on other staging models": lambda m: m.folder == "staging" and bool(m.reads),
    "core models dependent on marts": lambda m: m.folder == "core" and any(FOLDER[n] == "marts" for n in m.reads),
    "marts dependent on staging": lambda m: m.folder == "marts" and any(FOLDER[n] == "staging" for n in m.reads),
    "hard coded references": lambda m: bool(HARD_CODED.search(m.text)),
    "model fanout": lambda m: len(_ends(m)) > 3,
    "rejoining of upstream concepts": _rejoins,
    "too many joins": lambda m: len(re.findall(r"\bjoin\b", m.text)) > 7,
    "naming conventions": lambda m: not m.name.startswith(PREFIXES.get(m.folder, ("",))),
    "model directories": lambda m: m.folder not in LAYERS,
    "undocumented models": lambda m: m.name not in _described(),
}


@pytest.mark.parametrize("rule", RULES)
def test_rule(rule: str) -> None:
    """Exactly the models that are excepted break the rule."""
    assert [model.name for model in ALL if RULES[rule](model)] == sorted(EXCEPTED.get(rule, {}), key=list(FOLDER).index)


def test_source_fanout() -> None:
    """A source is read by one model, but where several grains are made of it."""
    assert {table for table, readers in READ_BY.items() if len(readers) > 1} == set(EXCEPTED["source fanout"])


def test_sources_are_described_and_used() -> None:
    """The evaluator's undocumented source tables and unused sources: none."""
    sources = [source for document in _documents() for source in document.get("sources", [])]
    tables = [table for source in sources for table in source["tables"]]
    assert all(source["description"] for source in sources)
    bare = [t["name"] for t in tables if not t["description"] or not all(c["description"] for c in t["columns"])]
    assert (bare, {table["name"] for table in tables} - set(READ_BY)) == ([], set())


def test_exposures_name_what_their_readers_read() -> None:
    """Every exposure reads published tables, no views; the report's are those in its SQL."""
    exposures = {e["name"]: e for document in _documents() for e in document.get("exposures", [])}
    read = {name: {REF.findall(text)[0] for text in e["depends_on"]} for name, e in exposures.items()}
    views = {model.name for model in ALL if "materialized='view'" in model.text}
    assert [name for name, models in read.items() if models & views or not models <= set(FOLDER)] == []
    asked = "".join(path.read_text() for path in REPORT.glob("*.sql"))
    assert read["kpi_report"] == {name.lower() for name in re.findall(r"\bMARTS\.(\w+)", asked)}
