"""Sides that agree on nothing: every difference is counted and listed in the lake, and memory stays bounded."""

from collections import Counter

import pyarrow.parquet as pq
import pytest
from clickhouse_connect.driver.client import Client
from peak_memory import peak_above_idle
from pyarrow import BufferReader
from reconciler_generated import MART, PAIR, SPEED, fill_mart, fill_speed, window
from snowflake.connector import SnowflakeConnection

from reconciler.clickhouse import ClickHouse
from reconciler.entries import Difference
from reconciler.lake import LakeReports
from reconciler.passes import MOST_ENTRIES, Compared, compare_pair
from reconciler.snowflake import Session, Snowflake
from tidemark.settings import ClickHouseSettings, LakeSettings, SnowflakeSettings
from tidemark_lake.objects import Folder, s3_client
from tidemark_warehouse import execute

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

MOST_MEMORY = 150 << 20


class Listed:
    """Writes each part of the list into the lake, as a run does, and adds up what there was."""

    def __init__(self, folder: Folder) -> None:
        self.folder, self.names = folder, list[str]()
        self.texts = 0  # bytes

    def __call__(self, part: list[Difference]) -> None:
        self.texts += sum(len(text.encode()) for one in part for text in (*one.speed.values(), *one.batch.values()))
        self.names.append(f"list/{len(self.names):05d}.parquet")
        LakeReports(self.folder).write_differences(self.names[-1], part)

    def kinds_by_key(self) -> tuple[Counter[str], int]:
        """Of the files: how many of each class, and how many keys."""
        kinds, keys = Counter[str](), set[str]()
        for name in self.names:
            rows = pq.read_table(BufferReader(self.folder.read(name)), columns=["key", "kind"]).to_pydict()
            kinds.update(rows["kind"])
            keys.update(rows["key"])
        return kinds, len(keys)


def test_differences_beyond_memory_are_all_listed(
    speed: Client,
    warehouse: SnowflakeConnection,
    clickhouse_settings: ClickHouseSettings,
    snowflake_settings: SnowflakeSettings,
    lake: LakeSettings,
) -> None:
    """Rows of some kB that all differ: all counted, all listed in the lake, the sample full, memory bounded."""
    rows = MOST_ENTRIES + 2_000
    speed.command(f"TRUNCATE TABLE {SPEED}")
    fill_speed(speed, rows)
    fill_mart(warehouse, rows)
    for ending in "0123456789abcdef":  # a part at a time: the emulator's memory is bounded too
        unlike = "REPEAT('unlike', 400)"
        execute(
            warehouse, f"UPDATE {MART} SET STATUS = {unlike} WHERE TRANSACTION_ID LIKE %(end)s", {"end": f"%{ending}"}
        )
    sides = ClickHouse(clickhouse_settings), Snowflake(Session(snowflake_settings))
    listed = Listed(Folder(s3_client(lake.aws_region, lake.s3_endpoint), "s3://lake/unlike"))
    found = list[Compared]()
    above = peak_above_idle(lambda: found.append(compare_pair(PAIR, *sides, window(), (), listed)))
    assert listed.texts >= 30 << 20
    assert (dict(found[0].counts), found[0].rows) == ({"different": rows}, rows)
    assert listed.kinds_by_key() == ({"different": rows}, rows)
    assert len(found[0].differences) == MOST_ENTRIES
    assert found[0].left_over == rows - MOST_ENTRIES
    assert above <= MOST_MEMORY, f"{above >> 20} MB above idle"
