"""Spans and metrics are declared in one place, and their catalogue says what is declared."""

import re
from collections import Counter
from pathlib import Path

from tidemark import signals
from tidemark_cli import signals_page

ROOT = Path(__file__).parents[2]
CODE = [path for folder in ("libs", "services") for path in (ROOT / folder).rglob("*.py")]
JOB = ROOT / "services/spark-submitter/job/curate_job"


def test_the_catalogue_is_what_the_code_says() -> None:
    """docs/signals.md is written from signals.py; `make docs` brings it in step."""
    assert signals_page.signals_page() == (ROOT / signals_page.FILE).read_text()


def test_spans_are_begun_by_their_declared_names() -> None:
    """No span's name is written where it is begun: each comes from signals.py."""
    begun = re.compile(r"(?<!def )\b(?:record_span|span|start_span)\(\s*(f?[\"'][^\"']*[\"'])")
    found = {str(path.relative_to(ROOT)): begun.findall(path.read_text()) for path in CODE}
    assert {name: names for name, names in found.items() if names} == {}


def test_metrics_are_made_in_one_place() -> None:
    """Nothing but signals.py makes a metric, and no name is there twice."""
    makers = [
        path for path in CODE if re.search(r"\b(?:Counter|Gauge|Histogram|Summary)\(\s*[*\"'f]", path.read_text())
    ]
    assert [str(path.relative_to(ROOT)) for path in makers] == ["libs/common/tidemark/signals.py"]
    assert [name for name, times in Counter(metric.name for metric in signals.METRICS).items() if times > 1] == []


def test_the_jobs_steps_are_declared() -> None:
    """The Spark job, which imports nothing of tidemark's, has the steps that signals.py names, and no other."""
    named = {name for path in JOB.glob("*.py") for name in re.findall(r"\.step\(f?\"([^\"]+)\"", path.read_text())}
    kinds = ("changes", "current", "held", "quarantined")
    steps = {name.replace("{kind}", kind) for name in named for kind in (kinds if "{kind}" in name else kinds[:1])}
    assert steps == set(signals.SPARK_STEPS)
