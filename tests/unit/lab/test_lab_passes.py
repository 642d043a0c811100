"""Fakesnow's passes over a statement: those left out would have found nothing."""

import re
from types import SimpleNamespace
from typing import Any, ClassVar

import duckdb
import pytest
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.dialect import parse_one
from fakesnow.variables import Variables
from sqlglot import exp

from tidemark_lab.warehouse.functions import OWN_PASSES
from tidemark_lab.warehouse.passes import REWRITES, Tree, kinds_of, name_of

STATEMENTS = """
SELECT A.X, B.Y AS Z FROM DB.S.A JOIN B ON Z = A.X WHERE A.X > 1 AND SEQ.NEXTVAL > 2
ALTER SESSION SET AUTOCOMMIT = FALSE
ALTER TABLE T CLUSTER BY (A, B)
ALTER TABLE T RESUME RECLUSTER
ALTER TABLE T MODIFY COLUMN A SET TAG P = 'x'
ALTER TABLE T ALTER A COMMENT 'of a column'
ALTER TABLE T ADD COLUMN V VARCHAR(20)
COMMENT ON TABLE T IS 'of a table'
CREATE TABLE T (A VARCHAR(10), B NUMBER(10, 2), C INT, D FLOAT, V VARIANT, W TIMESTAMP_NTZ) COMMENT = 'of it'
CREATE TABLE T (A INT) AS SELECT 1
CREATE OR REPLACE TABLE T CLONE U
CREATE DATABASE IF NOT EXISTS D
CREATE STAGE S URL = 's3://lake/x'
CREATE FILE FORMAT F TYPE = CSV
CREATE USER SOMEBODY
DROP SCHEMA S
USE SCHEMA S
LIST @S
PUT 'file:///x.csv' @S
SET X = 1
SHOW COLUMNS IN TABLE T
SHOW DATABASES
SHOW FUNCTIONS
SHOW USER FUNCTIONS IN ACCOUNT
SHOW PRIMARY KEYS IN SCHEMA S
SHOW PARAMETERS LIKE 'TIME%'
SHOW PARAMETERS IN ACCOUNT
SHOW PROCEDURES
SHOW SCHEMAS IN DATABASE D
SHOW SEQUENCES
SHOW STAGES
SHOW TABLES
SHOW OBJECTS IN SCHEMA S
SHOW USERS
SHOW WAREHOUSES
SELECT ARRAY_AGG(X) WITHIN GROUP (ORDER BY Y) FROM T
SELECT ARRAY_AGG(X), OBJECT_AGG(K, V) FROM T
SELECT ARRAY_CONSTRUCT(1, 2), ARRAY_CONSTRUCT_COMPACT(1, NULL), ARRAY_CAT([1], [2]), ARRAY_SIZE(X), X[0] FROM T
SELECT OBJECT_CONSTRUCT('a', 1), OBJECT_CONSTRUCT(*) FROM T
SELECT CURRENT_VERSION(), CURRENT_WAREHOUSE()
SELECT DATEADD(DAY, 1, '2026-01-01'), DATEADD(DAY, 1, TO_DATE('2026-01-01')), DATEADD(DAY, 1, X::DATE) FROM T
SELECT DATEDIFF(DAY, '2026-01-01', X) FROM T
SELECT TO_DATE(X), TO_DATE('2026-01-01'), '2026-01-01 00:00:00 +09:00'::TIMESTAMP_TZ FROM T
SELECT TO_TIMESTAMP(X), TO_TIMESTAMP_NTZ(X, 3), TO_TIMESTAMP(1), X::TIMESTAMP, TO_VARCHAR(X, 'YYYY-MM-DD') FROM T
SELECT F.VALUE::VARCHAR, V:a.b::VARCHAR, UPPER(V:a), V:a = 1 FROM T, LATERAL FLATTEN(INPUT => V) F
SELECT HAVERSINE(1, 2, 3, 4), X'ff', SHA2(X), SHA2_HEX(X), SHA2_BINARY(X), MD5_NUMBER_LOWER64(X) FROM T
SELECT * FROM IDENTIFIER('S.T')
SELECT REGEXP_REPLACE(X, 'a'), REGEXP_SUBSTR(X, 'a', 1, 1), SPLIT(X, ','), TRIM(X), TRIM(X, 'a') FROM T
SELECT RANDOM(1), SUM(X), AVG(X), STDDEV(X), VARIANCE(X) FROM T SAMPLE (10)
SELECT * FROM TABLE(RESULT_SCAN('id'))
SELECT TO_DECIMAL(X, 10, 2), TO_VARIANT(X), TRY_PARSE_JSON(X), PARSE_JSON(X), CAST(X AS ARRAY), X::FLOAT FROM T
SELECT * FROM (VALUES (1, 'a'))
INSERT INTO T (A) SELECT COLUMN1 FROM (VALUES (1, 2)) WHERE COLUMN2 = 2
UPDATE T SET A = SUM(B) OVER (PARTITION BY C) WHERE A IN (SELECT A FROM U JOIN V ON U.X = V.X)
MERGE INTO T USING (SELECT A, B FROM U) S ON T.A = S.A WHEN MATCHED THEN UPDATE SET B = S.B::INT
SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'S'
SELECT DATABASE_NAME FROM INFORMATION_SCHEMA.DATABASES
WITH A AS (SELECT OBJECT_CONSTRUCT('k', X) AS O FROM T) SELECT O, O:k AS P FROM A WHERE P = 1
""".strip().splitlines()


