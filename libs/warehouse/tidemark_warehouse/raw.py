"""RAW tables follow the registry: created, new columns added, widened ones widened, dropped ones left to be null.

`raw_columns` is RAW's shape for a table of the registry; to give every RAW table one more column of tidemark's own,
add it to METADATA. Every change is a sentence for the audit.
"""

import re
from collections.abc import Callable

from snowflake.connector import SnowflakeConnection

from tidemark.errors import TypedStop
from tidemark.tables import Table
from tidemark_warehouse.connect import execute
from tidemark_warehouse.identifiers import Sql, column_type, definitions, names, quote
from tidemark_warehouse.sql import load, render

METADATA: dict[str, Sql] = {
    "_OP": column_type("string"),
    "_LSN": column_type("long"),
    "_TS_MS": column_type("long"),
    "_SOURCE_TS": column_type("timestamp"),
    "_FLAGS": column_type("string"),
    "_RUN_ID": column_type("string"),
    "_RUN_SEQ": column_type("long"),
    "_FILE_NAME": column_type("string"),
    "_FILE_ROW_NUMBER": column_type("long"),
    "_LOADED_AT": column_type("timestamp"),
}
_NUMBER = re.compile(r"(?:NUMBER|DECIMAL|NUMERIC)\((\d+), ?(\d+)\)")
_FAMILIES = {"TEXT": "VARCHAR", "STRING": "VARCHAR", "TIMESTAMP_NTZ": "TIMESTAMP", "VARCHAR": "VARCHAR"}


def raw_columns(table: Table) -> dict[str, Sql]:
    """RAW's columns, upper case, in order: the contract's, then tidemark's own."""
    return {name.upper(): column_type(column.type) for name, column in table.columns.items()} | METADATA


def follow_registry(
    connection: SnowflakeConnection, name: str, table: Table, say: Callable[[str], object]
) -> list[str]:
    """Bring RAW.<NAME> to the registry's shape; what was changed, as sentences. DDL: commits by itself.

    Each change is said before it is made, so that a crash in between cannot leave a change that the audit lacks; a
    repeat says it again. TypedStop if a column's type can only be changed by writing the table anew.
    """
    statements, wanted = load("tidemark_warehouse"), raw_columns(table)
    target = quote("raw", name)
    found = {row[0]: str(row[1]).upper() for row in execute(connection, statements["columns"], {"table": name.upper()})}
    if not found:
        created = f"created with {len(wanted)} columns"
        say(created)
        cluster = Sql(f"CLUSTER BY ({names(table.cluster_by)})") if table.cluster_by else Sql("")
        execute(
            connection,
            render(statements["create_raw"], table=target, columns=definitions(wanted), cluster=cluster),
        )
        return [created]
    changes = []
    for column, kind in wanted.items():
        change = _change(found.get(column), kind, f"RAW.{name.upper()}.{column}")
        if change is None:
            continue
        was = f", was {found[column]}" if column in found else ""
        changes.append(f"{change.replace('_', ' ')} {column} {kind}{was}")
        say(changes[-1])
        execute(connection, render(statements[change], table=target, column=column, type=kind))
    return changes


def _change(found: str | None, wanted: Sql, where: str) -> str | None:
    if found is None:
        return "add_column"
    old, new = _NUMBER.fullmatch(found), _NUMBER.fullmatch(wanted)
    if old and new:
        if int(new[1]) <= int(old[1]) and new[2] == old[2]:
            return None
        if new[2] == old[2]:
            return "widen_column"
    elif _family(found) == _family(wanted):
        return None
    raise TypedStop(
        f"{where} is {found} but the registry says {wanted}, which no ALTER can do: "
        "rename the old column in RAW (it keeps its history), then resume"
    )


def _family(kind: str) -> str:
    bare = kind.split("(")[0]
    return _FAMILIES.get(bare, bare)
