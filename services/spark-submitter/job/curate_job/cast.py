"""From the source's columns to the contract's: each column's value, and what is wrong with it.

A cast never fails a run: what does not fit (NaN, too many digits, bytes that are no text, a timestamp outside the years
1 to 9999, a null that must not be) becomes a finding of the row, and rules.py sends the row to quarantine. To support a
new canonical type, add it to CASTS and READABLE.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from curate_job.manifest import Column as Contract
from curate_job.manifest import Table, UpstreamError

DEBEZIUM_COLUMNS = ("__op", "__ts_ms", "__source_ts_ms", "__source_lsn")
ARRIVAL_COLUMNS = ("__ts_ms",)
_NUMBERS = (T.NumericType, T.StringType)
_TIMES = (T.IntegralType, T.TimestampType, T.TimestampNTZType)
READABLE: dict[str, tuple[type[T.DataType], ...]] = {
    "int": _NUMBERS,
    "long": _NUMBERS,
    "decimal": _NUMBERS,
    "string": (T.AtomicType,),
    "uuid": (T.StringType,),
    "timestamp": (*_TIMES, T.DateType, T.StringType),
    "bool": (T.BooleanType, T.IntegralType, T.StringType),
}
_READABLE_ORDER: dict[str, tuple[type[T.DataType], ...]] = {
    "__op": (T.StringType,),
    "__ts_ms": _TIMES,
    "__source_ts_ms": _TIMES,
    "__source_lsn": (T.IntegralType,),
}
SPARK_TYPES = {"int": "int", "long": "bigint", "string": "string", "uuid": "string", "bool": "boolean"}
_UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
LONGEST_TEXT_BYTES = 16_777_216  # Snowflake's VARCHAR without a length
_FIRST_MS, _LAST_MS = -62135596800000, 253402300799999  # years 1 to 9999


def spark_type(canonical: str) -> str:
    """The Spark SQL type of a canonical type."""
    if canonical == "timestamp":
        return "timestamp_ntz"
    return SPARK_TYPES.get(canonical, canonical)


def cast_rows(rows: DataFrame, table: Table, order: str, beside: Sequence[str] = ()) -> DataFrame:
    """Source rows as contract columns plus `_op, _lsn, _ts_ms, _source_ts, _source, _findings` and those `beside`.

    `_findings`: array of (rule, reason), empty for a clean row; a delete is judged by key and order columns alone.
    `_source`: the row as it came, as a struct. Raises UpstreamError.
    """
    types = {field.name: field.dataType for field in rows.schema.fields}
    stop_if_missing(table, set(types), order)
    stop_if_unreadable(table, types)
    deletes = order == "debezium"
    contracts = table.columns.items()
    cast = [_cast_and_judged(n, types.get(n), contract, deletes and n not in table.key) for n, contract in contracts]
    values, findings = [value for value, _ in cast], [finding for _, finding in cast]
    meta, problems = _order_columns(types, order)
    findings += [_finding(f"contract.{name}", problem) for name, problem in problems.items()]
    source = F.struct(*[F.col(quoted(name)) for name in rows.columns if name not in beside]).alias("_source")
    return rows.select(*values, *meta, *beside, source, F.filter(F.array(*findings), _present).alias("_findings"))


def stop_if_missing(table: Table, present: set[str], order: str) -> None:
    """A missing column that may not be null, or that orders the rows, is for a person to decide."""
    needed = [n for n, c in table.columns.items() if n in table.key or (not c.nullable and c.default is None)]
    needed += DEBEZIUM_COLUMNS if order == "debezium" else ARRIVAL_COLUMNS
    missing = [name for name in needed if name not in present]
    if missing:
        raise UpstreamError(
            f"{table.source} has no column {', '.join(missing)}, which its contract needs",
            "mend the source or the registry (nullable, default), then `tidemark resume`",
        )


def stop_if_unreadable(table: Table, types: dict[str, T.DataType]) -> None:
    """A column of a type from which its contract's type cannot be read is for a person to decide, not row by row."""
    readable = {name: READABLE[_kind(column.type)] for name, column in table.columns.items()} | _READABLE_ORDER
    for name, kinds in readable.items():
        if name in types and not isinstance(types[name], kinds):
            wanted = table.columns[name].type if name in table.columns else "column of change order"
            raise UpstreamError(
                f"{table.source}.{name} is {types[name].simpleString()}, from which no {wanted} can be read",
                "mend the source or the registry (type), then `tidemark resume`",
            )


@cache  # a column costs Spark a hundred calls to make, and a driver of many runs meets the same ones again and again
def _cast_and_judged(
    name: str, source: T.DataType | None, contract: Contract, not_of_deletes: bool
) -> tuple[Column, Column]:
    """The column's value under its name, and its finding; `not_of_deletes`: a delete may have anything there."""
    value, problem = cast_column(name, source, contract)
    if not_of_deletes:
        problem = F.when(~F.coalesce(F.col("__op") == "d", F.lit(False)), problem)
    return value.alias(name), _finding(f"contract.{name}", problem)


