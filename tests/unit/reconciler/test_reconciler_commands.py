"""`tidemark reconcile` is the reconciler's own, found by its entry point."""

import tomllib
from importlib import import_module
from pathlib import Path

from typer.testing import CliRunner

from reconciler.command import app

PACKAGE = Path(__file__).parents[3] / "services" / "reconciler" / "pyproject.toml"
SETTINGS = {
    "TIDEMARK_SNOWFLAKE_ACCOUNT": "a", "TIDEMARK_SNOWFLAKE_USER": "u", "TIDEMARK_SNOWFLAKE_PASSWORD": "p",
    "TIDEMARK_CLICKHOUSE_HOST": "127.0.0.1", "TIDEMARK_CLICKHOUSE_PORT": "1",
}  # fmt: skip


def test_the_entry_point_leads_to_the_commands() -> None:
    """What the package declares is there, and lists show, history and repair."""
    declared = tomllib.loads(PACKAGE.read_text())["project"]["entry-points"]["tidemark.commands"]
    assert list(declared) == ["reconcile"]
    module, _, name = declared["reconcile"].partition(":")
    told = CliRunner().invoke(getattr(import_module(module), name), ["--help"])
    assert (told.exit_code, [word for word in ("show", "history", "repair") if word in told.output]) == (
        0, ["show", "history", "repair"],
    )  # fmt: skip


def test_a_pair_that_is_not_there_is_refused() -> None:
    """Before anything is asked, with those there are."""
    told = CliRunner().invoke(app, ["repair", "--pair", "x"], env=SETTINGS)
    assert (told.exit_code, "transactions" in told.output) == (2, True)
