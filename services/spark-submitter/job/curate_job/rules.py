"""The registry's row rules: which rows cannot be used, and which are kept with a flag.

A rule holds only when it is true: null breaks it. Deletes are not judged. A row that did not fit its contract is not
judged either, for its values are not there. `_rule` and `_reason` say why a row cannot be used, null: it can.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from curate_job.manifest import Rule
from curate_job.order import json_of


def apply_rules(rows: DataFrame, rules: list[Rule]) -> DataFrame:
    """`_findings` and `_source` of cast rows become `_rule`, `_reason`, `_flags` and `_raw` (JSON of refused rows)."""
    judged = (F.size("_findings") == 0) & (F.col("_op") != "d")
    broken = {rule.name: judged & ~F.coalesce(F.expr(rule.holds), F.lit(False)) for rule in rules}
    refusing = [rule for rule in rules if rule.severity == "quarantine"]
    flagging = [rule for rule in rules if rule.severity != "quarantine"]
    refused = F.array(*[F.when(broken[r.name], _finding(r.name, f"{r.name} does not hold")) for r in refusing])
    findings = F.filter(F.concat("_findings", refused), _present) if refusing else F.col("_findings")
    flags = F.concat_ws(",", *[F.when(broken[r.name], F.lit(r.name)) for r in flagging]) if flagging else F.lit("")
    judgements = {
        "_rule": F.get("_findings", F.lit(0))["rule"],
        "_reason": F.when(F.size("_findings") > 0, F.array_join(_reasons(), "; ")),
        "_raw": F.when(F.size("_findings") > 0, json_of(F.col("_source"))),
    }
    found = rows.withColumns({"_flags": F.when(flags != "", flags), "_findings": findings})
    return found.withColumns(judgements).drop("_findings", "_source")


def _finding(rule: str, reason: str) -> Column:
    return F.struct(F.lit(rule).alias("rule"), F.lit(reason).alias("reason"))


def _reasons() -> Column:
    return F.transform("_findings", lambda finding: finding["reason"])


def _present(finding: Column) -> Column:
    return finding.isNotNull()
