"""The command `trace`: a run's trace as a waterfall in the terminal.

Spans come from the lab's trace store (TIDEMARK_TRACES_URL), or from Zipkin's HTTP API (TIDEMARK_ZIPKIN_URL) in front of
whatever keeps them. To read another backend: a function that makes `Span`s of its answer, and its variable in `fetch`.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, NamedTuple

import httpx
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidemark.errors import Retryable, SettingsError
from tidemark_cli import render
from tidemark_cli.chain import find
from tidemark_cli.home import trace_address

console = Console()
WIDTH = 24
NANOSECONDS = 1_000_000_000
FAILED = 2  # OTLP's status


class Span(NamedTuple):
    """One span; times in epoch nanoseconds."""

    id: str
    parent: str | None
    service: str
    name: str
    start_ns: int
    end_ns: int
    failed: bool

    @property
    def seconds(self) -> float:
        return (self.end_ns - self.start_ns) / NANOSECONDS


def trace(
    run_id: Annotated[str, typer.Argument(help="A run's id, or DATASET#SEQ.")],
    shortest: Annotated[float, typer.Option(help="Leave out spans that took less seconds.")] = 0.05,
) -> None:
    """A run's trace as a waterfall: what was done when, and for how long."""
    run = find(run_id)
    spans = fetch(run.trace_id) if run.trace_id else []
    if not spans:
        console.print(f"no spans of {render.safe(run.run_id)}: tracing is off, or its trace has gone", style="red")
        raise typer.Exit(1)
    console.print(waterfall(spans, shortest, f"{run.dataset} #{run.run_seq}  {run.status}"))
    console.print(f"{len(spans)} spans  trace {run.trace_id} {trace_address(run.trace_id or '')}", soft_wrap=True)


def fetch(trace_id: str) -> list[Span]:
    """A trace's spans; none if the backend has none. SettingsError: no backend is named. Retryable: it is away."""
    store, zipkin = os.environ.get("TIDEMARK_TRACES_URL"), os.environ.get("TIDEMARK_ZIPKIN_URL")
    if store:
        return [_of_store(row) for row in _get(f"{store}/api/traces/{trace_id}")]
    if zipkin:
        return [_of_zipkin(row) for row in _get(f"{zipkin}/zipkin/api/v2/trace/{trace_id}")]
    raise SettingsError("settings: TIDEMARK_TRACES_URL or TIDEMARK_ZIPKIN_URL says where traces are read")


def _get(url: str) -> list[dict[str, Any]]:
    try:
        answer = httpx.get(url, timeout=10)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return []
        return list(answer.raise_for_status().json())
    except (httpx.HTTPError, ValueError) as error:
        raise Retryable(f"the trace backend does not answer: {error}") from error


def _of_store(row: dict[str, Any]) -> Span:
    ends = int(row["start_ns"]), int(row["end_ns"])
    return Span(row["span_id"], row["parent_id"], row["service"], row["name"], *ends, row["status"] == FAILED)


def _of_zipkin(row: dict[str, Any]) -> Span:
    start = int(row.get("timestamp", 0)) * 1000
    service = (row.get("localEndpoint") or {}).get("serviceName", "unknown")
    end, failed = start + int(row.get("duration", 0)) * 1000, "error" in row.get("tags", {})
    return Span(row["id"], row.get("parentId"), service, row.get("name", ""), start, end, failed)


def waterfall(spans: Sequence[Span], shortest: float, title: str) -> Table:
    """A line a span under its parent, with its place in the whole; short ones are left out, failed ones never."""
    start, end = min(s.start_ns for s in spans), max(s.end_ns for s in spans)
    table = render.new_table(render.safe(title))
    table.add_column("span", overflow="ellipsis", no_wrap=True, ratio=1)
    table.add_column("from s", justify="right")
    table.add_column("took s", justify="right")
    table.add_column("", width=WIDTH + 1, no_wrap=True)
    table.expand = True
    for span, depth in ordered(spans):
        if span.seconds >= shortest or span.failed:
            name = f"{' ' * depth}{render.safe(span.name)}" + (f" [dim]{render.safe(span.service)}[/]" * (depth == 0))
            begins = f"{(span.start_ns - start) / NANOSECONDS:.1f}"
            table.add_row(name, begins, f"{span.seconds:.2f}", _bar(span, start, max(1, end - start)))
    return table


def ordered(spans: Iterable[Span]) -> Iterator[tuple[Span, int]]:
    """Every span once, parents before children, by start; with its depth. One whose parent is missing is a root."""
    known = {span.id: span for span in spans}
    children: dict[str | None, list[Span]] = {}
    for span in sorted(known.values(), key=lambda s: (s.start_ns, s.id)):
        children.setdefault(span.parent if span.parent in known and span.parent != span.id else None, []).append(span)
    ahead = [(span, 0) for span in reversed(children.pop(None, []))]
    while ahead:
        span, depth = ahead.pop()
        yield span, depth
        ahead += [(child, depth + 1) for child in reversed(children.pop(span.id, []))]


def _bar(span: Span, start: int, whole: int) -> Text:
    begin = min(WIDTH - 1, (span.start_ns - start) * WIDTH // whole)
    length = max(1, round((span.end_ns - span.start_ns) * WIDTH / whole))
    return Text(" " * begin + "█" * min(length, WIDTH - begin), style="red" if span.failed else "cyan")
