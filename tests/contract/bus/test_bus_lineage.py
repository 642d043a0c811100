"""`tidemark lineage --export` on a broker: the events in Kafka are the store that it reads."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tidemark.events import RunFailed, SnapshotCommitted, TableCut
from tidemark.kafka import publish
from tidemark.settings import KafkaSettings
from tidemark_cli.main import app

pytestmark = pytest.mark.lab
PLACES = {
    "TIDEMARK_SNOWFLAKE_ACCOUNT": "acme",
    "TIDEMARK_SNOWFLAKE_USER": "reader",
    "TIDEMARK_SNOWFLAKE_PASSWORD": "unused",
    "TIDEMARK_CLICKHOUSE_HOST": "speed",
    "TIDEMARK_CLICKHOUSE_PORT": "8123",
}


def test_every_run_becomes_a_file(empty_broker: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of each dataset, one of them failed; exported again, the files are the same."""
    settings = KafkaSettings(kafka_bootstrap=empty_broker.bootstrap)
    for dataset, table in (("ecommerce", "users"), ("events", "transactions")):
        run = {"dataset": dataset, "run_id": f"{dataset}-process-g0-1", "run_seq": 1, "kind": "process"}
        cut = TableCut(table=table, from_snapshot=None, to_snapshot=7, rows=3, files=1)
        publish(settings, SnapshotCommitted(**run, generation=0, tables=[cut], committed_at_ms=1))
    failure = RunFailed(**run, generation=0, failed_stage="spark-submitter", error="TypedStop", message="gone")
    publish(settings, failure)
    for name, value in {**PLACES, "TIDEMARK_KAFKA_BOOTSTRAP": empty_broker.bootstrap}.items():
        monkeypatch.setenv(name, value)
    written = []
    for _ in range(2):
        answer = CliRunner().invoke(app, ["lineage", "--export", str(tmp_path / "out")])
        assert answer.exit_code == 0, answer.output
        written.append({path.name: path.read_text() for path in (tmp_path / "out").iterdir()})
    assert written[0] == written[1]
    events = {name: json.loads(text) for name, text in written[0].items()}
    assert {name: [event["eventType"] for event in found] for name, found in events.items()} == {
        "ecommerce-process-g0-1.json": ["START", "COMPLETE"],
        "events-process-g0-1.json": ["START", "COMPLETE", "START", "FAIL"],
    }
    (source,) = events["ecommerce-process-g0-1.json"][1]["inputs"]
    assert source["inputFacets"]["inputStatistics"]["rowCount"] == 3
