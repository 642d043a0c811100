"""The generator against the lab's lake and speed layer: what it says it delivered is what stands there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_parts import KEYS, address, lab_parts

from tidemark.settings import ClickHouseSettings, LakeSettings
from tidemark_lab.upstream import generate
from tidemark_lab.upstream.lake import Lake
from tidemark_lab.upstream.schemas import SOURCE
from tidemark_lab.upstream.speed import SpeedLayer
from tidemark_lab.upstream.truth import Truth

pytestmark = pytest.mark.lab


@pytest.fixture
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """The ports of the store and of ClickHouse."""
    with lab_parts(tmp_path_factory.mktemp("upstream-stores"), "store", "clickhouse") as found:
        yield found


def test_both_sides_hold_what_the_truth_says(
    ports: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows per source table equal the rows recorded; tables are v2, partitioned by day; a repeated append adds nothing;
    the speed layer's distinct transactions and last session rows are as many as the truth's after settle."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    endpoint = address(ports["store"])
    lake = Lake(LakeSettings(glue_endpoint=endpoint, s3_endpoint=endpoint))
    speed = SpeedLayer(ClickHouseSettings(clickhouse_host="127.0.0.1", clickhouse_port=ports["clickhouse"]))
    generate.initial(tmp_path, lake, speed, scale=0.01)
    generate.delta(tmp_path, lake, speed, rows=100)
    generate.settle(tmp_path, lake, speed)
    truth = Truth.load(tmp_path)
    for name in SOURCE:
        table = lake.catalog.load_table(name)
        rows = table.scan().to_arrow()
        assert rows.num_rows == sum(truth.rows_appended(step, name) for step in (1, 2, 3))
        assert (table.metadata.format_version, [str(f.transform) for f in table.spec().fields]) == (2, ["day"])
        lake.append(name, rows, f"{truth.summary['name']}-3-0")
        assert lake.catalog.load_table(name).metadata.current_snapshot_id == table.metadata.current_snapshot_id
    sessions = speed.client.command("SELECT uniqExact(session_id) FROM user_sessions_realtime")
    transactions = speed.client.command("SELECT uniqExact(transaction_id, product_id) FROM transactions_realtime")
    assert (sessions, transactions) == (truth.sessions().num_rows, truth.transactions().num_rows)
