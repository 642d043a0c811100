"""The command `report`: the KPI report as one HTML file."""

import json
import webbrowser
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tidemark.settings import SnowflakeSettings, load
from tidemark_cli import render

console = Console()


def report(
    out: Annotated[Path, typer.Option(help="Write the page here.")] = Path("tidemark-report.html"),
    open_page: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON, for a page of others.")] = False,
) -> None:
    """Write the KPI report of the marts, one HTML page that needs nothing else."""
    if not out.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {out.absolute().parent}", param_hint="--out")
    # here, because these imports would make every other command slower
    from tidemark_cli.report.figures import read
    from tidemark_cli.report.page import fragment, page
    from tidemark_warehouse import connect

    session = connect(load(SnowflakeSettings), "tidemark report")
    try:
        reading = read(session)
    finally:
        session.close()
    if reading is None:
        console.print("no run has published the shop's marts yet", style="red")
        raise typer.Exit(1)
    if as_json:
        typer.echo(json.dumps(fragment(reading)))
        return
    out.write_text(page(reading), encoding="utf-8")
    console.print(f"{out} written: run {reading.run.run_seq}, as of {reading.run.as_of:%Y-%m-%d %H:%M:%S} UTC")
    for name, figure in reading.figures.items():
        if figure.problem:
            console.print(f"without {name}: {render.safe(figure.problem)}", style="yellow")
    if open_page:
        webbrowser.open(out.absolute().as_uri())
