"""The command `tidemark`. Commands of the chain are always there; those of the lab and of a service where it is.

A service names its commands, a typer app, as an entry point of the group `tidemark.commands`: so no library imports a
service, and they work on its own forms.
"""

import sys
from importlib.metadata import entry_points
from importlib.util import find_spec

import typer
from rich.console import Console

from tidemark.errors import TidemarkError
from tidemark_cli import chain, home, lake
from tidemark_cli.advise.command import advise
from tidemark_cli.as_of import as_of
from tidemark_cli.audit import audit
from tidemark_cli.docs import docs
from tidemark_cli.doctor import doctor
from tidemark_cli.init import init
from tidemark_cli.kind.command import app as kind
from tidemark_cli.lineage import lineage
from tidemark_cli.ping import ping
from tidemark_cli.report import report

app = typer.Typer(
    help="tidemark: the batch layer of a lambda architecture.", no_args_is_help=True, add_completion=False
)
for command in (
    init,
    doctor,
    chain.publish,
    chain.rollback,
    chain.maintain,
    chain.runs,
    chain.show,
    chain.watch,
    chain.dead_letters,
    chain.replay,
    chain.resume,
    ping,
    lake.held,
    lake.quarantine,
    as_of,
    audit,
    lineage,
    docs,
    advise,
    report,
):
    app.command()(command)
app.add_typer(kind, name="kind")
if find_spec("tidemark_lab"):
    from tidemark_cli import lab

    for command in (lab.demo, lab.up, lab.down, lab.status):
        app.command()(command)
for found in entry_points(group="tidemark.commands"):
    app.add_typer(found.load(), name=found.name)


def run() -> None:
    """Entry point. tidemark's own errors are one line and exit code 2; anything else is a bug and shows its trace."""
    home.enter()
    try:
        app()
    except TidemarkError as error:
        Console(stderr=True).print(f"{type(error).__name__}: {error}", style="red", markup=False)
        sys.exit(2)
