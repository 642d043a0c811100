"""The command `lineage`: a column's path from the source to the marts, or every run's OpenLineage events as files."""

import json
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from tidemark.settings import ClickHouseSettings, LakeSettings, Settings, SnowflakeSettings, load
from tidemark.tables import registry
from tidemark_cli.chain import read_runs
from tidemark_cli.runs import Run

if TYPE_CHECKING:
    from tidemark_lineage.columns import Column, Edges
    from tidemark_lineage.datasets import World

console = Console()
PROJECT = Path(__file__).parents[3] / "dbt"


class ProjectSettings(Settings):
    """Where the models are."""

    dbt_project: Path = PROJECT


class PlacesSettings(LakeSettings, SnowflakeSettings, ClickHouseSettings):
    """The names of the stores."""


def lineage(
    column: Annotated[str | None, typer.Argument(metavar="TABLE.COLUMN", help="The column.")] = None,
    export: Annotated[Path | None, typer.Option(help="Write OpenLineage events here, one file a run.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every column, as JSON for other programs.")] = False,
) -> None:
    """Print what a column is made from and what is made from it, or export every run's OpenLineage events."""
    if [column is not None, export is not None, as_json].count(True) != 1:
        raise typer.BadParameter("give one of a column, --export FOLDER and --json")
    # here, because the SQL parser's import would make every other command slower
    from tidemark_lineage import edges_of, read_project

    project = read_project(load(ProjectSettings).dbt_project)
    edges = edges_of(registry(), project)
    if as_json:
        from tidemark_cli.docs.graph import as_data, graph_of

        typer.echo(json.dumps(as_data(graph_of(edges, registry(), project))))
    elif export is not None:
        _export(export, edges)
    elif column is not None:
        console.print(column_tree(edges, known_column(edges, column)))


def known_column(edges: "Edges", text: str) -> "Column":
    """The column, or an error that names those like it."""
    from tidemark_lineage.columns import find

    found = find(edges, text)
    if found is None:
        like = get_close_matches(text.lower(), [str(column) for column in edges], n=3, cutoff=0.4)
        raise typer.BadParameter(f"no column {text!r}; there are {', '.join(like) or 'none like it'}")
    return found


def column_tree(edges: "Edges", column: "Column") -> Tree:
    """What the column is made from, back to the source, and what is made from it, on to the marts."""
    from tidemark_lineage.columns import uses

    tree = Tree(Text(str(column), style="bold"))
    for title, steps in (("made from", edges), ("goes into", uses(edges))):
        if steps[column]:
            _grow(tree.add(Text(title, style="dim")), steps, column, set())
    return tree


def _grow(tree: Tree, steps: "Edges", column: "Column", seen: set["Column"]) -> None:
    for step in steps[column]:
        text = Text(str(step), overflow="fold")
        if step in seen and steps[step]:
            tree.add(text.append(" (above)", style="dim"))
            continue
        seen.add(step)
        _grow(tree.add(text), steps, step, seen)


def _export(folder: Path, edges: "Edges") -> None:
    from tidemark_lineage.datasets import Places, World

    settings = load(PlacesSettings)
    places = Places(
        lake=settings.lake_warehouse,
        account=settings.snowflake_account,
        database=settings.snowflake_database,
        speed=f"{settings.clickhouse_host}:{settings.clickhouse_port}",
        speed_database=settings.clickhouse_database,
    )
    files = dict(exported(read_runs(), World(registry(), edges, places)))
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    console.print(f"{len(files)} runs written to {folder}")


def exported(runs: dict[str, Run], world: "World") -> Iterator[tuple[str, str]]:
    """A file's name and text for each run; runs of a dataset that the registry does not know any more are left out."""
    from tidemark_lineage.openlineage import run_events

    for run_id, run in runs.items():
        if run.dataset in world.registry.datasets:
            events = run_events(run.events, run.at_ms, run.failure, world)
            yield f"{quote(run_id, safe='')}.json", json.dumps(events, indent=1)
