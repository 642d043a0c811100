"""MERGE by DuckDB's own MERGE.

Quirk: fakesnow plays MERGE with a temporary table of candidates, which fails inside BEGIN and counts wrongly.
"""

from collections import Counter
from typing import Any

import duckdb
import fakesnow.transforms
import sqlglot
from fakesnow.cursor import FakeSnowflakeCursor
from snowflake.connector.errors import ProgrammingError
from sqlglot import exp

DUPLICATE_ROW = 100090
OUTCOMES = {"INSERT": "inserted", "UPDATE": "updated", "DELETE": "deleted"}


def native_merge() -> None:
    """Run MERGE as one DuckDB statement, and answer with Snowflake's counts."""
    stock_execute = FakeSnowflakeCursor._execute
    stock_transform = FakeSnowflakeCursor._transform
    fakesnow.transforms.merge = lambda expression: [expression]

    def transform(self: FakeSnowflakeCursor, expression: exp.Expression, params: object) -> exp.Expression:
        return stock_transform(self, unqualified_targets(expression), params)

    def execute(self: FakeSnowflakeCursor, transformed: exp.Expression, params: Any = None) -> None:
        if not isinstance(transformed, exp.Merge):
            stock_execute(self, transformed, params)
            return
        counts = run_merge(self._duck_conn, transformed, params)
        stock_execute(self, counts_query(counts), None)
        self._rowcount = sum(counts.values())

    FakeSnowflakeCursor._transform = transform
    FakeSnowflakeCursor._execute = execute


def unqualified_targets(expression: exp.Expression) -> exp.Expression:
    """DuckDB wants the assigned columns without the table's alias: SET t.a = s.a -> SET a = s.a."""
    if isinstance(expression, exp.Merge):
        for when in expression.args["whens"].expressions:
            then = when.args.get("then")
            assigned = [pair.this for pair in then.expressions] if isinstance(then, exp.Update) else []
            if isinstance(then, exp.Insert) and isinstance(then.this, exp.Tuple | exp.Schema):
                assigned = then.this.expressions
            for column in assigned:
                if isinstance(column, exp.Column):
                    column.set("table", None)
    return expression


def run_merge(connection: duckdb.DuckDBPyConnection, merge: exp.Merge, params: Any) -> dict[str, int]:
    """Rows per outcome, with a zero for each outcome that the statement names."""
    try:
        rows = connection.execute(merge.sql(dialect="duckdb") + " RETURNING merge_action", params or None).fetchall()
    except duckdb.Error as error:
        if "more than one source row" not in str(error):
            raise
        text = "Duplicate row detected during DML action"
        raise ProgrammingError(msg=f"{text}: {error}", errno=DUPLICATE_ROW, sqlstate="42P18") from error
    seen = Counter(OUTCOMES[action.upper()] for (action,) in rows)
    return {outcome: seen[outcome] for outcome in OUTCOMES.values() if outcome in named_outcomes(merge)}


def named_outcomes(merge: exp.Merge) -> set[str]:
    kinds = {exp.Insert: "inserted", exp.Update: "updated"}
    return {kinds.get(type(when.args.get("then")), "deleted") for when in merge.args["whens"].expressions}


def counts_query(counts: dict[str, int]) -> exp.Expression:
    columns = ", ".join(f'{count} AS "number of rows {outcome}"' for outcome, count in counts.items())
    return sqlglot.parse_one(f"SELECT {columns}", read="duckdb")
