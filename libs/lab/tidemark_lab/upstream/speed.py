"""Writes to the speed layer (ClickHouse, the ordinary client). At least once: a step that is finished after a crash
writes its rows again. The tables are the lab's front's (sql/speed.sql beside it)."""

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.client import Client

from tidemark.settings import ClickHouseSettings

BLOCK = 100_000  # rows of one insert


class SpeedLayer:
    """A ClickHouse with the speed layer's database."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        self.client: Client = clickhouse_connect.get_client(**settings.client_arguments())

    def insert(self, name: str, rows: pa.Table) -> None:
        """Append rows to a table of the speed layer."""
        for start in range(0, rows.num_rows, BLOCK):
            self.client.insert_arrow(name, rows.slice(start, BLOCK))
