"""Rows of the chain's twins: what a commit writes, which version of a key counts, what a layer adds up to. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from reconciler.ports import Figures
from tidemark.tables import Table, registry
from transformer.ports import Model

Row = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]
KNOWN = registry()
FACTS = {"fct_orders": "orders", "fct_order_items": "order_items", "fct_transactions": "transactions"}
OF_ITS_FILE = ("_file_name", "_file_row_number")  # differs from attempt to attempt
OF_ITS_RUN = (*OF_ITS_FILE, "_run_id", "_run_seq")  # differs with the moment at which a cut was made


def models_of(dataset: str) -> list[Model]:
    """A staging model for each table, and the facts of those that have one."""
    tables = KNOWN.tables_of(dataset)
    staging = [
        Model(name=f"stg_{name}", kind="incremental", published_schema="staging", key=t.key, columns=[], raw=[name])
        for name, t in tables.items()
    ]
    facts = {fact: [f"stg_{name}"] for fact, name in FACTS.items() if name in tables}
    facts |= {"fct_sessions": []} if dataset == "events" else {}
    return staging + [
        Model(name=fact, kind="table", published_schema="marts", key=[], columns=[], reads=reads)
        for fact, reads in facts.items()
    ]


def row_of(name: str, table: Table, key: int, version: int, now_ms: int) -> Row:
    """A row of a table as its `version`th commit writes it."""
    values: Row = dict.fromkeys(KNOWN.pairs[name].columns) if name in KNOWN.pairs else {}
    values |= {"_deleted": False, "timestamp": at(now_ms)} if name == "user_events" else {}
    values |= {column: key if table.columns[column].type == "int" else f"{key:032x}" for column in table.key}
    values |= {"created_at": at(now_ms), "quantity": version}
    return {**values, "_lsn": 1000 * key + version, "_ts_ms": now_ms}


def newest(rows: Rows, key: Sequence[str]) -> list[Mapping[str, Any]]:
    """The latest version of every key."""
    latest = {tuple(row[k] for k in key): row for row in sorted(rows, key=lambda row: int(row["_lsn"]))}
    return [{k: row[k] for k in row if k not in OF_ITS_FILE} for row in latest.values()]


def lines(rows: Rows, without: Sequence[str]) -> list[str]:
    """Rows as sorted texts, without these columns; a doubled row is there twice."""
    return sorted(repr(sorted((k, v) for k, v in row.items() if k not in without)) for row in rows)


def figures(rows: Rows) -> Figures:
    """Totals of current rows."""
    return {"rows": Decimal(len(rows)), "versions": Decimal(sum(row["quantity"] for row in rows))}


def at(now_ms: int) -> datetime:
    """Epoch milliseconds as the stores keep times: UTC without a zone."""
    return datetime.fromtimestamp(now_ms / 1000, UTC).replace(tzinfo=None)
