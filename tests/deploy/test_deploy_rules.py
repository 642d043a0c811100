"""Prometheus's rules are right, fire where they should and stay silent where they should."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from rendered_chart import CHART

from tidemark import signals

RULES = CHART / "rules" / "tidemark.yml"
TESTS = Path(__file__).parent / "rules" / "tidemark_test.yml"
PROMTOOL = shutil.which("promtool")
GROUPS = yaml.safe_load(RULES.read_text())["groups"]
NEEDS_PROMTOOL = pytest.mark.skipif(PROMTOOL is None, reason="promtool is missing: apt-get install prometheus")


def _rules(kind: str) -> dict[str, dict[str, Any]]:
    return {rule[kind]: rule for group in GROUPS for rule in group["rules"] if kind in rule}


def _tested(kind: str) -> list[dict[str, Any]]:
    return [one for test in yaml.safe_load(TESTS.read_text())["tests"] for one in test.get(kind, [])]


@NEEDS_PROMTOOL
@pytest.mark.parametrize("words", [("check", "rules", str(RULES)), ("test", "rules", str(TESTS))], ids=lambda w: w[0])
def test_promtool(words: tuple[str, ...]) -> None:
    """Prometheus's own checks and the unit tests of the rules."""
    said = subprocess.run([str(PROMTOOL), *words], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


def test_every_alert_is_tested_both_ways() -> None:
    """Each alert has a moment at which it fires and one at which it does not, and says how bad it is and what to do."""
    moments = [(one["alertname"], bool(one["exp_alerts"])) for one in _tested("alert_rule_test")]
    alerts = _rules("alert")
    assert {name for name, fires in moments if fires} == {name for name, fires in moments if not fires} == set(alerts)
    assert {rule["labels"]["severity"] for rule in alerts.values()} == {"warning", "critical"}
    assert [n for n, rule in alerts.items() if set(rule["annotations"]) != {"summary", "description"}] == []


def test_rules_ask_for_metrics_that_there_are() -> None:
    """Every tidemark_ name is one of the catalogue's, every recorded one is recorded and used."""
    declared = {metric.name for metric in signals.METRICS}
    asked = set(re.findall(r"tidemark_\w+", "".join(str(rule["expr"]) for g in GROUPS for rule in g["rules"])))
    assert {re.sub("_(bucket|sum|count)$", "", name) for name in asked} <= declared
    used = set(re.findall(r"tidemark:\w+(?::\w+)*", RULES.read_text() + TESTS.read_text()))
    assert used == set(_rules("record"))
