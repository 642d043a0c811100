"""Every rule of `tidemark advise` on hand-made evidence: a row that makes it speak, and rows at which it is silent."""

from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace
from terminal import printed

from tidemark_cli.advise import thresholds as t
from tidemark_cli.advise.command import advice_view
from tidemark_cli.advise.evidence import (
    Advice,
    Clustering,
    Evidence,
    Loads,
    ModelRuns,
    Queries,
    Reads,
    SparkRun,
    Warehouse,
)
from tidemark_cli.advise.rules import RULES, judge, without_evidence

# As they should be: no rule says anything about these.
WAREHOUSE = Warehouse(
    name="TIDEMARK_LOAD",
    size="X-Small",
    auto_suspend=60,
    queries=100,
    running_seconds=1000.0,
    queued_seconds=50.0,
    p90_seconds=5.0,
    spilled_bytes=0,
    credits=20.0,
    query_credits=12.0,
)
QUERIES = Queries(
    stage="transformer",
    model="fct_orders",
    queries=10,
    credits=8.0,
    partitions_scanned=100,
    partitions_total=1000,
    spilled_queries=0,
    spilled_local=0,
    spilled_remote=0,
    spilled_credits=0.0,
)
CLUSTERING = Clustering(table="RAW.ORDERS", partitions=5000, depth=4.0)
LOADS = Loads(table="orders", runs=10, files=200, bytes=20_000 * t.MB, seconds=400.0)
MODEL = ModelRuns(
    model="fct_orders",
    kind="incremental",
    rows=2_000_000,
    runs=20,
    changed=20_000,
    seconds=300.0,
    full_runs=2,
    full_seconds=120.0,
)
READS = Reads(model="product_performance", reads=5, seconds=30.0, feeds=0)
SPARK = SparkRun(run="ecommerce#3", seconds=100.0, slots=4, busy_seconds=300.0, spilled_bytes=0, skewed=0)
GOOD: dict[str, Any] = {
    "warehouses": WAREHOUSE,
    "queries": QUERIES,
    "clustering": CLUSTERING,
    "loads": LOADS,
    "model_runs": MODEL,
    "reads": READS,
    "spark_runs": SPARK,
}


class Case(NamedTuple):
    """A rule, what about the good row makes it speak, the saving; and what nearly does, but must not."""

    rule: str
    bad: dict[str, Any]
    saving: float
    silent: list[dict[str, Any]]


CASES = [
    Case(
        "warehouse-too-small", {"queued_seconds": 200.0}, 200.0, [{"running_seconds": 0.0}, {"queued_seconds": 100.0}]
    ),
    Case(
        "warehouse-too-large",
        {"size": "Medium", "queued_seconds": 0.0},
        10.0,
        [
            {"size": "X-Small", "queued_seconds": 0.0},
            {"size": "Medium", "queued_seconds": 20.0},
            {"size": "Medium", "queued_seconds": 0.0, "p90_seconds": 30.0},
            {"size": "Medium", "queued_seconds": 0.0, "spilled_bytes": 1},
        ],
    ),
    Case("auto-suspend", {"auto_suspend": 600}, 7.2, [{"auto_suspend": 30}, {"auto_suspend": 600, "credits": 12.0}]),
    Case("auto-suspend", {"auto_suspend": None}, 8.0, []),
    Case(
        "spill",
        {"spilled_remote": 1, "spilled_queries": 1, "spilled_credits": 2.0},
        2.0,
        [{"spilled_local": t.GB - 1, "spilled_queries": 1}],
    ),
    Case("spill", {"spilled_local": t.GB, "spilled_queries": 1, "spilled_credits": 3.0}, 3.0, []),
    Case(
        "pruning",
        {"partitions_scanned": 1000},
        4.0,
        [{"partitions_scanned": 500}, {"partitions_scanned": 999, "partitions_total": 999}, {"partitions_total": 0}],
    ),
    Case("clustering-depth", {"depth": 21.0}, 20.0, [{"depth": 16.0}, {"depth": 21.0, "partitions": 999}]),
    Case(
        "small-files",
        {"bytes": 100 * t.MB},
        380.0,
        [{"files": 99, "bytes": t.MB}, {"runs": 200, "bytes": 100 * t.MB}],
    ),
    Case(
        "incremental-candidate",
        {"kind": "table"},
        299.85,
        [{"kind": "table", "rows": 999_999}, {"kind": "table", "runs": 4}, {"kind": "table", "changed": 2_000_000}],
    ),
    Case(
        "full-refresh",
        {"full_runs": 4, "full_seconds": 140.0},
        100.0,
        [
            {"full_runs": 0, "full_seconds": 0.0},
            {"full_runs": 20, "full_seconds": 300.0},
            {"kind": "view", "full_runs": 4},
        ],
    ),
    Case("never-read", {"reads": 0}, 30.0, [{"reads": 0, "feeds": 1}]),
    Case("idle-executors", {"busy_seconds": 100.0}, 200.0, [{"seconds": 59.0, "busy_seconds": 1.0}, {"slots": 1}]),
    Case("skew", {"skewed": 2}, 100.0, []),
    Case("spark-spill", {"spilled_bytes": 1}, 300.0, []),
]


def advice_on(rule: str, change: dict[str, Any]) -> list[Advice]:
    """What the rule says of the good row with a change."""
    (found,) = [r for r in RULES if r.name == rule]
    return [a for a in judge(Evidence(**{found.source: [replace(GOOD[found.source], **change)]})) if a.rule == rule]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_rule_speaks_with_evidence_and_a_reckoned_saving(case: Case) -> None:
    """One piece of advice; its figures, its saving and how that was reckoned, and something to do."""
    (advice,) = advice_on(case.rule, case.bad)
    assert advice.saving == pytest.approx(case.saving)
    assert advice.evidence
    assert advice.reckoned
    assert advice.what_to_do


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_rule_is_silent_short_of_its_threshold(case: Case) -> None:
    """Of what is as it should be, and of what is nearly not."""
    assert [change for change in [{}, *case.silent] if advice_on(case.rule, change)] == []


def test_every_rule_is_tested() -> None:
    """A new rule needs its case."""
    assert {case.rule for case in CASES} == {rule.name for rule in RULES}


def test_without_evidence_there_is_no_advice_and_the_rules_are_listed() -> None:
    """Of a source that is missing the reason is told; of one that is empty, that nothing has been recorded."""
    evidence = Evidence(loads=[], missing={"warehouses": "not here"})
    assert judge(evidence) == []
    silent = without_evidence(evidence)
    assert silent.keys() == {rule.name for rule in RULES}
    assert (silent["auto-suspend"], silent["small-files"]) == ("not here", "nothing has been recorded yet")


def test_the_largest_saving_of_a_unit_comes_first() -> None:
    """Credits are not held against seconds."""
    small, large = (replace(WAREHOUSE, name=name, queued_seconds=s) for name, s in (("A", 150.0), ("B", 900.0)))
    late = replace(WAREHOUSE, name="C", auto_suspend=None)
    assert [advice.subject for advice in judge(Evidence(warehouses=[small, large, late]))] == ["C", "B", "A"]


def test_what_the_terminal_shows() -> None:
    """A block for each piece of advice; hostile names do nothing; 80 columns are enough."""
    rows = [replace(READS, reads=0, model="[red]m\x1b[2J" + "x" * 90)]
    shown = printed(advice_view(judge(Evidence(reads=rows)), {"spill": "not here"}))
    for text in ("Mart that nobody reads", "about 30 seconds", "Rules without evidence", "not here"):
        assert text in shown
    assert "\x1b" not in shown
    assert "no advice" in printed(advice_view([], {}))
