"""The command `advise`: runs the rules and shows what they say, and which of them had no evidence."""

import json
from collections.abc import Mapping
from typing import Annotated

import typer
from msgspec import to_builtins
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tidemark.settings import SnowflakeSettings, load
from tidemark_cli import render
from tidemark_cli.advise import thresholds
from tidemark_cli.advise.evidence import Advice, Figure
from tidemark_cli.advise.rules import judge, without_evidence
from tidemark_cli.chain import read_runs
from tidemark_cli.lineage import ProjectSettings

console = Console()


def advise(as_json: Annotated[bool, typer.Option("--json", help="As JSON, for other programs.")] = False) -> None:
    """What would make the chain cheaper or faster, each with evidence and an estimate; fills OPS.QUERY_COSTS."""
    # here, because the clients' imports would make every other command slower
    from tidemark_cli.advise.gather import gather
    from tidemark_warehouse import connect

    session = connect(load(SnowflakeSettings), "tidemark advise")
    try:
        evidence = gather(session, read_runs().values(), load(ProjectSettings).dbt_project)
    finally:
        session.close()
    found, silent = judge(evidence), without_evidence(evidence)
    if as_json:
        typer.echo(json.dumps({"advice": to_builtins(found), "without_evidence": silent}, indent=1))
        return
    console.print(advice_view(found, silent))


def advice_view(found: list[Advice], silent: dict[str, str]) -> Group:
    """Each piece of advice as a block, then the rules that could not judge."""
    parts: list[RenderableType] = [part for advice in found for part in _block(advice)]
    if not found:
        parts.append(f"no advice: nothing that was recorded in {thresholds.DAYS} days is beyond a threshold")
    if silent:
        parts += [Text("\nRules without evidence", style="bold"), _pairs(silent)]
    return Group(*parts)


def _block(advice: Advice) -> list[RenderableType]:
    figures = ", ".join(f"{name} {_figure(value)}" for name, value in advice.evidence.items())
    saving = f"about {_figure(advice.saving)} {advice.unit} ({advice.reckoned})"
    title = Text.from_markup(f"\n{advice.title}: {render.safe(advice.subject)}", style="bold", overflow="fold")
    return [title, _pairs({"evidence": figures, "saving": saving, "do": advice.what_to_do})]


def _pairs(lines: Mapping[str, str]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in lines.items():
        table.add_row(name, render.safe(text))
    return table


def _figure(value: Figure) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.4g}" if isinstance(value, float) and abs(value) < 1000 else f"{value:,.0f}"
