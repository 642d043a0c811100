"""The marts and the warehouse's layers in Snowflake. Outages leave as Retryable (tidemark_warehouse.connect), what
Snowflake refuses for good as Uncomparable."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import ProgrammingError

from reconciler.canonical import NO_ENDING, SNOWFLAKE, check_types, fragments, totals_fragments
from reconciler.layers import columns_summed, money
from reconciler.ports import Figures, Published, Row, Tally, Uncomparable, Window
from tidemark.errors import Retryable
from tidemark.settings import SnowflakeSettings
from tidemark.tables import Pair, Table
from tidemark_warehouse import Sql, connect, execute, load, quote, render

CHUNK = 1000


class Session:
    """One session that is opened at its first statement and again after an outage."""

    def __init__(self, settings: SnowflakeSettings) -> None:
        self._settings = settings
        self._connection: SnowflakeConnection | None = None

    def connection(self) -> SnowflakeConnection:
        """The open session."""
        if self._connection is None or self._connection.is_closed():
            self._connection = connect(self._settings, "tidemark reconciler")
        return self._connection

    def forget(self) -> None:
        """Open a new session next time."""
        self._connection = None

    def run(self, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """All rows of a statement. Retryable on an outage, Uncomparable if it is refused."""
        try:
            return execute(self.connection(), statement, dict(values) or None)
        except Retryable:
            self.forget()
            raise
        except ProgrammingError as error:
            raise Uncomparable(f"the warehouse refuses: {error.msg}") from error


class Snowflake:
    """Marts on Snowflake."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._statements = load("reconciler")

    def published(self, dataset: str) -> Published | None:
        """The newest publication; None before the first."""
        rows = self._run("published", {}, {"dataset": dataset})
        if not rows:
            return None
        to_seq, generation, as_of_ms, exclude_flagged = rows[0]
        return Published(int(to_seq), int(generation), int(as_of_ms), bool(exclude_flagged))

    def check(self, pair: Pair) -> None:
        """Uncomparable unless the table has the pair's columns with types that can be compared."""
        pair = pair.totals_of or pair
        values = {"schema": pair.batch_schema.upper(), "table": pair.batch.upper()}
        rows = self._run("mart_columns", {}, values)
        if not rows:
            raise Uncomparable(f"the warehouse has no {pair.batch_schema}.{pair.batch}")
        check_types(SNOWFLAKE, pair, pair.batch, dict(rows), more=(pair.event_time, *pair.batch_filter))

    def fingerprints(self, pair: Pair, window: Window) -> Mapping[str, Tally]:
        """Tally per ending of the settled rows."""
        return _tallies(self._run("mart_fingerprints", self._places(pair), _bounds(pair, window)))

    def sums(self, pair: Pair, window: Window, endings: Collection[str] | None = None) -> Mapping[str, Tally]:
        """Tally per bucket, of settled rows only those with one of these endings."""
        return _tallies(self._run("mart_sums", self._placed(pair, endings), _bounds(pair, window, endings)))

    def keys(
        self, pair: Pair, window: Window, buckets: Sequence[str], endings: Collection[str] | None = None
    ) -> Mapping[str, Tally]:
        """Tally per key of these buckets. A key in two buckets (a doubled one) is added up."""
        found: dict[str, Tally] = {}
        for chunk in _chunks(buckets):
            values = _bounds(pair, window, endings) | {"buckets": chunk}
            for name, more in _tallies(self._run("mart_keys", self._placed(pair, endings), values)).items():
                had = found.get(name, Tally(0, 0))
                found[name] = Tally(had.rows + more.rows, had.hash_sum + more.hash_sum)
        return found

    def rows(self, pair: Pair, window: Window, keys: Collection[str]) -> Mapping[str, Sequence[Row]]:
        """All rows of these keys."""
        found: dict[str, list[Row]] = {}
        for chunk in _chunks(keys):
            values = _filter_values(pair) | {"keys": chunk}
            for key, at_us, *texts in self._run("mart_rows", self._places(pair), values):
                row = Row(None if at_us is None else int(at_us), dict(zip(pair.columns, texts, strict=True)))
                found.setdefault(key, []).append(row)
        return found

    def raw(self, name: str, table: Table, up_to_seq: int) -> Figures:
        """`changes` in RAW up to a run."""
        rows = self._run("raw_changes", {"table": quote("raw", name)}, {"seq": up_to_seq})
        return {"changes": Decimal(rows[0][0])}

    def staging(self, name: str, table: Table) -> Figures:
        """`rows`, `deleted`, and of the rows not deleted the sums of key and money."""
        summed = columns_summed(table)
        places = {"table": quote("staging", f"stg_{name}"), "sums": _sums(summed, 'NOT "_DELETED"')}
        return _figures(["rows", "deleted", *summed], self._run("staging_totals", places, {}))

    def live(self, name: str, table: Table, exclude_flagged: bool) -> Figures:
        """`rows` and sums of money of staging's live view, of all its rows or without the flagged ones."""
        statement = "kept_totals" if exclude_flagged else "table_totals"
        return self._totals(statement, quote("staging", f"live_{name}"), table)

    def mart(self, mart: str, table: Table) -> Figures:
        """`rows` and sums of money of a mart whose rows are the table's live rows."""
        return self._totals("table_totals", quote("marts", mart), table)

    def _places(self, pair: Pair) -> dict[str, Sql]:
        """A pair's fragments; `source` is its table, or the daily totals of another pair's."""
        source, conditions = quote(pair.batch_schema, pair.batch), _conditions(pair)
        if base := pair.totals_of:
            places = totals_fragments(SNOWFLAKE, pair, base) | {"table": source, "filter": _conditions(base)}
            source = Sql(f"({render(self._statements['mart_totals'], **places)})")
        return fragments(SNOWFLAKE, pair) | {"source": source, "filter": conditions}

    def _placed(self, pair: Pair, endings: Collection[str] | None) -> dict[str, Sql]:
        """`placed`: the rows with their buckets, without settled rows with other endings."""
        places = self._places(pair)
        some = "({ending} IN (%(endings)s) OR COALESCE({event_us} >= %(settled_us)s, TRUE))"
        wanted = Sql("TRUE") if endings is None else render(some, **places)
        return {"placed": render(self._statements["mart_placed"], **places, wanted=wanted)}

    def _totals(self, statement: str, target: Sql, table: Table) -> Figures:
        summed = money(table)
        rows = self._run(statement, {"table": target, "sums": _sums(summed, "TRUE")}, {})
        return _figures(["rows", *summed], rows)

    def _run(self, name: str, places: Mapping[str, Sql], values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._session.run(render(self._statements[name], **places), values)


def _sums(columns: Iterable[str], condition: str) -> Sql:
    return Sql(", ".join(f"SUM(CASE WHEN {condition} THEN {quote(name)} END)" for name in columns) or "NULL")


def _figures(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Figures:
    return {name: Decimal(value or 0) for name, value in zip(names, rows[0], strict=False)}


def _conditions(pair: Pair) -> Sql:
    return Sql(" AND ".join(f"{quote(name)} = %(filter_{name})s" for name in pair.batch_filter) or "TRUE")


def _bounds(pair: Pair, window: Window, endings: Collection[str] | None = None) -> dict[str, Any]:
    return _filter_values(pair) | {
        "settled_us": window.settled_us,
        "cutoff_us": window.cutoff_ms * 1000,
        "upper_us": window.upper_ms * 1000,
        "endings": [*(endings or ()), NO_ENDING],
    }


def _filter_values(pair: Pair) -> dict[str, Any]:
    return {f"filter_{name}": value for name, value in (pair.totals_of or pair).batch_filter.items()}


def _tallies(rows: Sequence[Sequence[Any]]) -> dict[str, Tally]:
    return {name: Tally(int(count), int(total)) for name, count, total in rows}


def _chunks(names: Collection[str], size: int = CHUNK) -> list[list[str]]:
    rest = iter(names)
    found = []
    while chunk := list(islice(rest, size)):
        found.append(chunk)
    return found
