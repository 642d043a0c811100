"""What runs really emitted, against what is declared: spans by their templates, edges of traces, metrics."""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tidemark import signals
from tidemark_lab.traces_store import SpanStore

Edge = tuple[tuple[str, str], tuple[str, str]]
Span = Mapping[str, Any]
EDGES = tomllib.loads((Path(__file__).parent / "trace_edges.toml").read_text())
# of metrics: what a process shows beside its own, and a histogram's and counter's parts
FOREIGN = ("process_", "python_")
PARTS = ("_bucket", "_sum", "_count")


def declared_edges(kind: str) -> set[Edge]:
    """The edges of the list: `chain` those of every run, `work` those of a run with rows."""
    return {(tuple(edge["from"]), tuple(edge["to"])) for edge in EDGES[kind]}


@cache
def declared_as(service: str, name: str) -> str | None:
    """The declared name that a span's name was made of; None if there is none."""
    if name in signals.SPANS:
        return name
    for template, said in signals.SPANS.items():
        exact = re.sub(r"\\\{\w+\\\}", "(.+)", re.escape(template))
        if "{" in template and said.service in ("", service) and re.fullmatch(exact, name):
            return template
    return None


def edges_of(spans: Iterable[Span]) -> set[Edge]:
    """Every parent and child of a trace; events' spans by their topics, work by its declared name."""
    known = {span["span_id"]: span for span in spans}
    return {(_end(known[s["parent_id"]]), _end(s)) for s in known.values() if s["parent_id"] in known}


def _end(span: Span) -> tuple[str, str]:
    name = str(span["name"])
    of_event = name.startswith(("send ", "process "))
    return span["service"], name if of_event else declared_as(span["service"], name) or name


def stored_spans(home: Path) -> list[Span]:
    """All that the lab's trace store holds."""
    rows = SpanStore(home / "data" / "traces").recent(1_000_000)
    return [{**row._asdict(), "attributes": json.loads(row.attributes)} for row in rows]


def undeclared_spans(spans: Iterable[Span]) -> tuple[set[str], set[tuple[str, str, str]]]:
    """The declared names that were seen; and service, name and what of a span is not declared: the name itself, its
    service, or an attribute."""
    seen, found = set(), set()
    for span in spans:
        service, name = str(span["service"]), str(span["name"])
        template = declared_as(service, name)
        if template is None or (template == signals.SPARK_STEP and name[6:] not in signals.SPARK_STEPS):
            found.add((service, name, ""))
        elif signals.SPANS[template].service not in ("", service):
            found.add((service, name, "service"))
        else:
            seen.add(template)
            allowed = signals.SPANS[template].attributes
            found |= {(service, name, attribute) for attribute in span["attributes"] if attribute not in allowed}
    return seen, found


def metrics_of(texts: Iterable[str]) -> dict[str, set[str]]:
    """What was exposed, by its catalogued name: the labels seen."""
    found: dict[str, set[str]] = {}
    for text in texts:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if not sample.name.startswith(FOREIGN):
                    name = re.sub(f"({'|'.join(PARTS)})$", "", sample.name)
                    found.setdefault(name, set()).update(set(sample.labels) - {"le"})
    return found


def declared_metrics() -> dict[str, set[str]]:
    """The catalogue's metrics and their labels."""
    return {metric.name: set(metric.labels) for metric in signals.METRICS}
