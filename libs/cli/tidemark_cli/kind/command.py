"""The commands `kind up`, `load`, `down` and `status`."""

import platform
import shutil
import subprocess
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tidemark.errors import SettingsError
from tidemark_cli.kind import checks, credentials, execute, plan
from tidemark_cli.kind.plan import Step

app = typer.Typer(
    help="The chart on a cluster of one's own machine (kind, in Docker).", no_args_is_help=True, add_completion=False
)
console = Console()
ROOT = Path(__file__).parents[4]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the commands in order, and run none.")]


@app.command()
def up(
    dry_run: DryRun = False,
    forward: Annotated[bool, typer.Option(help="Forward the addresses here until Ctrl-C.")] = True,
) -> None:
    """Make the cluster, the images, the Secrets and the release; wait, and forward the addresses. Can be run again."""
    _check(dry_run)
    steps = plan.up(_root(), credentials.read(_root() / "kind" / "secrets.toml"), exists=not dry_run and _exists())
    _do(steps, dry_run)
    _forward(dry_run or not forward)


@app.command()
def load(dry_run: DryRun = False) -> None:
    """Build the images anew from this checkout, and have the running services take them."""
    _check(dry_run)
    _do([*plan.load(_root()), *plan.restart()], dry_run)


@app.command()
def down(dry_run: DryRun = False) -> None:
    """Remove the cluster and all in it, Kafka's topics too; S3 and Snowflake keep what they have."""
    _do(plan.down(), dry_run)


@app.command()
def status(dry_run: DryRun = False) -> None:
    """The release, its pods and Spark's applications."""
    _do(plan.status(), dry_run)


def _root() -> Path:
    if not (ROOT / "kind" / "cluster.yaml").is_file():
        raise SettingsError("`tidemark kind` needs the checkout: install the packages with `pip install -e`")
    return ROOT


def _check(dry_run: bool) -> None:
    """Say all that is missing; without it only a dry run goes on."""
    found = checks.problems(execute.ask, platform.system().lower())
    for problem in found:
        console.print(f"- {problem}", style="red", markup=False, soft_wrap=True)
    if found and not dry_run:
        raise typer.Exit(2)


def _exists() -> bool:
    return plan.CLUSTER in execute.ask(("kind", "get", "clusters")).output.split()


def _do(steps: list[Step], dry_run: bool) -> None:
    for number, step in enumerate(steps, start=1):
        console.print(f"{number:2}/{len(steps)} {step.why}", style="bold", markup=False)
        given = f"   < {step.about}" if step.about else ""
        console.print(f"      {execute.shown(step.command)}{given}", markup=False, highlight=False, soft_wrap=True)
        if not dry_run:
            execute.do(step.command, step.given)


def _forward(only_tell: bool) -> None:
    """Hold the addresses open until Ctrl-C; or only tell how."""
    for what, command in plan.forwards():
        console.print(f"{what}\n      {execute.shown(command)}", markup=False, highlight=False, soft_wrap=True)
    if only_tell:
        return
    console.print("Ctrl-C ends the forwarding; the cluster stays (`tidemark kind down` removes it)", style="bold")
    programs = [[shutil.which(command[0]) or command[0], *command[1:]] for _, command in plan.forwards()]
    running = [subprocess.Popen(words, stdout=subprocess.DEVNULL) for words in programs]
    try:
        for process in running:
            process.wait()
    except KeyboardInterrupt:
        console.print("ended", markup=False)
    finally:
        for process in running:
            process.terminate()
