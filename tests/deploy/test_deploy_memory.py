"""On one's own machine everything together fits 5Gi."""

import re

import yaml
from rendered_chart import ROOT, application, on_kind, pods

UNITS = {"Mi": 1, "Gi": 1024, "m": 1, "g": 1024}  # Spark's m and g are powers of two as well
MOST = 5 * 1024


def _mib(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi|m|g)", text).groups()  # type: ignore[union-attr]
    return int(number) * UNITS[unit]


def test_all_limits_together() -> None:
    """Every pod of the chart (the topics' Job at its worst moment), the operator's two, and a run's Spark."""
    objects = on_kind()
    ours = {n: sum(_mib(c["resources"]["limits"]["memory"]) for c in p["spec"]["containers"]) for n, p in pods(objects)}
    once = [ours.pop(name) for name in ("init", "test")]
    operator = yaml.safe_load((ROOT / "kind" / "spark-operator.yaml").read_text())
    theirs = sum(_mib(operator[part]["resources"]["limits"]["memory"]) for part in ("controller", "webhook"))
    driver = application(objects)["spec"]["driver"]
    spark = _mib(driver["memory"]) + _mib(driver["memoryOverhead"])
    total = sum(ours.values()) + max(once) + theirs + spark
    assert total <= MOST, f"{ours}, hooks {max(once)}, operator {theirs}, Spark {spark}: {total} MiB"


def test_a_run_on_kind_is_its_driver_alone() -> None:
    """So that the sum above is what a run takes: one pod."""
    values = yaml.safe_load((ROOT / "helm" / "tidemark" / "values-kind.yaml").read_text())
    assert values["spark"]["mostExecutors"] == 0
