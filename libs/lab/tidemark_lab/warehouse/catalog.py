"""Mends of information_schema and of the types that CREATE TABLE ... AS leaves behind."""

from string import Template
from typing import Any

import duckdb
import fakesnow.info_schema
import fakesnow.transforms
from fakesnow.cursor import FakeSnowflakeCursor
from sqlglot import exp

NARROW_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER")
ALL_INTEGERS = ("BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", *NARROW_INTEGERS)
VIEWS_AS_TABLES = """
union all by name
select database_name as "TABLE_CATALOG", schema_name as "TABLE_SCHEMA", view_name as "TABLE_NAME",
    'SYSADMIN' as "TABLE_OWNER", 'VIEW' as "TABLE_TYPE", 'NO' as "IS_TRANSIENT", 'NO' as "IS_INSERTABLE_INTO",
    to_timestamp(0)::timestamptz as "CREATED", to_timestamp(0)::timestamptz as "LAST_ALTERED"
from duckdb_views
where database_name = '${catalog}' and schema_name != '_fs_information_schema' and not internal
"""


def views_in_tables() -> None:
    """Quirk: information_schema.tables lists no views."""
    stock = fakesnow.info_schema.SQL_CREATE_INFORMATION_SCHEMA_TABLES_VIEW.template
    mended = stock.replace("create view if not exists", "create or replace view") + VIEWS_AS_TABLES
    fakesnow.info_schema.SQL_CREATE_INFORMATION_SCHEMA_TABLES_VIEW = Template(mended)


def integers_are_numbers() -> None:
    """Quirk: information_schema.columns shows DuckDB's integer types (INTEGER, HUGEINT) instead of NUMBER(38,0)."""
    listed = ", ".join(f"'{name}'" for name in ALL_INTEGERS)
    stock = fakesnow.info_schema.SQL_CREATE_GLOBAL_INFORMATION_SCHEMA_COLUMNS_VIEW
    mended = stock.replace("columns.data_type='BIGINT'", f"columns.data_type in ({listed})")
    mended = mended.replace("create view if not exists", "create or replace view")
    fakesnow.info_schema.SQL_CREATE_GLOBAL_INFORMATION_SCHEMA_COLUMNS_VIEW = mended


def quoted_comments() -> None:
    """Quirk: a table's comment with an apostrophe (dbt's persist_docs) breaks the statement that records it."""
    stock = fakesnow.info_schema.insert_table_comment_sql

    def insert_table_comment_sql(catalog: str, schema: str, table: str, comment: str | None) -> str:
        text: str = stock(catalog, schema, table, (comment or "").replace("'", "''"))
        return text

    fakesnow.info_schema.insert_table_comment_sql = insert_table_comment_sql


def created_tables() -> None:
    """Two quirks of CREATE TABLE.

    IF NOT EXISTS forgets the load history of a table that is there, so that the next COPY loads twice. AS SELECT makes
    32-bit columns of literals, which a later, larger number overflows: they are widened.
    """
    stock = FakeSnowflakeCursor._execute

    def execute(self: FakeSnowflakeCursor, transformed: exp.Expression, params: Any = None) -> None:
        table = _created_table(transformed)
        if table is None:
            stock(self, transformed, params)
            return
        place = table.db or self._conn.schema, table.catalog or self._conn.database
        name = exp.table_(table.name, *place, quoted=True).sql("duckdb")
        if transformed.args.get("exists") and _column_types(self, name):
            stock(self, fakesnow.transforms.SUCCESS_NOP, None)
            return
        stock(self, transformed, params)
        for column, kind in _column_types(self, name):
            if kind in NARROW_INTEGERS:
                self._duck_conn.execute(f'ALTER TABLE {name} ALTER COLUMN "{column}" TYPE BIGINT')

    FakeSnowflakeCursor._execute = execute


def _created_table(statement: exp.Expression) -> exp.Table | None:
    if isinstance(statement, exp.Create) and str(statement.args.get("kind")).upper() == "TABLE":
        return statement.find(exp.Table)
    return None


def _column_types(cursor: FakeSnowflakeCursor, table: str) -> list[tuple[str, str]]:
    """Names and types of a table's columns, none if there is no such table; duckdb_columns() walks every database."""
    try:
        return [(row[0], row[1]) for row in cursor._duck_conn.execute(f"DESCRIBE {table}").fetchall()]
    except duckdb.CatalogException:
        return []
