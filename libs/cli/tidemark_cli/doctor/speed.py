"""Checks of the speed layer: ClickHouse lets us in, and has the columns that are compared."""

from collections.abc import Iterator

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from tidemark.settings import ClickHouseSettings
from tidemark.tables import registry
from tidemark_cli.doctor.check import Amiss, Check
from tidemark_warehouse import load

OTHERWISE = "see that TIDEMARK_CLICKHOUSE_HOST and _PORT are right and can be reached from here (_SECURE=true for TLS)"
REMEDIES = {
    "code: 81,": "mend TIDEMARK_CLICKHOUSE_DATABASE: there is no such database",
    "code: 516,": "mend TIDEMARK_CLICKHOUSE_USER and TIDEMARK_CLICKHOUSE_PASSWORD",
    "code: 497,": "GRANT SELECT on the speed layer's tables and on system.columns to this user",
    "lacks": "mend TIDEMARK_CLICKHOUSE_DATABASE, or the pairs in the registry (tables.toml, TIDEMARK_REGISTRY)",
}


def of_speed(settings: ClickHouseSettings) -> Iterator[Check]:
    """The tables of the registry's pairs, column by column."""

    def columns() -> str:
        client = clickhouse_connect.get_client(**settings.client_arguments(), connect_timeout=5)
        try:
            values = {"database": settings.clickhouse_database}
            rows = client.query(load("tidemark_cli")["doctor_speed_columns"], parameters=values).result_rows
        finally:
            client.close()
        there = {table: set(names) for table, names in rows}
        pairs = [pair for pair in registry().pairs.values() if pair.totals_of is None]  # totals have no table
        lacking = sorted(f"{p.speed}.{c}" for p in pairs for c in p.columns if c not in there.get(p.speed, ()))
        if lacking:
            raise Amiss(f"{settings.clickhouse_database} lacks {', '.join(lacking)}")
        return f"{settings.clickhouse_database} has {', '.join(pair.speed for pair in pairs)}"

    yield Check("speed layer: tables", columns, OTHERWISE, REMEDIES, (ClickHouseError, OSError))