def cast_column(name: str, source: T.DataType | None, contract: Contract) -> tuple[Column, Column]:
    """The column's value by contract, and a sentence about what is wrong with it (null: nothing)."""
    target = spark_type(contract.type)
    default = F.lit(contract.default).cast(target)
    if source is None:
        return default, F.lit(None).cast("string")
    column = F.col(quoted(name))
    value = _cast_of(contract.type)(column, source, target)
    told = F.make_valid_utf8(F.substring(column.cast("string"), 1, 80))
    unfit = F.concat(F.lit(f"{name}: "), told, F.lit(f" is no {contract.type}"))
    is_null = F.lit(f"{name}: null") if not contract.nullable and contract.default is None else F.lit(None)
    problem = F.when(column.isNull(), is_null).when(value.isNull(), unfit)
    return F.when(column.isNull(), default).otherwise(value), problem


def to_decimal(column: Column, source: T.DataType, target: str) -> Column:
    """The exact decimal, null when a digit would be lost (NaN, too large, too many decimals)."""
    precision, scale = (int(number) for number in re.findall(r"\d+", target))
    text = column.cast("string")
    value = text.try_cast(target)
    # a wider decimal shows lost digits where there is room for one, and of a plain number its text always does
    decimals = F.regexp_replace(F.regexp_extract(text, r"^\s*[+-]?\d*\.(\d*)\s*$", 1), "0+$", "")
    exact = (value == text.try_cast(f"decimal(38,{38 - precision + scale})")) & (F.length(decimals) <= scale)
    return F.when(exact, value)


def to_integer(column: Column, source: T.DataType, target: str) -> Column:
    """The exact integer, null when it does not fit."""
    if isinstance(source, T.IntegralType):
        return column.try_cast(target)
    whole = column.cast("string").try_cast("decimal(38,10)")
    return F.when(whole == F.floor(whole), whole.try_cast(target))


def to_timestamp(column: Column, source: T.DataType, target: str) -> Column:
    """Microseconds without zone, in UTC; numbers are epoch milliseconds; null outside the years 1 to 9999."""
    if isinstance(source, T.IntegralType):
        within = F.when(column.between(_FIRST_MS, _LAST_MS), column.cast("bigint"))
        return F.timestamp_millis(within).cast(target)
    value = column.try_cast(target)
    if isinstance(source, T.StringType):  # by itself a cast to a time without zone forgets the text's zone
        value = F.when(value.isNotNull(), column.try_cast("timestamp").cast(target))
    first, last = (F.lit(end).cast(target) for end in ("0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"))
    return F.when(value.between(first, last), value)


def to_text(column: Column, source: T.DataType, target: str) -> Column:
    """Any text as it is, null for bytes that are no UTF-8 (files' bounds and what reads them next would be wrong) and
    for what RAW cannot hold: one such text would stop the load of its whole run."""
    text = F.try_validate_utf8(column.cast("string"))
    return F.when(F.octet_length(text) <= LONGEST_TEXT_BYTES, text)


def to_uuid(column: Column, source: T.DataType, target: str) -> Column:
    """A UUID as lower-case text, null for anything else."""
    text = F.lower(F.trim(column.cast("string")))
    return F.when(text.rlike(_UUID), text)


def to_bool(column: Column, source: T.DataType, target: str) -> Column:
    """A boolean, also from its text."""
    return column.try_cast("boolean")


CASTS: dict[str, Callable[[Column, T.DataType, str], Column]] = {
    "int": to_integer,
    "long": to_integer,
    "decimal": to_decimal,
    "string": to_text,
    "uuid": to_uuid,
    "timestamp": to_timestamp,
    "bool": to_bool,
}


def _cast_of(canonical: str) -> Callable[[Column, T.DataType, str], Column]:
    return CASTS[_kind(canonical)]


def _kind(canonical: str) -> str:
    return canonical.split("(")[0]


def _order_columns(types: dict[str, T.DataType], order: str) -> tuple[list[Column], dict[str, Column]]:
    ts_ms = _epoch_ms("__ts_ms", types["__ts_ms"])
    problems = {"__ts_ms": F.when(ts_ms.isNull(), F.lit("__ts_ms: null"))}
    if order != "debezium":
        nothing = [F.lit(None).cast("bigint").alias("_lsn"), F.lit(None).cast("timestamp_ntz").alias("_source_ts")]
        return [F.lit("c").alias("_op"), nothing[0], ts_ms.alias("_ts_ms"), nothing[1]], problems
    operation, lsn = F.col("__op"), F.col("__source_lsn").cast("bigint")
    known = F.coalesce(operation.isin("r", "c", "u", "d"), F.lit(False))
    problems["__op"] = F.when(~known, F.concat_ws(" ", F.lit("__op:"), F.coalesce(operation, F.lit("null"))))
    problems["__source_lsn"] = F.when(lsn.isNull() & (operation != "r"), F.lit("__source_lsn: null"))
    source_ts = to_timestamp(F.col("__source_ts_ms"), types["__source_ts_ms"], "timestamp_ntz")
    return [operation.alias("_op"), lsn.alias("_lsn"), ts_ms.alias("_ts_ms"), source_ts.alias("_source_ts")], problems


def _epoch_ms(name: str, source: T.DataType) -> Column:
    column = F.col(name)
    return column.cast("bigint") if isinstance(source, T.IntegralType) else F.unix_millis(column.cast("timestamp"))


def _finding(rule: str, problem: Column) -> Column:
    return F.when(problem.isNotNull(), F.struct(F.lit(rule).alias("rule"), problem.alias("reason")))


def _present(finding: Column) -> Column:
    return finding.isNotNull()


def quoted(name: str) -> str:
    """A source column's name as Spark reads it; upstream may call its columns anything."""
    return "`" + name.replace("`", "``") + "`"