def cursor() -> Any:
    """As much of a session as rewriting looks at."""
    connection = SimpleNamespace(variables=Variables(), database="DB", schema="S", db_path=None, table_stages=None)
    return SimpleNamespace(_conn=connection, _duck_conn=duckdb.connect())


def rewritten(statement: str, passes: type[Tree] | None) -> str:
    """What DuckDB would be given, with what is noted beside it; or what the rewriting refuses."""
    tree: Any = passes(parse_one(statement)) if passes else parse_one(statement)
    for rewrite in OWN_PASSES:
        tree = tree.transform(rewrite, copy=False)
    try:
        tree = FakeSnowflakeCursor._transform(cursor(), tree, None)
    except NotImplementedError as error:
        return f"not implemented: {error}"
    return told(tree.expression if isinstance(tree, Tree) else tree)


def told(tree: exp.Expression) -> str:
    notes = sorted((name, str(value)) for name, value in tree.args.items())
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+", "now", f"{tree!r} {notes}")


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_becomes_what_all_passes_make_of_it(statement: str) -> None:
    """Whatever is left out: the same SQL, the same notes, the same refusals."""
    assert rewritten(statement, Tree) == rewritten(statement, None)


class Observed(Tree):
    """Notes which passes changed something."""

    fruitful: ClassVar[set[str]] = set()

    def transform(self, rewrite: Any, *args: Any, copy: bool = True, **named: Any) -> "Observed":
        before = told(self.expression)
        super().transform(rewrite, *args, copy=copy, **named)
        if told(self.expression) != before:
            self.fruitful.add(name_of(rewrite))
        return self


def test_every_pass_that_may_be_left_out_finds_something_in_these_statements() -> None:
    """So the test above looks at each of them; and no name stands for a pass that fakesnow no longer has."""
    for statement in STATEMENTS:
        rewritten(statement, Observed)
    assert sorted(REWRITES.keys() - Observed.fruitful) == []


def test_a_pass_that_is_not_named_always_runs() -> None:
    """A newer fakesnow's, or one whose name has changed."""

    def renamed(node: exp.Expression) -> exp.Expression:
        return exp.Literal.number(2) if isinstance(node, exp.Literal) else node

    assert kinds_of(renamed) is None
    assert Tree(parse_one("SELECT 1")).transform(renamed).expression.sql() == "SELECT 2"
