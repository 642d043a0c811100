"""One text for one value, on both engines: what rows are hashed, compared and shown by.

A column's text is equal on both engines if and only if the values are. NULL is `~`; texts of unbounded length carry
their length in characters (`3:a|b`), so that no value can look like a separator or like NULL. A row's text is its
columns' texts joined by `|`, its hash the low 60 bits of that text's MD5. The statements' fragments are made here from
registry columns only, every name through the dialect's quoting. A new canonical type is one line in each dialect's
`values` and one in its `types`.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import NamedTuple

from reconciler.ports import Uncomparable
from tidemark.errors import SettingsError
from tidemark.tables import Pair
from tidemark_warehouse import Sql, quote

HASH_BITS = 60
UNBOUNDED = ("string", "uuid")  # texts that carry their length
SUFFIX_CHARACTERS = 2
ENDING_CHARACTERS = 4  # so that a thousand changed keys leave nearly all endings as they were
NO_ENDING = "none."  # longer than any: a list in SQL wants one value
_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Dialect(NamedTuple):
    """How one engine spells the canonical forms. `{c}` is a quoted column, `{v}` a value's text, `{t}` any text, `{s}`
    a decimal's scale."""

    quote: Callable[..., str]
    values: Mapping[str, str]  # the text of a value that is not NULL, by canonical type
    with_length: str  # of a text of unbounded length
    types: Mapping[str, str]  # the engine's own types that may stand for it, as a regular expression
    null: str
    join: Callable[[Iterable[str]], str]
    hash: str
    suffix: str
    event_us: str
    day: str  # days since 1970; ClickHouse takes it from the latest row's `at_us`


def _clickhouse_quote(*parts: str) -> str:
    for part in parts:
        if not _NAME.fullmatch(part):
            raise SettingsError(f"{part!r} is no name for a ClickHouse column or table")
    return ".".join(f"`{part}`" for part in parts)


def _concat(texts: Iterable[str]) -> str:
    return "concat('', " + ", '|', ".join(texts) + ")"  # with '' because it wants two arguments


# A UUID that is kept as text may stand in braces, in any case.
_CLICKHOUSE_UUID = (
    "lower(if(startsWith(toString({c}), '{') AND endsWith(toString({c}), '}'), "
    "substringUTF8(toString({c}), 2, lengthUTF8(toString({c})) - 2), toString({c})))"
)
_SNOWFLAKE_UUID = (
    "LOWER(CASE WHEN LEFT({c}, 1) = '{' AND RIGHT({c}, 1) = '}' THEN SUBSTR({c}, 2, LENGTH({c}) - 2) ELSE {c} END)"
)
CLICKHOUSE = Dialect(
    quote=_clickhouse_quote,
    values={
        "string": "toString({c})",
        "uuid": _CLICKHOUSE_UUID,
        "int": "toString({c})",
        "long": "toString({c})",
        "decimal": "toDecimalString({c}, {s})",
        "timestamp": "toString(toUnixTimestamp64Micro({c}))",
        "date": "toString({c})",
        "bool": "toString(toUInt8({c}))",
    },
    with_length="concat(toString(lengthUTF8({v})), ':', {v})",
    types={
        "string": r"String|FixedString\(\d+\)|Enum.*|IPv4",
        "uuid": r"UUID|String",
        "int": r"U?Int\d+",
        "long": r"U?Int\d+",
        "decimal": r"Decimal\(\d+, (?P<scale>\d+)\)",
        "timestamp": r"DateTime64\([0-6](, .*)?\)",
        "date": r"Date(32)?",
        "bool": r"Bool|UInt8",
    },
    null="ifNull({t}, '~')",
    join=_concat,
    hash="bitAnd(reinterpretAsUInt64(reverse(substring(MD5({t}), 9, 8))), 1152921504606846975)",
    suffix="rightUTF8({t}, {n})",
    event_us="toUnixTimestamp64Micro({c})",
    day="intDiv(at_us - positiveModulo(at_us, 86400000000), 86400000000)",
)
SNOWFLAKE = Dialect(
    quote=quote,
    values={
        "string": "{c}",
        "uuid": _SNOWFLAKE_UUID,
        "int": "TO_VARCHAR({c})",
        "long": "TO_VARCHAR({c})",
        "decimal": "TO_VARCHAR({c}::NUMBER(38,{s}))",
        "timestamp": "TO_VARCHAR(DATE_PART(EPOCH_MICROSECOND, {c}))",
        "date": "TO_VARCHAR({c}, 'YYYY-MM-DD')",
        "bool": "CASE WHEN {c} THEN '1' WHEN NOT {c} THEN '0' END",
    },
    with_length="TO_VARCHAR(LENGTH({v})) || ':' || {v}",
    types={
        "string": r"TEXT|VARCHAR",
        "uuid": r"TEXT|VARCHAR",
        "int": r"NUMBER\(\d+,0\)",
        "long": r"NUMBER\(\d+,0\)",
        "decimal": r"NUMBER\(\d+,(?P<scale>\d+)\)",
        "timestamp": r"TIMESTAMP_NTZ",
        "date": r"DATE",
        "bool": r"BOOLEAN",
    },
    null="COALESCE({t}, '~')",
    join=" || '|' || ".join,
    hash="MOD(MD5_NUMBER_LOWER64({t}), 1152921504606846976)",
    suffix="RIGHT({t}, {n})",
    event_us="DATE_PART(EPOCH_MICROSECOND, {c})",
    day="DATEDIFF(DAY, TO_DATE('1970-01-01'), {c})",
)


