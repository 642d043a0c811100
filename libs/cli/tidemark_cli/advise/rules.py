"""All rules, each with the evidence that it judges; docs/advise.md says the same, a test holds them together."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tidemark_cli.advise import model_rules, snowflake_rules, spark_rules
from tidemark_cli.advise.evidence import Advice, Evidence


class Rule(Struct, frozen=True):
    """`source` is the field of Evidence that `judge` gets."""

    name: str
    source: str
    judge: Callable[[Sequence[Any]], list[Advice]]


RULES = (
    Rule("warehouse-too-small", "warehouses", snowflake_rules.too_small),
    Rule("warehouse-too-large", "warehouses", snowflake_rules.too_large),
    Rule("auto-suspend", "warehouses", snowflake_rules.suspends_late),
    Rule("spill", "queries", snowflake_rules.spills),
    Rule("pruning", "queries", snowflake_rules.prunes_badly),
    Rule("clustering-depth", "clustering", snowflake_rules.clustered_badly),
    Rule("small-files", "loads", model_rules.small_files),
    Rule("incremental-candidate", "model_runs", model_rules.could_be_incremental),
    Rule("full-refresh", "model_runs", model_rules.full_refreshes),
    Rule("never-read", "reads", model_rules.never_read),
    Rule("idle-executors", "spark_runs", spark_rules.idle_executors),
    Rule("skew", "spark_runs", spark_rules.skewed),
    Rule("spark-spill", "spark_runs", spark_rules.spark_spills),
)


def judge(evidence: Evidence) -> list[Advice]:
    """What the rules say, the largest saving of each unit first."""
    found = [
        replace(advice, rule=rule.name) for rule in RULES for advice in rule.judge(getattr(evidence, rule.source) or [])
    ]
    return sorted(found, key=lambda advice: (advice.unit, -advice.saving))


def without_evidence(evidence: Evidence) -> dict[str, str]:
    """The rules that could not judge, each with the reason."""
    return {
        rule.name: evidence.missing.get(rule.source) or "nothing has been recorded yet"
        for rule in RULES
        if not getattr(evidence, rule.source)
    }
