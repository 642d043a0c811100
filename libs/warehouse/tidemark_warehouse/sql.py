"""SQL from the .sql files of a package: named statements, identifiers through quote(), values bound.

A file holds statements, each under a line `-- name: <name>` with a comment on what it is for:

    -- name: last_run
    -- The newest run of a table.
    SELECT MAX(RUN_SEQ) FROM {ledger} WHERE TABLE_NAME = %(table)s

`load("loader")["last_run"]` is the text; `render(text, ledger=("ops", "load_ledger"))` puts the identifiers in;
the values go to the connector: `execute(connection, text, {"table": "users"})`. A literal % is written %%.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from tidemark_warehouse.identifiers import Sql, quote

Identifier = str | tuple[str, ...]
_NAME = re.compile(r"^-- name: *(\w+) *$", re.MULTILINE)
_PLACE = re.compile(r"\{(\w+)\}")
_END = re.compile(r";[ \t]*$", re.MULTILINE)


@cache
def load(package: str, folder: str = "sql") -> Mapping[str, str]:
    """All named statements of a package's .sql files. ValueError if two have one name."""
    found: dict[str, str] = {}
    for entry in sorted(files(package).joinpath(folder).iterdir(), key=lambda entry: entry.name):
        if not entry.name.endswith(".sql"):
            continue
        _, *parts = _NAME.split(entry.read_text())
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            if name in found:
                raise ValueError(f"{package} has two statements named {name}")
            found[name] = text.strip().removesuffix(";").strip()
    return MappingProxyType(found)


def render(text: str, **identifiers: Identifier) -> Sql:
    """Replace each `{name}`: a str or a tuple is quoted, a Sql stands as it is. KeyError names a missing one."""

    def place(match: re.Match[str]) -> str:
        value = identifiers[match[1]]
        if isinstance(value, Sql):
            return value
        return quote(*value) if isinstance(value, tuple) else quote(value)

    return Sql(_PLACE.sub(place, text))


def split(text: str) -> list[str]:
    """The statements of a script: each ends with a semicolon at the end of a line."""
    statements = (statement.strip() for statement in _END.split(text))
    return [statement for statement in statements if code(statement)]


def code(statement: str) -> str:
    """A statement without its comment lines."""
    return "\n".join(line for line in statement.splitlines() if not line.lstrip().startswith("--")).strip()