def column_text(dialect: Dialect, column: str, kind: str) -> str:
    """The expression of a column's canonical text; `kind` is the registry's canonical type."""
    value = _value(dialect, column, kind)
    text = dialect.with_length.replace("{v}", value) if kind in UNBOUNDED else value
    return dialect.null.replace("{t}", text)


def _value(dialect: Dialect, column: str, kind: str) -> str:
    family, scale = family_of(kind)
    return dialect.values[family].replace("{s}", str(scale)).replace("{c}", dialect.quote(column))


def fragments(dialect: Dialect, pair: Pair) -> dict[str, Sql]:
    """What the statements in sql/ need to know of a pair; `texts` are its columns' texts in the registry's order."""
    texts = {name: column_text(dialect, name, kind) for name, kind in pair.columns.items()}
    event = dialect.event_us.replace("{c}", dialect.quote(pair.event_time))
    day = dialect.day.replace("{c}", dialect.quote(pair.event_time))
    first = dialect.null.replace("{t}", _value(dialect, pair.key[0], pair.columns[pair.key[0]]))
    end = dialect.suffix.replace("{t}", first)
    found = {
        "key": dialect.join(texts[name] for name in pair.key),
        "row_hash": dialect.hash.replace("{t}", dialect.join(texts.values())),
        "event_us": event,
        "day": day,
        "suffix": end.replace("{n}", str(SUFFIX_CHARACTERS)),
        "ending": end.replace("{n}", str(ENDING_CHARACTERS)),
        "compared_columns": ", ".join(dialect.quote(name) for name in dict.fromkeys((*pair.columns, pair.event_time))),
        "texts": ", ".join(texts.values()),
        "key_columns": ", ".join(dialect.quote(name) for name in pair.key),
        "version": dialect.quote(pair.version),
    }
    return {name: Sql(text) for name, text in found.items()}


def summed(pair: Pair, base: Pair) -> list[str]:
    """The columns of `base` that its totals add up."""
    return [name for name in pair.columns if name in base.columns and name not in pair.key]


def totals_fragments(dialect: Dialect, pair: Pair, base: Pair) -> dict[str, Sql]:
    """What the statements that add up a pair's rows need besides: how its totals are grouped and summed."""
    group = [dialect.quote(name) for name in pair.key[:-1]]
    sums = [dialect.quote(name) for name in summed(pair, base)]
    return {
        "group_columns": Sql(", ".join(group)),
        "base_columns": Sql(", ".join([*group, *sums])),
        "event_time": Sql(dialect.quote(base.event_time)),
        "sums": Sql(", ".join(f"SUM({name}) AS {name}" for name in sums)),
    }


def check_types(dialect: Dialect, pair: Pair, where: str, found: Mapping[str, str], more: Iterable[str] = ()) -> None:
    """Uncomparable unless the table has every column of the pair, and `more`, with a type whose values have one
    canonical text. `found`: column in lower case -> the engine's type."""
    problems = [f"no column {name}" for name in [*pair.columns, *more] if name not in found]
    for name, kind in pair.columns.items():
        family, scale = family_of(kind)
        match = re.fullmatch(dialect.types[family], found.get(name, ""))
        if name in found and (match is None or ("scale" in match.groupdict() and int(match["scale"]) > scale)):
            problems.append(f"{name} is {found[name]}, which cannot be compared as {kind}")
    if problems:
        raise Uncomparable(f"{where}: " + "; ".join(problems))


@cache
def family_of(kind: str) -> tuple[str, int]:
    """A canonical type's family and, for decimals, scale; SettingsError for a type that pairs do not know."""
    if match := _DECIMAL.fullmatch(kind):
        return "decimal", int(match[2])
    if kind not in CLICKHOUSE.values:
        raise SettingsError(f"{kind!r} is no type of a reconciled pair: {', '.join(CLICKHOUSE.values)}")
    return kind, 0


def value_of(kind: str, text: str) -> str | None:
    """A canonical text as the value alone: without its length, None for NULL. Timestamps stay epoch microseconds."""
    if text == "~":
        return None
    return text.split(":", 1)[1] if kind in UNBOUNDED else text


def row_text(texts: Iterable[str]) -> str:
    """A row's text (or a key's) from its columns' texts."""
    return "|".join(texts)


def hash60(text: str) -> int:
    """The low 60 bits of the text's MD5, as both engines compute it."""
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[16:], 16) % (1 << HASH_BITS)
