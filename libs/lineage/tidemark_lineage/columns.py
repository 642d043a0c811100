"""The graph: each column with the columns that it is made from, sources first.

A table is written `namespace.name` or `schema.name`, in lower case; columns too.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Column(NamedTuple):
    """One column of one table."""

    table: str
    name: str

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"


Edges = dict[Column, list[Column]]


def uses(edges: Mapping[Column, Iterable[Column]]) -> Edges:
    """The graph turned round: each column with the columns that are made from it."""
    found: Edges = {column: [] for column in edges}
    for column, made_from in edges.items():
        for source in made_from:
            found[source].append(column)
    return found


def columns_of(edges: Edges, table: str) -> list[Column]:
    """A table's columns, in order."""
    return [column for column in edges if column.table == table]


def find(edges: Edges, text: str) -> Column | None:
    """`TABLE.COLUMN` with or without the table's namespace; of several the one nearest to the source."""
    wanted = text.lower()
    return next((c for c in edges if wanted in (str(c), str(c).partition(".")[2])), None)
