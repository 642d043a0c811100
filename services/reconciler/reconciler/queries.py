"""Queries with which a person looks at one difference on both sides, and values as they stand in SQL text. Pure.

Nothing here is run by tidemark: what it runs has its values bound.
"""

from collections.abc import Callable, Mapping

from reconciler.canonical import CLICKHOUSE, SNOWFLAKE, family_of, value_of
from reconciler.entries import Difference
from tidemark.tables import Pair
from tidemark_warehouse.identifiers import literal


def look_queries(pair: Pair, found: Difference, database: str = "speed") -> dict[str, str]:
    """For the speed layer all versions of the key's row, for the batch side all its rows; of totals the day's rows."""
    row, rows = found.batch or found.speed, pair.totals_of or pair
    filters = [f"{SNOWFLAKE.quote(name)} = {_filtered(value)}" for name, value in rows.batch_filter.items()]
    mine = [key_condition(pair, row, SNOWFLAKE.quote, mart_literal), *filters]
    theirs = [key_condition(pair, row, CLICKHOUSE.quote, speed_literal)]
    if pair.totals_of:
        mine.append(f"TO_DATE({SNOWFLAKE.quote(rows.event_time)}) = {mart_literal('date', row['day'])}")
        theirs.append(f"toDate({CLICKHOUSE.quote(rows.event_time)}, 'UTC') = {speed_literal('date', row['day'])}")
    speed, batch = CLICKHOUSE.quote(database, pair.speed), SNOWFLAKE.quote(pair.batch_schema, pair.batch)
    version = CLICKHOUSE.quote(pair.version)
    return {
        "speed": f"SELECT * FROM {speed} WHERE {' AND '.join(theirs)} ORDER BY {version} DESC;",  # noqa: S608 - text for a person
        "batch": f"SELECT * FROM {batch} WHERE {' AND '.join(mine)};",  # noqa: S608 - as above
    }


def key_condition(
    pair: Pair, texts: Mapping[str, str], quote: Callable[..., str], value: Callable[[str, str], str]
) -> str:
    """The key's columns hold these canonical texts; the day of totals is no column."""
    columns = [name for name in pair.key if not (pair.totals_of and name == "day")]
    said = {name: value(pair.columns[name], texts[name]) for name in columns}
    return " AND ".join(f"{quote(name)} {'IS' if text == 'NULL' else '='} {text}" for name, text in said.items())


def speed_literal(kind: str, text: str) -> str:
    """A canonical text as ClickHouse reads it."""
    return _literal(kind, text, "fromUnixTimestamp64Micro({micros}, 'UTC')", _bytes)


def mart_literal(kind: str, text: str) -> str:
    """A canonical text as Snowflake reads it."""
    return _literal(kind, text, "TO_TIMESTAMP_NTZ({micros}, 6)", lambda character: f"\\u{ord(character):04x}")


def _bytes(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode())


def _literal(kind: str, text: str, moment: str, escaped: Callable[[str], str]) -> str:
    value = value_of(kind, text)
    if value is None:
        return "NULL"
    family, _ = family_of(kind)
    if family in ("string", "uuid", "decimal", "date"):
        # a quoted decimal is parsed exactly, a bare one passes through a float; no text may move a terminal's cursor
        return "".join(c if c.isprintable() or c > "\uffff" else escaped(c) for c in literal(value))
    if family == "timestamp":
        return moment.format(micros=int(value))
    return {"1": "true", "0": "false"}[value] if family == "bool" else str(int(value))


def _filtered(value: bool | int | str) -> str:
    return str(value).upper() if isinstance(value, bool | int) else literal(value)
