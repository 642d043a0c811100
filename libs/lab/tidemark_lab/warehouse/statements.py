"""Mends of statements: those that stock fakesnow refuses, retries for ever or understands differently."""

import re
from functools import cache
from typing import Any

import duckdb
import fakesnow.cursor
import fakesnow.transforms
import sqlglot
from fakesnow.cursor import FakeSnowflakeCursor
from snowflake.connector.errors import Error
from sqlglot import exp

from tidemark_lab.warehouse.errors import sql_error

# Statements that mean nothing here and succeed: DuckDB has neither warehouses nor roles.
IGNORED_STATEMENTS = [
    rf"\s*(?:/\*.*?\*/\s*)*(?:{pattern})"
    for pattern in (
        r"(create|alter|drop)\s+(or\s+replace\s+)?(warehouse|resource\s+monitor|role|user|account)\b",
        r"(grant|revoke)\b",
        r"alter\s+session\s+(set|unset)\s+(?!autocommit)",
        r"use\s+(secondary\s+roles|role|warehouse)\b",
        r"alter\s+(table|view)\s+\S+\s+alter\s[\s\S]*\scomment\s",
        r"alter\s+(table|view)\s+(if\s+exists\s+)?\S+\s+set\s+(tag|data_retention_time_in_days|change_tracking|comment)\b",
        r"alter\s+(database|schema)\s+\S+\s+set\b",
        r"comment\s+(if\s+exists\s+)?on\s+(column|schema|database)\b",
    )
]
DECLARED_ONLY = (exp.PrimaryKeyColumnConstraint, exp.UniqueColumnConstraint, exp.Reference)
QUERY_TAG = """
SELECT 'QUERY_TAG' AS "key", '' AS "value", '' AS "default", '' AS "level", 'tag' AS "description", 'STRING' AS "type"
"""


def errors_not_500() -> None:
    """Quirk: an unsupported statement becomes HTTP 500, which the connector sends again for ever."""
    stock = FakeSnowflakeCursor.execute

    def execute(self: FakeSnowflakeCursor, *args: Any, **named: Any) -> FakeSnowflakeCursor:
        try:
            return stock(self, *args, **named)
        except Error:
            raise
        except Exception as error:  # whatever a foreign engine raises has to reach the client as an SQL error
            raise sql_error(error) from error

    FakeSnowflakeCursor.execute = execute


def declared_constraints(expression: exp.Expression) -> exp.Expression:
    """Quirk: primary, unique and foreign keys are enforced; Snowflake only records them. NOT NULL stays enforced."""
    if not (isinstance(expression, exp.Create) and isinstance(expression.this, exp.Schema)):
        return expression
    table_level = (exp.PrimaryKey, exp.ForeignKey, exp.UniqueColumnConstraint, exp.Constraint)
    columns = [part for part in expression.this.expressions if not isinstance(part, table_level)]
    for column in columns:
        kept = [c for c in column.args.get("constraints") or [] if not isinstance(_kind(c), DECLARED_ONLY)]
        column.set("constraints", kept)
    expression.this.set("expressions", columns)
    return expression


def _kind(constraint: exp.Expression) -> object:
    return constraint.args.get("kind") if isinstance(constraint, exp.ColumnConstraint) else constraint


def temporary_objects(expression: exp.Expression) -> exp.Expression:
    """Quirk: a temporary table with a qualified name (dbt's) is refused; it becomes an ordinary one."""
    properties = expression.args.get("properties") if isinstance(expression, exp.Create) else None
    table = expression.find(exp.Table) if properties else None
    if properties is not None and table is not None and table.args.get("db"):
        kept = [item for item in properties.expressions if not isinstance(item, exp.TemporaryProperty)]
        properties.set("expressions", kept)
    return expression


@cache
def duckdb_reserved_words() -> frozenset[str]:
    query = "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category IN ('reserved', 'type_function')"
    return frozenset(name.upper() for (name,) in duckdb.connect().execute(query).fetchall())


def reserved_names(expression: exp.Expression) -> exp.Expression:
    """Quirk: a column may not be named AT or another word that only DuckDB reserves; it is quoted."""
    for name in expression.find_all(exp.Identifier):
        if not name.args.get("quoted") and name.name.upper() in duckdb_reserved_words():
            name.set("this", name.name.upper())
            name.set("quoted", True)
    return expression


def clones() -> None:
    """Quirk: CREATE OR REPLACE TABLE ... CLONE forgets OR REPLACE and IF NOT EXISTS."""
    stock = fakesnow.transforms.create_clone

    def create_clone(expression: exp.Expression) -> exp.Expression:
        mended = stock(expression)
        if mended is not expression:
            for flag in ("replace", "exists"):
                mended.set(flag, expression.args.get(flag))
        return mended

    fakesnow.transforms.create_clone = create_clone


def query_tag() -> None:
    """Quirk: SHOW PARAMETERS LIKE 'query_tag' (dbt asks for it) finds nothing."""
    stock = fakesnow.transforms.show_parameters

    def show_parameters(expression: exp.Expression) -> exp.Expression:
        text = str(expression.expression) if isinstance(expression, exp.Command) else ""
        if re.match(r"\s*parameters\s+like\s+'query_tag'", text, re.IGNORECASE):
            return sqlglot.parse_one(QUERY_TAG, read="duckdb")
        return stock(expression)

    fakesnow.transforms.show_parameters = show_parameters


def rewritten_statements() -> None:
    """Hook the rewriting functions of this module in before fakesnow's."""
    stock = FakeSnowflakeCursor._transform

    def transform(self: FakeSnowflakeCursor, expression: exp.Expression, params: object) -> exp.Expression:
        for mend in (declared_constraints, temporary_objects, reserved_names):
            expression = mend(expression)
        return stock(self, expression, params)

    FakeSnowflakeCursor._transform = transform
