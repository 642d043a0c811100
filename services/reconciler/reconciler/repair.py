"""Repair SQL for the speed layer, as text for a person to read and run; nothing here runs it. Pure.

A correction is the marts' row once more with a newer processing_time, which then counts; a row that the marts do not
have is deleted by its key. Never a partition swap: it would lose what is streaming in. A key doubled in a mart is no
fault of the speed layer; a rebuild of the marts heals it.
"""

from collections.abc import Iterable, Mapping

from reconciler.canonical import CLICKHOUSE, family_of, value_of
from reconciler.entries import Entry
from tidemark.tables import Pair


def repair_sql(pair: Pair, entries: Iterable[Entry], database: str = "speed") -> str:
    """Statements that make the speed layer say what the marts say, for the confirmed entries; empty without any."""
    lines = []
    for entry in entries:
        found = entry.difference
        if entry.state != "confirmed":
            continue
        if found.kind == "doubled":
            lines.append(f"-- {pair.batch} holds {found.copies} rows of one key: rebuild it ({_comment(found.key)})")
        elif found.kind == "missing_in_batch":
            lines.append(_delete(pair, found.speed, database))
        else:
            lines.append(_correct(pair, found.batch, database))
    return "\n".join(lines)


def _correct(pair: Pair, texts: Mapping[str, str], database: str) -> str:
    names = ", ".join(CLICKHOUSE.quote(name) for name in [*pair.columns, pair.version])
    values = ", ".join(_literal(kind, texts[name]) for name, kind in pair.columns.items())
    return f"INSERT INTO {_table(pair, database)} ({names}) VALUES ({values}, now64(3));"  # noqa: S608 - text for a person


def _delete(pair: Pair, texts: Mapping[str, str], database: str) -> str:
    conditions = (f"{CLICKHOUSE.quote(name)} = {_literal(pair.columns[name], texts[name])}" for name in pair.key)
    return f"DELETE FROM {_table(pair, database)} WHERE {' AND '.join(conditions)};"  # noqa: S608 - as above


def _table(pair: Pair, database: str) -> str:
    return CLICKHOUSE.quote(database, pair.speed)


def _literal(kind: str, text: str) -> str:
    value = value_of(kind, text)
    if value is None:
        return "NULL"
    family, _ = family_of(kind)
    if family in ("string", "uuid", "decimal"):
        # a quoted decimal is parsed exactly, a bare one passes through a float
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if family == "timestamp":
        return f"fromUnixTimestamp64Micro({int(value)}, 'UTC')"
    return {"1": "true", "0": "false"}[value] if family == "bool" else str(int(value))


def _comment(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
