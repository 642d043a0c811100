"""The command as a whole: every name leads to a command, and one asked for brings only what it needs."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from tidemark_cli.main import COMMANDS, OF_THE_LAB, app

HEAVY = {"snowflake", "pyiceberg", "pandas", "chdb"}
PROGRAM = """
import sys
from tidemark_cli.main import app
app({arguments}, standalone_mode=False)
print(*sorted({heavy} & set(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize("name", [*COMMANDS, *OF_THE_LAB, "reconcile"])
def test_every_name_is_a_command(name: str) -> None:
    """`tidemark NAME --help` says under that name what it does."""
    answer = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"}, catch_exceptions=False)
    assert answer.exit_code == 0
    assert f" {name} [OPTIONS]" in answer.output


def test_an_unknown_command_is_named() -> None:
    """A name that is none is an error of use, not a trace."""
    answer = CliRunner().invoke(app, ["nonsense"])
    assert answer.exit_code == 2
    assert "No such command" in answer.output


def test_publishing_waits_for_no_client_of_lake_or_warehouse() -> None:
    """Whoever publishes an event does not import what other commands need."""
    program = PROGRAM.format(arguments=["publish", "--help"], heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "Kick off a run" in done.stdout
    assert done.stderr.split() == []
