"""The command `doctor`."""

import typer
from rich.console import Console
from rich.table import Table

from tidemark_cli import render
from tidemark_cli.doctor.check import Finding, examine

console = Console()


def doctor() -> None:
    """Check every connection and right that the chain needs, and say what to do where one is missing."""
    # here, because the clients' imports would make every other command slower
    from tidemark_cli.doctor.checks import checks

    findings = []
    with console.status("asking"):
        for check in checks():
            findings.append(examine(check))
    console.print(findings_table(findings))
    if not all(finding.well for finding in findings):
        raise typer.Exit(1)


def findings_table(findings: list[Finding]) -> Table:
    """A line for each check: what it is, how it stands; below one that is not well, what to do."""
    table = render.new_table("")
    for name in ("", "what", "how it stands"):
        table.add_column(name, overflow="fold", no_wrap=name != "how it stands")
    for finding in findings:
        mark = "[green]ok[/]" if finding.well else "[red]no[/]"
        remedy = "" if finding.well else f"\n[bold]{render.safe(finding.remedy)}[/]"
        table.add_row(mark, finding.name, render.safe(finding.said) + remedy)
    return table
