"""`tidemark advise` on the lab's warehouse: costs are filled from the ledgers, rules without evidence say so."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from transformer_bench import Database
from typer.testing import CliRunner

from tidemark.events import LakeCurated
from tidemark_cli.advise import command
from tidemark_cli.advise.evidence import Loads, ModelRuns
from tidemark_cli.advise.gather import fill_costs, gather, values_since
from tidemark_cli.main import app
from tidemark_cli.runs import Run
from tidemark_warehouse import execute, load
from transformer.settings import PROJECT

pytestmark = pytest.mark.lab
NOW = datetime.now(UTC).replace(tzinfo=None)
LOADED = (
    "INSERT INTO OPS.LOAD_LEDGER SELECT 'ecommerce', %(table)s, 'ecommerce-' || %(seq)s, %(seq)s, 1, 10, %(files)s, "
    "1000000, 60, NULL, %(at)s::TIMESTAMP_NTZ(6)"
)
COSTS = "SELECT QUERY_ID, STAGE, RUN, SECONDS, IS_MEASURED, CREDITS FROM OPS.QUERY_COSTS ORDER BY QUERY_ID"


def built(database: Database, run_seq: int, from_seq: int, seconds: float, at: datetime = NOW) -> None:
    """A publication of one large table that changes little."""
    row = {"dataset": "ecommerce", "run_id": f"ecommerce-{run_seq}", "from_seq": from_seq, "to_seq": run_seq}
    row |= {"model": "fct_orders", "kind": "table", "seconds": seconds, "changed": 10, "rows": 2_000_000, "bytes": None}
    execute(database.connection, load("transformer")["record_models"], row | {"query_id": f"q{run_seq}", "at": at})


@pytest.fixture
def used(database: Database) -> Database:
    """Seven publications, loads of many files in one run, and what is older than the days looked at."""
    for table in ("LOAD_LEDGER", "MODEL_RUNS", "QUERY_COSTS", "RECONCILIATION_RUN"):
        execute(database.connection, f"DELETE FROM OPS.{table}")
    for run_seq in range(1, 8):
        built(database, run_seq, 0 if run_seq in (1, 4) else run_seq - 1, 100.0, NOW - timedelta(minutes=60 - run_seq))
    execute(database.connection, LOADED, {"table": "orders", "seq": 1, "files": 500, "at": NOW})
    execute(database.connection, LOADED, {"table": "users", "seq": 1, "files": 1, "at": NOW - timedelta(days=90)})
    return database


def spark_run(spark: dict[str, int]) -> Run:
    """A run of which only the lake's event is there."""
    event = LakeCurated(
        dataset="ecommerce",
        run_id="ecommerce-1",
        run_seq=1,
        kind="process",
        generation=1,
        decision=1,
        tables=[],
        committed_at_ms=1,
        seconds=100.0,
        spark=spark,
    )
    about: dict[str, Any] = {"run_id": event.run_id, "dataset": "ecommerce", "run_seq": 1, "kind": "process"}
    return Run(**about, generation=1, events={LakeCurated.stage: event})


def test_costs_are_the_ledgers_seconds_where_there_is_no_history(used: Database) -> None:
    """A row for each model's query and each load, with stage and run; a second filling adds none."""
    for _ in range(2):
        assert fill_costs(used.connection, values_since(datetime.now(UTC))) is False
    rows = execute(used.connection, COSTS)
    assert rows[0] == ("ecommerce-1/load/orders", "loader", "ecommerce#1", 60.0, True, None)
    assert rows[2] == ("q1", "transformer", "ecommerce#1", 100.0, True, None)
    assert len(rows) == 2 + 7


def test_evidence_is_what_the_ledgers_hold_of_the_days_looked_at(used: Database) -> None:
    """Without a model's first publication and old loads; that Snowflake's history is missing is told."""
    evidence = gather(used.connection, [spark_run({"cores": 2, "executors": 2, "run_ms": 1000})], PROJECT)
    assert evidence.loads == [Loads(table="orders", runs=1, files=500, bytes=1_000_000, seconds=60.0)]
    assert evidence.model_runs == [
        ModelRuns(
            model="fct_orders",
            kind="table",
            rows=2_000_000,
            runs=6,
            changed=60,
            seconds=600.0,
            full_runs=1,
            full_seconds=100.0,
        )
    ]
    assert [run.slots for run in evidence.spark_runs or []] == [4]
    assert (evidence.warehouses, evidence.queries, evidence.clustering, evidence.reads) == (None, None, None, None)
    assert evidence.missing.keys() == {"warehouses", "queries", "clustering", "reads"}


def test_the_command_advises_from_the_lab_s_data(used: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """For people and as JSON; rules that need Snowflake's history are listed, not guessed."""
    for name, value in used.environment.items():
        monkeypatch.setenv(name, value)
    runs = {"ecommerce-1": spark_run({"cores": 2, "executors": 2, "run_ms": 1000})}
    monkeypatch.setattr(command, "read_runs", lambda: runs)
    shown = CliRunner().invoke(app, ["advise"])
    assert shown.exit_code == 0, shown.output
    for text in (
        "Incremental candidate: fct_orders",
        "Small files: orders",
        "Idle executors",
        "Rules without evidence",
    ):
        assert text in shown.output
    told = json.loads(CliRunner().invoke(app, ["advise", "--json"]).output)
    assert {advice["rule"] for advice in told["advice"]} == {"incremental-candidate", "small-files", "idle-executors"}
    assert told["without_evidence"].keys() == {
        "warehouse-too-small",
        "warehouse-too-large",
        "auto-suspend",
        "spill",
        "pruning",
        "clustering-depth",
        "never-read",
    }
