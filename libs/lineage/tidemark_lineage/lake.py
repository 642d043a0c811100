"""Edges from the source's columns over the changes and the current table to RAW: the registry's names, which stay the
same all the way, and the columns that tidemark adds.
"""

import sqlglot
from sqlglot import exp

from tidemark.tables import Order, Registry, Table
from tidemark_lineage.columns import Column, Edges

RAW = "raw"
ORDER_COLUMNS: dict[Order, dict[str, str]] = {
    "debezium": {"_op": "__op", "_lsn": "__source_lsn", "_ts_ms": "__ts_ms", "_source_ts": "__source_ts_ms"},
    "arrival": {"_ts_ms": "__ts_ms"},
}
CHANGE = ("_op", "_lsn", "_ts_ms", "_source_ts", "_flags")
RUN = ("_run_id", "_run_seq")
LOAD = ("_file_name", "_file_row_number", "_loaded_at")


def lake_edges(registry: Registry) -> Edges:
    """The edges of every table of the registry."""
    edges: Edges = {}
    for name, table in registry.tables.items():
        dataset = registry.datasets[table.dataset]
        order = ORDER_COLUMNS[dataset.order]
        source, current = f"{dataset.source}.{name}", f"{dataset.curated}.{name}"
        edges |= {Column(source, column): [] for column in (*table.columns, *order.values())}
        edges |= _changes(source, f"{current}_changes", table, order)
        edges |= _current(f"{current}_changes", current, table)
        edges |= _raw(f"{current}_changes", f"{RAW}.{name}", table)
    return edges


def _changes(source: str, changes: str, table: Table, order: dict[str, str]) -> Edges:
    made = {column: [column] for column in table.columns}
    made |= {column: [order[column]] if column in order else [] for column in CHANGE}
    made |= {"_flags": _flagged(table)} | {column: [] for column in RUN}
    return {Column(changes, name): [Column(source, column) for column in names] for name, names in made.items()}


def _current(changes: str, current: str, table: Table) -> Edges:
    made = {column: [column] for column in (*table.columns, *CHANGE, "_run_seq")}
    made |= {"_state_flags": list(table.unique), "_is_deleted": ["_op"]}
    return {Column(current, name): [Column(changes, column) for column in names] for name, names in made.items()}


def _raw(changes: str, raw: str, table: Table) -> Edges:
    copied = {Column(raw, name): [Column(changes, name)] for name in (*table.columns, *CHANGE, *RUN)}
    return copied | {Column(raw, name): [] for name in LOAD}


def _flagged(table: Table) -> list[str]:
    """The columns that the flagging rules look at."""
    rules = [sqlglot.parse_one(rule.holds, dialect="spark") for rule in table.rules if rule.severity == "flag"]
    names = [column.name for rule in rules for column in rule.find_all(exp.Column)]
    return [name for name in table.columns if name in names]
