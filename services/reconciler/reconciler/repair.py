"""Repair as text for a person to read and run; nothing here runs it. Pure. `tidemark reconcile repair --apply` does the
same with bound values (mending.py).

A correction is the marts' row once more, one millisecond newer than all that was compared: it counts from then on, and
never before what has streamed in since. A row that the marts do not have is deleted by its key. Never a partition swap:
it would lose what is streaming in. A key doubled in a mart is no fault of the speed layer; a rebuild of the marts heals
it, as it does where the speed layer is right.
"""

from collections.abc import Iterable, Mapping

from reconciler.canonical import CLICKHOUSE
from reconciler.entries import Entry
from reconciler.queries import key_condition, speed_literal
from tidemark.tables import Pair


def repair_sql(pair: Pair, entries: Iterable[Entry], speed_ms: int, database: str = "speed") -> str:
    """Statements that make the speed layer say what the marts say, for the confirmed entries; empty without any.

    `speed_ms`: the newest processing time that was compared.
    """
    lines = []
    for entry in [] if pair.totals_of else entries:  # totals are put right by their rows
        found = entry.difference
        if entry.state != "confirmed":
            continue
        if found.kind == "doubled":
            lines.append(f"-- {pair.batch} holds {found.copies} rows of one key: rebuild it ({_comment(found.key)})")
        elif found.kind != "missing_in_batch" and not pair.can_be_corrected:
            lines.append(f"-- {pair.speed} has more columns than are compared: send it again ({_comment(found.key)})")
        elif found.kind == "missing_in_batch":
            lines.append(_delete(pair, found.speed, speed_ms, database))
        else:
            lines.append(_correct(pair, found.batch, speed_ms, database))
    return "\n".join(lines)


def rebuild(pair: Pair, entries: Iterable[Entry]) -> str:
    """What heals the marts where they are wrong; empty without confirmed entries."""
    confirmed = sum(entry.state == "confirmed" for entry in entries)
    return f"tidemark publish --dataset {pair.dataset} --rebuild" if confirmed else ""


def _correct(pair: Pair, texts: Mapping[str, str], speed_ms: int, database: str) -> str:
    names = ", ".join(CLICKHOUSE.quote(name) for name in [*pair.columns, pair.version])
    values = ", ".join(speed_literal(kind, texts[name]) for name, kind in pair.columns.items())
    return f"INSERT INTO {_table(pair, database)} ({names}) VALUES ({values}, {_moment(speed_ms + 1)});"  # noqa: S608 - text for a person


def _delete(pair: Pair, texts: Mapping[str, str], speed_ms: int, database: str) -> str:
    key = key_condition(pair, texts, CLICKHOUSE.quote, speed_literal)
    version = CLICKHOUSE.quote(pair.version)
    return f"DELETE FROM {_table(pair, database)} WHERE {key} AND {version} <= {_moment(speed_ms)};"  # noqa: S608 - as above


def _moment(epoch_ms: int) -> str:
    return f"fromUnixTimestamp64Milli({epoch_ms}, 'UTC')"


def _table(pair: Pair, database: str) -> str:
    return CLICKHOUSE.quote(database, pair.speed)


def _comment(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
