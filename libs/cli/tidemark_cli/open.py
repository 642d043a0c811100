"""The command `open`: the pages of the running lab, or of the chart whose ports are forwarded here."""

import os
import webbrowser
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tidemark_cli.kind.plan import FORWARDS

console = Console()
PAGES = {  # what: (the variable that says where, a path on it)
    "console": ("TIDEMARK_CONSOLE_URL", ""),
    "traces": ("TIDEMARK_ZIPKIN_URL", "/zipkin/"),
    "prometheus": ("TIDEMARK_PROMETHEUS_URL", "/alerts"),
    "boards": ("TIDEMARK_GRAFANA_URL", "/dashboards?tag=tidemark"),
}
ON_THE_CLUSTER = {"console": "console", "traces": "zipkin", "prometheus": "prometheus", "boards": "grafana"}
REPORT = Path("tidemark-report.html")


def open_pages(
    what: Annotated[
        str | None, typer.Argument(help="Only this one: console, traces, prometheus, boards, report.")
    ] = None,
    kind: Annotated[
        bool, typer.Option("--kind", help="Of `tidemark kind`'s cluster, as `kind up` forwards it.")
    ] = False,
    only_print: Annotated[bool, typer.Option("--print", help="Print the addresses, open nothing.")] = False,
) -> None:
    """Open the pages that there are: console, traces, Prometheus, boards, the KPI report written here."""
    found = addresses(kind)
    if what is not None:
        found = {name: address for name, address in found.items() if name == what}
    if not found:
        missing = f"no page {what!r}" if what else "no page"
        console.print(f"{missing}: `tidemark up` starts the lab, `tidemark report` writes the report", style="red")
        raise typer.Exit(1)
    for name, address in found.items():
        console.print(f"{name:12} {address}", markup=False, highlight=False, soft_wrap=True)
        if not only_print:
            webbrowser.open(address)


def addresses(kind: bool) -> dict[str, str]:
    """Each page that there is, and where."""
    found = {}
    for name, (variable, path) in PAGES.items():
        forwarded = FORWARDS.get(ON_THE_CLUSTER[name])
        here = f"http://127.0.0.1:{forwarded[0]}" if forwarded else None
        if where := here if kind else os.environ.get(variable):
            found[name] = where.rstrip("/") + path
    if REPORT.is_file():
        found["report"] = REPORT.absolute().as_uri()
    return found
