"""The lineage page's data and text: every path is whole, every table stands behind its parents, text is never code."""

from pathlib import Path

import pytest
from parsed_page import Parsed
from typer.testing import CliRunner

from tidemark.tables import registry
from tidemark_cli.docs.command import lineage_page
from tidemark_cli.docs.graph import Column as Shown
from tidemark_cli.docs.graph import Graph, Table, graph_of
from tidemark_cli.main import app
from tidemark_lineage import Edges
from tidemark_lineage.models import read_project

PROJECT = Path(__file__).parents[3] / "dbt"
HOSTILE = "</script><script>document.body.dataset.broken='yes'</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def graph(edges: Edges) -> Graph:
    """Of the repository as it stands."""
    return graph_of(edges, registry(), read_project(PROJECT))


def name_of(graph: Graph, place: int) -> str:
    column = graph.columns[place]
    return f"{graph.tables[column.table].name}.{column.name}"


def place_of(graph: Graph, name: str) -> int:
    return next(place for place in range(len(graph.columns)) if name_of(graph, place) == name)


def path(graph: Graph, place: int) -> set[str]:
    """The columns that a column is made from, all the way."""
    steps = graph.columns[place].made_from
    return {name_of(graph, step) for step in steps}.union(*(path(graph, step) for step in steps))


def test_revenue_s_path_reaches_the_source(graph: Graph) -> None:
    """From the fact over staging, RAW and the curated changes to the source's amount and status, and nothing else."""
    assert path(graph, place_of(graph, "marts.fct_orders.revenue")) == {
        f"{table}.{column}"
        for table in (
            "ecommerce.orders",
            "curated_ecommerce.orders_changes",
            "raw.orders",
            "staging.stg_orders",
            "staging.live_orders",
        )
        for column in ("total_amount", "status")
    }


def test_every_column_and_edge_is_there(graph: Graph, edges: Edges) -> None:
    """The page shows the graph that `tidemark lineage` prints."""
    shown = {
        name_of(graph, place): [name_of(graph, step) for step in column.made_from]
        for place, column in enumerate(graph.columns)
    }
    assert shown == {str(column): [str(step) for step in made_from] for column, made_from in edges.items()}


def test_tables_stand_behind_what_they_are_made_from(graph: Graph) -> None:
    """An edge leads to a higher rank and never to an earlier layer, so that the picture reads from left to right."""
    for column in graph.columns:
        table = graph.tables[column.table]
        parents = [graph.tables[graph.columns[step].table] for step in column.made_from]
        assert all(parent.rank < table.rank and parent.layer <= table.layer for parent in parents), table.name
    assert {table.layer for table in graph.tables} == set(range(len(graph.layers)))


def test_columns_and_tables_are_described(graph: Graph) -> None:
    """By the yml files; a column of source and lake by RAW's, whose name it has."""
    revenue = graph.columns[place_of(graph, "marts.fct_orders.revenue")]
    assert revenue.about == "The total amount; 0 when cancelled."
    assert graph.tables[revenue.table].about.startswith("Orders, one row each")
    emails = [graph.columns[place_of(graph, f"{table}.email")].about for table in ("ecommerce.users", "raw.users")]
    assert emails == ["The e-mail address, as typed; the shop demands that it be unique."] * 2
    marts = [column for column in graph.columns if graph.tables[column.table].layer == len(graph.layers) - 1]
    assert [column.name for column in marts if not column.about] == []


def test_hostile_text_is_text() -> None:
    """Names and descriptions that end a script element: the scripts are ours alone, the data holds the text whole."""
    made = Graph(("Source",), [Table(f"t.{HOSTILE}", 0, 0, HOSTILE)], [Shown(0, HOSTILE, HOSTILE, [])])
    parsed = Parsed(lineage_page(made))
    assert [kind for kind, _ in parsed.scripts] == ["application/json", None, None, None]
    assert "img" not in parsed.tags
    assert parsed.data["columns"] == [[0, HOSTILE, HOSTILE, []]]
    assert HOSTILE in parsed.shown


def test_the_page_asks_nobody_and_runs_only_its_own_scripts(graph: Graph) -> None:
    """Every address leads into the page or to the files beside it; ids are there once."""
    parsed = Parsed(lineage_page(graph))
    assert parsed.is_locked("index.html", "dbt.html")
    assert sorted(parsed.ids) == sorted(set(parsed.ids))


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """`--to` of a file is refused before anything is made."""
    (tmp_path / "taken").write_text("mine")
    done = CliRunner().invoke(app, ["docs", "--no-open", "--to", str(tmp_path / "taken")])
    assert done.exit_code == 2
    assert (tmp_path / "taken").read_text() == "mine"
