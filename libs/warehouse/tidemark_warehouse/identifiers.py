"""Identifiers and types as they stand in SQL: the one `quote()` of the project.

A `Sql` is text that may stand in a statement as it is. Only the functions here make one, so that a name from outside
(a registry, an event) always passes through `quote()`. To let a new kind of text into statements, add a function that
makes it here.
"""

import re
from collections.abc import Iterable, Mapping

from tidemark.errors import SettingsError

_CANONICAL = {
    "int": "NUMBER(10,0)",
    "long": "NUMBER(19,0)",
    "string": "VARCHAR",
    "uuid": "VARCHAR",
    "timestamp": "TIMESTAMP_NTZ(6)",
    "bool": "BOOLEAN",
}
_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)")
_NUMBER = re.compile(r"NUMBER\((\d+),(\d+)\)")


class Sql(str):
    """Text that is safe in a statement: quoted names, known types, lists of both."""

    __slots__ = ()


def quote(*parts: str) -> Sql:
    """`quote("raw", "users")` -> `"RAW"."USERS"`: upper case, quotes doubled, parts joined by dots."""
    return Sql(".".join('"' + part.upper().replace('"', '""') + '"' for part in parts))


def literal(value: str) -> Sql:
    """`literal("it's")` -> `'it''s'`, for SQL that people read and run; what tidemark runs has its values bound."""
    return Sql("'" + value.replace("\\", "\\\\").replace("'", "''") + "'")


def names(columns: Iterable[str]) -> Sql:
    """A comma-separated list of quoted columns."""
    return Sql(", ".join(quote(column) for column in columns))


def column_type(canonical: str) -> Sql:
    """Snowflake's type for a canonical type of the registry; SettingsError for one it does not know."""
    if match := _DECIMAL.fullmatch(canonical):
        return Sql(f"NUMBER({match[1]},{match[2]})")
    if canonical not in _CANONICAL:
        raise SettingsError(f"{canonical!r} is no type of the registry: {', '.join(_CANONICAL)}, decimal(p,s)")
    return Sql(_CANONICAL[canonical])


def widens(old: str, new: str) -> bool:
    """Whether ALTER can make a NUMBER column of type `old` one of type `new`, which holds more."""
    before, after = _NUMBER.fullmatch(old), _NUMBER.fullmatch(new)
    return bool(before and after and before[2] == after[2] and int(before[1]) < int(after[1]))


def definitions(columns: Mapping[str, Sql]) -> Sql:
    """A comma-separated list of `"NAME" TYPE`."""
    return Sql(", ".join(f"{quote(name)} {kind}" for name, kind in columns.items()))
