"""A dataset without a speed-side pair: lake, RAW, staging and marts against each other, table by table.

Lake and RAW by the changes they hold, lake and staging by rows, deleted rows and the sums of keys and money, marts
against staging's live rows (without the flagged ones, if the marts leave them out). All of it as of one decision, the
one whose number is the run that the marts hold.
"""

from reconciler.compare import unlike_figures
from reconciler.ports import Figures, Lake, Marts, Published
from tidemark import signals
from tidemark.tables import Table
from tidemark.telemetry import span

MARTS_OF_ROWS = {"orders": "fct_orders", "order_items": "fct_order_items"}


def compare_layers(
    dataset: str, name: str, table: Table, published: Published, lake: Lake, marts: Marts
) -> tuple[Figures, list[str]]:
    """The lake's figures, and a sentence for each figure that differs somewhere."""
    seq = published.to_seq
    with span(signals.FIGURES.format(table=name, engine="lake"), engine="lake", table=name):
        in_lake = lake.figures(dataset, seq, name, table)
    with span(signals.FIGURES.format(table=name, engine="warehouse"), engine="batch", table=name):
        unlike = unlike_figures(in_lake, marts.raw(name, table, seq), ("lake", "RAW"))
        unlike += unlike_figures(in_lake, marts.staging(name, table), ("lake", "staging"))
        if mart := MARTS_OF_ROWS.get(name):
            live = marts.live(name, table, published.exclude_flagged)
            unlike += unlike_figures(live, marts.mart(mart, table), ("live staging", mart))
    return in_lake, unlike


def sentence(figures: Figures) -> str:
    """The figures in one line."""
    return ", ".join(f"{name} {value:f}" for name, value in figures.items())


def number_keys(table: Table) -> list[str]:
    """The key's columns whose sum says something."""
    return [name for name in table.key if table.columns[name].type in ("int", "long")]


def money(table: Table) -> list[str]:
    """The columns that hold money."""
    return [name for name, column in table.columns.items() if column.type.startswith("decimal")]


def columns_summed(table: Table) -> list[str]:
    """The columns whose sums lake and staging are compared by."""
    return [*number_keys(table), *money(table)]
