"""Mends of SQL functions. Each rewrites a parsed expression; `apply` hooks them in before fakesnow's own rewriting."""

from string import Template

import fakesnow.cursor
import fakesnow.macros
import fakesnow.transforms
from sqlglot import exp

from tidemark_lab.warehouse.errors import unsupported
from tidemark_lab.warehouse.passes import NUMERIC_AGGREGATES, Tree

# Longest first, so that FF6 is not read as FF and YYYY not as YY.
DATE_FORMATS = {
    "YYYY": "%Y", "HH24": "%H", "HH12": "%I", "MMMM": "%B", "MON": "%b", "FF3": "%g", "FF6": "%f", "FF9": "%n",
    "FF": "%n", "YY": "%y", "MM": "%m", "DD": "%d", "DY": "%a", "MI": "%M", "SS": "%S", "AM": "%p", "PM": "%p",
}  # fmt: skip
SESSION_NAMES = ("CURRENT_WAREHOUSE", "CURRENT_ACCOUNT", "CURRENT_REGION", "CURRENT_ACCOUNT_NAME")

EXACT_TO_TIMESTAMP = """
CREATE OR REPLACE MACRO ${catalog}._fs_to_timestamp(val, scale) AS (
    CASE
        WHEN try_cast(val AS BIGINT) IS NULL THEN CAST(val AS TIMESTAMP)
        WHEN scale = 0 THEN make_timestamp(try_cast(val AS BIGINT) * 1000000)
        WHEN scale = 3 THEN make_timestamp(try_cast(val AS BIGINT) * 1000)
        WHEN scale = 6 THEN make_timestamp(try_cast(val AS BIGINT))
        WHEN scale = 9 THEN make_timestamp(try_cast(val AS BIGINT) // 1000)
    END
);
"""


def exact_aggregates() -> None:
    """Quirk: SUM and AVG cast to DOUBLE and lose money; the column's name (SUM(X)) is kept."""
    stock_name = fakesnow.transforms.transforms._numeric_agg_col_name

    def numeric_agg_implicit_cast(expression: exp.Expression) -> exp.Expression:
        if isinstance(expression, NUMERIC_AGGREGATES) and isinstance(expression.parent, exp.Select):
            name = stock_name(expression, expression.this)
            return exp.alias_(expression, name, quoted=True) if name else expression
        return expression

    fakesnow.transforms.numeric_agg_implicit_cast = numeric_agg_implicit_cast


def trim_characters() -> None:
    """Quirk: TRIM(x, chars) trims blanks only, because the second argument is lost."""
    stock = fakesnow.transforms.trim_cast_varchar

    def trim_cast_varchar(expression: exp.Expression) -> exp.Expression:
        characters = expression.args.get("expression") if isinstance(expression, exp.Trim) else None
        position = expression.args.get("position") if isinstance(expression, exp.Trim) else None
        mended = stock(expression)
        if isinstance(mended, exp.Trim):
            mended.set("expression", characters)
            mended.set("position", position)
        return mended

    fakesnow.transforms.trim_cast_varchar = trim_cast_varchar


def formatted_text(expression: exp.Expression) -> exp.Expression:
    """Quirk: TO_VARCHAR(timestamp, format) ignores the format. Date formats are mended, number formats refused."""
    form = expression.args.get("format") if isinstance(expression, exp.ToChar) else None
    if form is None:
        return expression
    if not (isinstance(form, exp.Literal) and form.is_string):
        raise unsupported("TO_VARCHAR with a format that is not a literal")
    value = exp.cast(expression.this, exp.DataType.Type.TIMESTAMP)
    return exp.Anonymous(this="strftime", expressions=[value, exp.Literal.string(strftime_format(form.name))])


def strftime_format(snowflake: str) -> str:
    """Snowflake's date format in strftime's letters: 'YYYY-MM-DD' -> '%Y-%m-%d'."""
    done, rest = "", snowflake
    while rest:
        known = next((name for name in DATE_FORMATS if rest.upper().startswith(name)), None)
        if known is None and rest[0].isalnum() and rest[0] != "T":
            raise unsupported(f"TO_VARCHAR with the format {snowflake!r}")
        done += DATE_FORMATS[known] if known else rest[0].replace("%", "%%")
        rest = rest[len(known or " ") :]
    return done


def md5_number(expression: exp.Expression) -> exp.Expression:
    """Quirk: MD5_NUMBER_LOWER64 is missing: the last 64 bits of the digest as an unsigned number."""
    named = isinstance(expression, exp.Anonymous) and expression.name.upper() == "MD5_NUMBER_LOWER64"
    if not named and not isinstance(expression, exp.MD5NumberLower64):
        return expression
    text = expression.expressions[0] if named else expression.this
    digest = exp.MD5(this=exp.cast(text, exp.DataType.Type.VARCHAR))
    low = exp.Substring(this=digest, start=exp.Literal.number(17), length=exp.Literal.number(16))
    number = exp.DPipe(this=exp.Literal.string("0x"), expression=low)
    return exp.cast(exp.cast(number, exp.DataType.Type.UBIGINT), exp.DataType.Type.INT128)


def session_names(expression: exp.Expression) -> exp.Expression:
    """Quirk: CURRENT_WAREHOUSE() and its like are missing; the lab has one of each."""
    if not isinstance(expression, exp.Func):
        return expression
    name = expression.name if isinstance(expression, exp.Anonymous) else expression.sql_name()
    return exp.Literal.string("LAB") if name.upper() in SESSION_NAMES else expression


OWN_PASSES = (formatted_text, md5_number, session_names)


def exact_timestamps() -> None:
    """Quirk: TO_TIMESTAMP(n, scale) goes through a DOUBLE and is off by a microsecond for many values."""
    fakesnow.macros.FS_TO_TIMESTAMP = Template(EXACT_TO_TIMESTAMP)


def rewritten_functions() -> None:
    """Hook the rewriting functions of this module in before fakesnow's, which look where there is something to find."""
    stock = fakesnow.cursor.FakeSnowflakeCursor._transform

    def transform(self: object, expression: exp.Expression, params: object) -> exp.Expression:
        tree = Tree(expression)
        for mend in OWN_PASSES:
            tree.transform(mend, copy=False)
        rewritten: exp.Expression = stock(self, tree, params).expression
        return rewritten

    fakesnow.cursor.FakeSnowflakeCursor._transform = transform
