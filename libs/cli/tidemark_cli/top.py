"""The command `top`: what each service does now, from the metrics at its health port. Live, until Ctrl-C."""

import os
import time
from collections.abc import Iterable, Mapping
from typing import Annotated, NamedTuple

import httpx
import typer
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.live import Live
from rich.table import Table

from tidemark.errors import SettingsError
from tidemark_cli import render

console = Console()
REFRESH_SECONDS = 2.0
MEGABYTE = 1024 * 1024
DEAD = ("invalid", "undecodable")
TOLD = {  # which rows a stage tells first of all
    "ingest-watcher": "committed",
    "spark-submitter": "accepted",
    "loader": "loaded",
    "transformer": "published",
    "reconciler": "compared",
}


class Sample(NamedTuple):
    """One value that a service shows."""

    name: str
    labels: Mapping[str, str]
    value: float


class Seen(NamedTuple):
    """A service's samples and when they were read (seconds); no samples: it does not answer."""

    url: str
    at: float
    samples: tuple[Sample, ...] = ()

    def total(self, name: str, **labels: str) -> float:
        """The sum over the series with these labels."""
        return sum(s.value for s in self._of(name, labels))

    def by(self, label: str, name: str) -> dict[str, float]:
        """The sums by a label's values."""
        found: dict[str, float] = {}
        for sample in self._of(name, {}):
            key = sample.labels.get(label, "")
            found[key] = found.get(key, 0.0) + sample.value
        return found

    def _of(self, name: str, labels: Mapping[str, str]) -> Iterable[Sample]:
        return (s for s in self.samples if s.name == name and labels.items() <= s.labels.items())

    @property
    def stage(self) -> str:
        """The service's name; its address while it does not answer."""
        return next((s.labels["stage"] for s in self.samples if "stage" in s.labels), self.url)


def top(
    at: Annotated[
        list[str] | None, typer.Option(help="A service's /metrics; may be given again. Else the lab's.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Print once and end.")] = False,
) -> None:
    """Each service, live: run, events, rows, lag, what it is at, CPU and memory."""
    urls = at or [url for url in os.environ.get("TIDEMARK_METRICS_URLS", "").split(",") if url]
    if not urls:
        raise SettingsError("settings: TIDEMARK_METRICS_URLS is missing, or name the services with --at")
    with httpx.Client(timeout=2.0) as client:
        seen = look(client, urls)
        if once:
            console.print(table(seen, {}, time.time()))
            return
        with Live(table(seen, {}, time.time()), console=console, refresh_per_second=4) as live:
            while True:
                time.sleep(REFRESH_SECONDS)
                before, seen = {one.url: one for one in seen}, look(client, urls)
                live.update(table(seen, before, time.time()))


def look(client: httpx.Client, urls: Iterable[str]) -> list[Seen]:
    """What each service shows now."""
    return [_look(client, url) for url in urls]


def _look(client: httpx.Client, url: str) -> Seen:
    try:
        text = client.get(url).raise_for_status().text
        families = list(text_string_to_metric_families(text))
    except (httpx.HTTPError, ValueError):  # it is away, or what answers there is no service of ours
        return Seen(url, time.monotonic())
    samples = tuple(Sample(s.name, s.labels, s.value) for family in families for s in family.samples)
    return Seen(url, time.monotonic(), samples)


def table(seen: Iterable[Seen], before: Mapping[str, Seen], now: float) -> Table:
    """A line a service. `before`: what was seen last, for the CPU; `now`: epoch seconds."""
    made = render.new_table("Services")
    made.add_column("stage", no_wrap=True)
    made.add_column("at", no_wrap=True)
    for name in ("run", "events", "again", "dead", "rows", "lag", "parked", "CPU %", "MB"):
        made.add_column(name, justify="right", no_wrap=name != "run")
    for one in seen:
        if one.samples:
            made.add_row(*_row(one, before.get(one.url), now))
        else:
            made.add_row(render.safe(one.stage), "[red]away[/]")
    return made


def _row(one: Seen, before: Seen | None, now: float) -> list[str]:
    ends = one.by("outcome", "tidemark_events_total")
    runs = one.by("dataset", "tidemark_run_seq")
    numbers = (
        sum(ends.values()) - ends.get("retry", 0),
        ends.get("retry", 0),
        sum(ends.get(outcome, 0) for outcome in DEAD),
        one.total("tidemark_rows_total", what=TOLD.get(one.stage, "")),
        one.total("tidemark_consumer_lag"),
        one.total("tidemark_parked_events"),
    )
    memory = one.total("process_resident_memory_bytes") / MEGABYTE
    named = " ".join(f"{dataset}#{seq:.0f}" for dataset, seq in sorted(runs.items()))
    return [
        render.safe(one.stage),
        _at_work(one, now),
        render.safe(named),
        *(f"{number:,.0f}" for number in numbers),
        _cpu(one, before),
        f"{memory:.0f}",
    ]


def _at_work(one: Seen, now: float) -> str:
    halted = [dataset for dataset, value in one.by("dataset", "tidemark_halted").items() if value]
    since = one.total("tidemark_busy_since_seconds")
    if halted:
        return f"[red]halted {render.safe(' '.join(sorted(halted)))}[/]"
    return f"work {max(0.0, now - since):.0f} s" if since else "idle"


def _cpu(one: Seen, before: Seen | None) -> str:
    name = "process_cpu_seconds_total"
    if before is None or not before.samples or one.at <= before.at or one.total(name) < before.total(name):
        return ""
    return f"{100 * (one.total(name) - before.total(name)) / (one.at - before.at):.0f}"
