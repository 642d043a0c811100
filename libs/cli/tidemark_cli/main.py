"""The command `tidemark`. Commands of the chain are always there; those of the lab and of a service where it is.

A service names its commands, a typer app, as an entry point of the group `tidemark.commands`: so no library imports a
service, and they work on its own forms.
"""

import sys
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any

import typer
from rich.console import Console
from typer.core import TyperGroup
from typer.main import get_command

from tidemark.errors import TidemarkError
from tidemark_cli import home

COMMANDS = {
    "init": "tidemark_cli.init:init",
    "doctor": "tidemark_cli.doctor:doctor",
    "publish": "tidemark_cli.chain:publish",
    "rollback": "tidemark_cli.chain:rollback",
    "maintain": "tidemark_cli.chain:maintain",
    "runs": "tidemark_cli.chain:runs",
    "show": "tidemark_cli.chain:show",
    "watch": "tidemark_cli.chain:watch",
    "trace": "tidemark_cli.trace:trace",
    "top": "tidemark_cli.top:top",
    "alerts": "tidemark_cli.alerts:alerts",
    "dead-letters": "tidemark_cli.letters:dead_letters",
    "replay": "tidemark_cli.letters:replay",
    "drop": "tidemark_cli.letters:drop",
    "resume": "tidemark_cli.chain:resume",
    "open": "tidemark_cli.open:open_pages",
    "ping": "tidemark_cli.ping:ping",
    "held": "tidemark_cli.lake:held",
    "quarantine": "tidemark_cli.lake:quarantine",
    "as-of": "tidemark_cli.as_of:as_of",
    "audit": "tidemark_cli.audit:audit",
    "lineage": "tidemark_cli.lineage:lineage",
    "docs": "tidemark_cli.docs:docs",
    "advise": "tidemark_cli.advise.command:advise",
    "report": "tidemark_cli.report:report",
    "kind": "tidemark_cli.kind.command:app",
}
OF_THE_LAB = {name: f"tidemark_cli.lab:{name}" for name in ("demo", "up", "down", "status")}


class OnDemand(TyperGroup):
    """Imports a command when it is asked for: `publish` need not wait for the clients of lake and warehouse."""

    def list_commands(self, ctx: object) -> list[str]:
        return list(_places())

    def get_command(self, ctx: object, cmd_name: str) -> Any:  # a command of typer's own copy of click, or None
        place = _places().get(cmd_name)
        if place is None:
            return None
        found = place.load()
        if not isinstance(found, typer.Typer):
            alone = typer.Typer(add_completion=False)
            alone.command(cmd_name)(found)
            found = alone
        command = get_command(found)
        command.name = cmd_name
        return command


def _places() -> dict[str, EntryPoint]:
    own = COMMANDS | (OF_THE_LAB if find_spec("tidemark_lab") else {})
    places = {name: EntryPoint(name, value, "tidemark") for name, value in own.items()}
    return places | {found.name: found for found in entry_points(group="tidemark.commands")}


app = typer.Typer(cls=OnDemand, no_args_is_help=True, add_completion=False)


@app.callback()
def tidemark() -> None:
    """tidemark: the batch layer of a lambda architecture."""


def run() -> None:
    """Entry point. tidemark's own errors are one line and exit code 2; anything else is a bug and shows its trace."""
    home.enter()
    try:
        app()
    except TidemarkError as error:
        Console(stderr=True).print(f"{type(error).__name__}: {error}", style="red", markup=False)
        sys.exit(2)
