"""The command `alerts`: what is open and what is over, one line an incident, from the alerts' topics. Reads only."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from msgspec import Struct, field, to_builtins
from rich.console import Console
from rich.table import Table

from tidemark import kafka
from tidemark.codec import decode
from tidemark.errors import DecodeError
from tidemark.events import AlertRaised, AlertSent
from tidemark.records import Record
from tidemark.settings import KafkaSettings, load
from tidemark_cli import render
from tidemark_cli.chain import known_dataset

console = Console()
SEVERITIES = ("critical", "warning", "info")
STYLES = {"critical": "red", "warning": "yellow", "info": "cyan"}


class Incident(Struct, kw_only=True):
    """One trouble from its first alert on. `times`: how often it was raised; times are epoch ms in Kafka.

    `resolved_ms` None: open. An alert of severity `info` has no end: it is a notice, never open. `told`: the sinks
    that took the newest message about it.
    """

    incident: str
    dataset: str
    severity: str
    title: str
    detail: str
    raised_by: str
    run_id: str | None
    since_ms: int
    last_ms: int
    times: int = 1
    resolved_ms: int | None = None
    told: list[str] = field(default_factory=list)

    @property
    def open(self) -> bool:
        return self.resolved_ms is None and self.severity != "info"


def alerts(
    dataset: Annotated[str | None, typer.Option(help="Only this dataset.")] = None,
    only_open: Annotated[bool, typer.Option("--open", help="Only what is open.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list, for programs.")] = False,
) -> None:
    """Alerts by incident: the open ones first, then those that are over."""
    known = known_dataset(dataset) if dataset else None
    records = kafka.read_topics(load(KafkaSettings), (AlertRaised.topic, AlertSent.topic))
    found = [i for i in incidents(records) if known in (None, i.dataset) and (i.open or not only_open)]
    if as_json:
        typer.echo(json.dumps([as_plain(incident) for incident in found], indent=1))
    else:
        console.print(alerts_table(found) if found else "no alerts")


def incidents(records: Iterable[Record]) -> list[Incident]:
    """What the topics tell, folded by incident: open ones first, the worst and newest of them at the top."""
    found: dict[str, Incident] = {}
    for record in sorted(records, key=lambda r: r.timestamp_ms):
        try:
            event = decode(record)
        except DecodeError:
            continue
        if isinstance(event, AlertRaised):
            _fold(found, event, record.timestamp_ms)
        elif isinstance(event, AlertSent) and event.incident in found:
            found[event.incident].told = list(event.sinks)
    return sorted(found.values(), key=lambda i: (not i.open, SEVERITIES.index(i.severity) if i.open else 0, -i.last_ms))


def _fold(found: dict[str, Incident], event: AlertRaised, at_ms: int) -> None:
    known = found.get(event.incident)
    if event.resolved:
        if known is not None:
            known.resolved_ms, known.last_ms = at_ms, at_ms
        return
    again = known is not None and known.resolved_ms is None
    found[event.incident] = Incident(
        incident=event.incident,
        dataset=event.dataset,
        severity=event.severity,
        title=event.title,
        detail=event.detail,
        raised_by=event.raised_by,
        run_id=event.run_id,
        since_ms=known.since_ms if known and again else at_ms,
        last_ms=at_ms,
        times=known.times + 1 if known and again else 1,
        told=known.told if known and again else [],
    )


def as_plain(incident: Incident) -> dict[str, Any]:
    """An incident for JSON, with `open`."""
    plain: dict[str, Any] = to_builtins(incident)
    return plain | {"open": incident.open}


def alerts_table(found: Iterable[Incident]) -> Table:
    """A line an incident: since when, how bad, what, and what to do."""
    table = render.new_table("Alerts")
    for name, fixed in (("since (UTC)", True), ("state", True), ("dataset", True), ("what", False)):
        table.add_column(name, no_wrap=fixed, overflow="fold")
    for incident in found:
        state = f"[{STYLES[incident.severity]}]{incident.severity}[/]" if incident.open else _ended(incident)
        times = f" ({incident.times} times)" if incident.times > 1 else ""
        told = f" Told: {', '.join(incident.told)}." if incident.told else ""
        text = render.safe(f"{incident.title}{times}. {incident.detail}{told}")
        table.add_row(_at(incident.since_ms), state, render.safe(incident.dataset), text)
    return table


def _ended(incident: Incident) -> str:
    return "notice" if incident.resolved_ms is None else f"over {_at(incident.resolved_ms)[6:]}"


def _at(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%m-%d %H:%M}"
