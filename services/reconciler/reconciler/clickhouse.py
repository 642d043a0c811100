"""The speed layer in ClickHouse, read through its ordinary client over HTTP.

Only base tables are read: what materialized views there add up is wrong under repeated writes. Outages are tried again
for a minute and then leave as Retryable; what ClickHouse refuses for good is Uncomparable. To compare another engine,
write its twin of this file and a dialect in canonical.py.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Any, NoReturn

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from reconciler.canonical import CLICKHOUSE, NO_ENDING, check_types, fragments, totals_fragments
from reconciler.compare import suffix_of
from reconciler.ports import Row, Tally, Uncomparable, Window
from tidemark.errors import Retryable
from tidemark.retrying import retry_transient
from tidemark.settings import ClickHouseSettings
from tidemark.tables import Pair
from tidemark_warehouse import Sql, load, render

HEARTBEATS = {
    "transactions": "transactions_realtime",
    "sessions": "user_sessions_realtime",
    "events": "user_events_realtime",
}
CHUNK = 1000
RETRY_SECONDS = 60.0
QUERY_SECONDS = 900  # then it is stopped there; the pair is asked again, and in the end stalled
# All keys of a table are grouped, however many there are: beyond these bytes ClickHouse does it on disk.
LIMITS = {
    "max_bytes_before_external_group_by": 120_000_000,
    "max_bytes_before_external_sort": 120_000_000,
    "max_execution_time": QUERY_SECONDS,
}
# Codes that a person must mend: unknown column, table, database; no access. Anything else may heal.
FOR_GOOD = {"16", "47", "60", "81", "497", "516", "43", "386"}
WANTED = "({ending} IN %(endings)s OR {key_hash} IN ({unsettled}))"
_CODE = re.compile(r"code:? (\d+)", re.IGNORECASE)
_WRAPPERS = re.compile(r"(?:LowCardinality|Nullable)\((.*)\)")


class ClickHouse:
    """SpeedLayer on ClickHouse. It connects at its first question and again after an outage."""

    def __init__(self, settings: ClickHouseSettings, retry_seconds: float = RETRY_SECONDS) -> None:
        self._settings = settings
        self._database = settings.clickhouse_database
        self._client: Client | None = None
        self._statements = load("reconciler")
        self._ask = retry_transient(OperationalError, seconds=retry_seconds)(self._query)

    def progress(self) -> int | None:
        """The newest processing time, epoch ms; None while the three tables hold nothing."""
        rows = self._run("speed_progress", {name: self._table(table) for name, table in HEARTBEATS.items()}, {})
        return int(rows[0][0]) or None

    def check(self, pair: Pair) -> None:
        """Uncomparable unless the table has the pair's columns with types that can be compared."""
        pair = pair.totals_of or pair
        rows = self._run("speed_columns", {}, {"database": self._database, "table": pair.speed})
        found = {name: _bare(kind) for name, kind in rows}
        if not found:
            raise Uncomparable(f"the speed layer has no table {pair.speed}")
        check_types(CLICKHOUSE, pair, pair.speed, found, more=(pair.event_time, pair.version))

    def fingerprints(self, pair: Pair, window: Window) -> Mapping[str, Tally]:
        """Tally per ending of the settled keys, of all their versions."""
        return _tallies(self._run("speed_fingerprints", self._unsettled(pair), _bounds(window)))

    def sums(self, pair: Pair, window: Window, endings: Collection[str] | None = None) -> Mapping[str, Tally]:
        """Tally per bucket, of settled keys only those with one of these endings."""
        wanted = "TRUE" if endings is None else WANTED
        return _tallies(self._run("speed_sums", self._latest(pair, wanted), _bounds(window, endings)))

    def keys(
        self, pair: Pair, window: Window, buckets: Sequence[str], endings: Collection[str] | None = None
    ) -> Mapping[str, Tally]:
        """Tally per key of these buckets. Their suffixes come first: a key never changes its own, and all versions of
        the others need not be gone through."""
        found: dict[str, Tally] = {}
        suffixes = "{suffix} IN %(suffixes)s"
        places = self._latest(pair, suffixes if endings is None else f"{suffixes} AND {WANTED}")
        for chunk in _chunks(buckets):
            values = {"buckets": chunk, "suffixes": tuple({suffix_of(name) for name in chunk})}
            found |= _tallies(self._run("speed_keys", places, _bounds(window, endings) | values))
        return found

    def rows(self, pair: Pair, window: Window, keys: Collection[str]) -> Mapping[str, Sequence[Row]]:
        """The latest version of each of these keys."""
        found: dict[str, list[Row]] = {}
        for chunk in _chunks(keys):
            values = {"processed_ms": window.processed_ms, "keys": chunk}
            for key, at_us, texts in self._run("speed_rows", self._places(pair), values):
                found.setdefault(key, []).append(Row(at_us, dict(zip(pair.columns, texts, strict=True))))
        return found

    def _places(self, pair: Pair) -> dict[str, Sql]:
        """A pair's fragments; `source` is its table, or the daily totals of another pair's."""
        source = self._table(pair.speed)
        if base := pair.totals_of:
            places = self._places(base) | totals_fragments(CLICKHOUSE, pair, base) | {"table": source}
            source = Sql(f"({render(self._statements['speed_totals'], **places)})")
        return fragments(CLICKHOUSE, pair) | {"source": source}

    def _unsettled(self, pair: Pair) -> dict[str, Sql]:
        """The same, and `unsettled`: a statement for the hashes of the keys that are not settled."""
        places = self._places(pair)
        places["key_hash"] = render("cityHash64(tuple({key_columns}))", **places)
        return places | {"unsettled": render(self._statements["speed_unsettled"], **places)}

    def _latest(self, pair: Pair, wanted: str) -> dict[str, Sql]:
        """The same, and `latest`: the latest version of each key for which `wanted` is true."""
        places = self._unsettled(pair)
        wanted_keys = render(wanted, **places)
        return places | {"latest": render(self._statements["speed_latest"], **places, wanted=wanted_keys)}

    def _table(self, name: str) -> Sql:
        return Sql(CLICKHOUSE.quote(self._database, name))

    def _run(self, name: str, places: Mapping[str, Sql], values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        return self._ask(render(self._statements[name], **places), values)

    def _query(self, statement: str, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        try:
            if self._client is None:
                # no session: two questions may be under way at once
                self._client = clickhouse_connect.get_client(
                    **self._settings.client_arguments(),
                    autogenerate_session_id=False,
                    send_receive_timeout=QUERY_SECONDS + 30,
                )
            return list(self._client.query(statement, dict(values), LIMITS).result_rows)
        except OperationalError:
            self._client = None
            raise
        except DatabaseError as error:
            _refused(error)


def _refused(error: DatabaseError) -> NoReturn:
    code = _CODE.search(str(error))
    if code and code[1] in FOR_GOOD:
        raise Uncomparable(f"the speed layer refuses: {error}") from error
    raise Retryable(f"the speed layer does not answer: {error}") from error


def _bounds(window: Window, endings: Collection[str] | None = None) -> dict[str, Any]:
    return {
        "settled_us": window.settled_us,
        "cutoff_us": window.cutoff_ms * 1000,
        "upper_us": window.upper_ms * 1000,
        "processed_ms": window.processed_ms,
        "endings": (*(endings or ()), NO_ENDING),
    }


def _tallies(rows: Sequence[Sequence[Any]]) -> dict[str, Tally]:
    return {name: Tally(int(count), int(total)) for name, count, total in rows}


def _chunks(names: Collection[str], size: int = CHUNK) -> list[tuple[str, ...]]:
    rest = iter(names)
    found = []
    while chunk := tuple(islice(rest, size)):
        found.append(chunk)
    return found


def _bare(kind: str) -> str:
    while match := _WRAPPERS.fullmatch(kind):
        kind = match[1]
    return kind
