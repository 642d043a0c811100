"""docs/signals.md from signals.py: every span with its attributes, every metric with its labels."""

from pathlib import Path

from tidemark import signals

FILE = Path("docs/signals.md")
HEAD = """# Spans and metrics

Written from `libs/common/tidemark/signals.py` by `make docs`; do not edit. The end-to-end tests compare it with what
runs emit.

Metrics are Prometheus's, at `/metrics` on each service's health port; who accepts OpenMetrics gets exemplars too, which
name the trace of a slow event. A service shows its process's CPU and memory as well (`process_cpu_seconds_total`,
`process_resident_memory_bytes`). Spans leave by OTLP over HTTP. `stage` is a service's name, `dataset` a dataset's;
names in braces stand for what they say.
"""


def signals_page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_metrics(), *_spans(), *_attributes()]) + "\n"


def _metrics() -> list[str]:
    rows = [f"| `{m.name}` | {m.kind} | {_names(m.labels)} | {m.what} |" for m in signals.METRICS]
    return ["## Metrics", "", "| metric | kind | labels | what |", "|---|---|---|---|", *rows, ""]


def _spans() -> list[str]:
    rows = [
        f"| `{name}` | {said.service or 'any'} | {_names(said.attributes)} | {said.what} |"
        for name, said in signals.SPANS.items()
    ]
    steps = ", ".join(f"`{step}`" for step in signals.SPARK_STEPS)
    head = ["## Spans", "", "| span | service | attributes | what |", "|---|---|---|---|"]
    return [*head, *rows, "", f"The steps of the Spark job: {steps}.", ""]


def _attributes() -> list[str]:
    rows = [f"| `{name}` | {what} |" for name, what in signals.ATTRIBUTES.items()]
    return ["## Attributes of events' spans", "", "| attribute | what |", "|---|---|", *rows]


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
