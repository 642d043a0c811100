"""Mends of COPY INTO: options, metadata columns, all files or none."""

from typing import Any
from urllib.parse import urlparse

import duckdb
import fakesnow.copy_into
import fakesnow.cursor
import sqlglot
from fakesnow.transforms import stage
from snowflake.connector.errors import ProgrammingError
from sqlglot import exp

MOST_FILES = 1000  # Snowflake's limit of FILES = (...)


def mended_copy() -> None:
    """Quirks: FORCE=FALSE means TRUE; INCLUDE_METADATA is unknown; METADATA$ columns are unknown."""
    stock_copy, stock_inserts = fakesnow.copy_into.copy_into, fakesnow.copy_into._inserts

    def copy_into(
        connection: duckdb.DuckDBPyConnection, database: str, schema: str, copy: exp.Copy, *rest: Any, **named: Any
    ) -> str:
        result: str = stock_copy(connection, database, schema, prepared(copy), *rest, **named)
        return result

    def inserts(copy: exp.Copy, params: Any, urls: list[str], *rest: Any) -> list[exp.Expression]:
        included = copy.meta.get("included", {})
        statements = stock_inserts(copy, params, urls, *rest)
        return [with_metadata(insert, url, included) for insert, url in zip(statements, urls, strict=True)]

    fakesnow.copy_into._inserts = inserts
    fakesnow.cursor.copy_into = copy_into


def prepared(copy: exp.Copy) -> exp.Copy:
    """The statement with the options that fakesnow knows; INCLUDE_METADATA is kept beside it, in `meta`."""
    copy = copy.copy()
    kept = []
    for option in copy.args.get("params", []):
        name, value = option.this.name.upper(), option.expression
        if name == "INCLUDE_METADATA":
            copy.meta["included"] = included_columns(value)
        elif name == "FILES" and len(list(option.find_all(exp.Literal))) > MOST_FILES:
            raise ProgrammingError(msg=f"more than {MOST_FILES} FILES", errno=1008, sqlstate="22023")
        elif not (name in ("FORCE", "PURGE") and isinstance(value, exp.Boolean) and not value.this):
            kept.append(option)
    copy.set("params", kept)
    return copy


def included_columns(value: exp.Expression) -> dict[str, str]:
    """INCLUDE_METADATA = (a = METADATA$FILENAME, ...) as {'A': 'METADATA$FILENAME'}."""
    alone = value.this if isinstance(value, exp.Paren) else value
    pairs = value.expressions if isinstance(value, exp.Tuple) else [alone]
    return {pair.this.name.upper(): pair.expression.name.upper() for pair in pairs}


def with_metadata(insert: exp.Expression, url: str, included: dict[str, str]) -> exp.Expression:
    """One file's INSERT, its METADATA$ columns filled."""
    insert = insert.copy()
    select = insert.expression
    for column in list(insert.find_all(exp.Column)):
        if column.name.upper().startswith("METADATA$"):
            column.replace(metadata(column.name.upper(), url))
    if included:
        read = [item for item in select.expressions if item.alias_or_name.upper() not in included]
        filled = [exp.alias_(metadata(source, url), name, quoted=True) for name, source in included.items()]
        select.set("expressions", read + filled)
    return insert


def metadata(name: str, url: str) -> exp.Expression:
    """The value of one METADATA$ column for the rows of one file."""
    values = {
        "METADATA$FILENAME": exp.Literal.string(stage_file_name(url)),
        "METADATA$FILE_ROW_NUMBER": sqlglot.parse_one("row_number() OVER ()", read="duckdb"),
        "METADATA$START_SCAN_TIME": sqlglot.parse_one("now()::timestamp", read="duckdb"),
        "METADATA$FILE_LAST_MODIFIED": sqlglot.parse_one("now()::timestamp", read="duckdb"),
    }
    if name not in values:
        raise ProgrammingError(msg=f"Unsupported metadata column {name}", errno=2, sqlstate="0A000")
    return values[name]


def stage_file_name(url: str) -> str:
    """As Snowflake has it: the path inside the bucket, without the bucket's name."""
    path = stage.file_path(url)
    return str(stage.internal_file_name(path)) if stage.is_internal(path) else urlparse(url).path.lstrip("/")
