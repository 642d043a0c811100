"""The command `docs`: the documentation as static files."""

import tempfile
import webbrowser
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from tidemark.settings import load
from tidemark.tables import registry
from tidemark_cli.home import home
from tidemark_cli.lineage import ProjectSettings
from tidemark_cli.render import safe

if TYPE_CHECKING:
    from tidemark_cli.docs.dbt_page import DbtPage
    from tidemark_cli.docs.graph import Graph

console = Console()
PACKAGE = "tidemark_cli.docs"
SCRIPTS = ("vendor/cytoscape.min.js", "layout.js", "lineage.js")
STYLES = ("base.css", "docs.css")


def docs(
    to: Annotated[Path | None, typer.Option(help="The folder; without it `docs` in tidemark's own.")] = None,
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="Show the start page in the browser.")] = True,
) -> None:
    """Write the documentation as static files: where every column comes from, and dbt's own pages."""
    folder = to or home() / "docs"
    if folder.exists() and not folder.is_dir():
        raise typer.BadParameter(f"{folder} is no folder", param_hint="--to")
    # here, because these imports would make every other command slower
    from tidemark_cli.docs.dbt_page import dbt_page
    from tidemark_cli.docs.graph import graph_of
    from tidemark_lineage import edges_of, read_project

    folder_of_project = load(ProjectSettings).dbt_project
    project = read_project(folder_of_project)
    graph = graph_of(edges_of(registry(), project), registry(), project)
    with tempfile.TemporaryDirectory(prefix="tidemark-docs-") as scratch:
        made = dbt_page(folder_of_project, Path(scratch))
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages(graph, made).items():
        (folder / name).write_text(text, encoding="utf-8")
    console.print(f"{folder / 'index.html'} written: {len(graph.tables)} tables, {len(graph.columns)} columns")
    if made.without_catalog:
        console.print(
            f"dbt.html is without the warehouse's types and sizes: {safe(made.without_catalog)}", style="yellow"
        )
    if open_page:
        webbrowser.open((folder / "index.html").absolute().as_uri())


def pages(graph: "Graph", made: "DbtPage") -> dict[str, str]:
    """Every file with its text."""
    # here, because the templates' import would make every other command slower
    from tidemark_pages import rendered

    start = rendered(PACKAGE, "index.html.j2", styles=STYLES, graph=graph, dbt=made, written=datetime.now(UTC))
    return {"index.html": start, "lineage.html": lineage_page(graph), "dbt.html": made.text}


def lineage_page(graph: "Graph") -> str:
    """The lineage page alone."""
    from tidemark_cli.docs.graph import as_data
    from tidemark_pages import rendered

    return rendered(PACKAGE, "lineage.html.j2", styles=STYLES, scripts=SCRIPTS, data=as_data(graph), graph=graph)
