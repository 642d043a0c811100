"""Corrections in ClickHouse, with bound values; what a retry writes twice counts once, being of one version."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from reconciler.canonical import CLICKHOUSE, family_of, fragments, value_of
from reconciler.ports import Uncomparable
from tidemark.retrying import retry_transient
from tidemark.settings import ClickHouseSettings
from tidemark.tables import Pair
from tidemark_warehouse import Sql, load, render

RETRY_SECONDS = 60.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ClickHouseRepairs:
    """SpeedRepairs on ClickHouse."""

    def __init__(self, settings: ClickHouseSettings, retry_seconds: float = RETRY_SECONDS) -> None:
        self._settings = settings
        self._try = retry_transient(OperationalError, seconds=retry_seconds)(self._do)

    def correct(self, pair: Pair, rows: Sequence[Mapping[str, str]], version_ms: int) -> None:
        """Write these rows, canonical texts by column, with a new version."""
        moment = EPOCH + timedelta(milliseconds=version_ms)
        lines = [[*(_value(kind, row[name]) for name, kind in pair.columns.items()), moment] for row in rows]
        names, table = [*pair.columns, pair.version], self._table(pair)
        self._try(lambda client: client.insert(table, lines, column_names=names))

    def remove(self, pair: Pair, keys: Sequence[str], upto_ms: int) -> None:
        """Delete every version of these keys up to a moment."""
        places = {**fragments(CLICKHOUSE, pair), "table": Sql(self._table(pair))}
        statement = render(load("reconciler")["speed_remove"], **places)
        values = {"keys": tuple(keys), "processed_ms": upto_ms}
        self._try(lambda client: client.command(statement, parameters=values))

    def _table(self, pair: Pair) -> str:
        return CLICKHOUSE.quote(self._settings.clickhouse_database, pair.speed)

    def _do(self, work: Callable[[Client], Any]) -> None:
        arguments = self._settings.client_arguments()
        try:
            work(clickhouse_connect.get_client(**arguments, autogenerate_session_id=False))
        except OperationalError:
            raise
        except DatabaseError as error:
            raise Uncomparable(f"the speed layer refuses: {error}") from error


def _value(kind: str, text: str) -> Any:
    value, (family, _) = value_of(kind, text), family_of(kind)
    if value is None:
        return None
    if family == "timestamp":
        return EPOCH + timedelta(microseconds=int(value))
    if family == "decimal":
        return Decimal(value)
    if family == "bool":
        return value == "1"
    return value if family in ("string", "uuid") else int(value)
