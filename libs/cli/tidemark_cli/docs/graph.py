"""The lineage page's data: every table with its place in the picture, every column with those that it is made from."""

from graphlib import TopologicalSorter
from typing import Any

from msgspec import Struct

from tidemark.tables import Registry
from tidemark_lake.standing import curated_name
from tidemark_lineage import Edges
from tidemark_lineage.lake import RAW
from tidemark_lineage.models import Project

LAYERS = ("Source", "Curated lake", "RAW", "Staging", "Marts")


class Table(Struct, frozen=True):
    """A table: its layer's number, and its rank from left to right (several in a layer whose tables are chained)."""

    name: str
    layer: int
    rank: int
    about: str


class Column(Struct, frozen=True):
    """A column: its table's number, and the numbers of the columns that it is made from."""

    table: int
    name: str
    about: str
    made_from: list[int]


class Graph(Struct, frozen=True):
    """All that the page knows; tables and columns are referred to by their places here."""

    layers: tuple[str, ...]
    tables: list[Table]
    columns: list[Column]


def graph_of(edges: Edges, registry: Registry, project: Project) -> Graph:
    """The graph, tables and columns in the order of the edges: sources first."""
    parents = _parents(edges)
    layers = {table: _layer(table, registry) for table in parents}
    ranks = _ranks(parents, layers)
    origins = _origins(registry)
    tables = {name: Table(name, layers[name], ranks[name], project.tables.get(name, "")) for name in parents}
    numbers, places = {name: n for n, name in enumerate(tables)}, {column: n for n, column in enumerate(edges)}
    columns = [
        Column(
            table=numbers[column.table],
            name=column.name,
            about=project.columns.get(origins.get(column.table, column.table), {}).get(column.name, ""),
            made_from=[places[source] for source in made_from],
        )
        for column, made_from in edges.items()
    ]
    return Graph(LAYERS, list(tables.values()), columns)


def _parents(edges: Edges) -> dict[str, set[str]]:
    """Every table with those that its columns are made from."""
    found: dict[str, set[str]] = {}
    for column, made_from in edges.items():
        found.setdefault(column.table, set()).update(source.table for source in made_from)
    return found


def _layer(table: str, registry: Registry) -> int:
    namespace = table.partition(".")[0]
    datasets = registry.datasets.values()
    known = {d.source: 0 for d in datasets} | {d.curated: 1 for d in datasets} | {RAW: 2, "staging": 3}
    return known.get(namespace, len(LAYERS) - 1)


def _ranks(parents: dict[str, set[str]], layers: dict[str, int]) -> dict[str, int]:
    """Layer by layer, and within a layer behind every table that a table is made from."""
    depths: dict[str, tuple[int, int]] = {}
    for table in TopologicalSorter(parents).static_order():
        before = [depths[parent][1] for parent in parents[table] if layers[parent] == layers[table]]
        depths[table] = (layers[table], max(before, default=-1) + 1)
    order = {depth: rank for rank, depth in enumerate(sorted(set(depths.values())))}
    return {table: order[depth] for table, depth in depths.items()}


def _origins(registry: Registry) -> dict[str, str]:
    """RAW's table for each of the source's and the lake's: names stay the same up to there, and RAW's are described."""
    found: dict[str, str] = {}
    for name, table in registry.tables.items():
        curated = [curated_name(registry, table.dataset, name, kind) for kind in ("current", "changes")]
        source = f"{registry.datasets[table.dataset].source}.{name}"
        found |= dict.fromkeys((source, *curated), f"{RAW}.{name}")
    return found


def as_data(graph: Graph) -> dict[str, Any]:
    """As the page's script reads it: rows instead of records, because there are many."""
    return {
        "layers": graph.layers,
        "tables": [[table.name, table.layer, table.rank, table.about] for table in graph.tables],
        "columns": [[column.table, column.name, column.about, column.made_from] for column in graph.columns],
    }
