"""Faults on the real engines: merges and mutations meanwhile, a column of another type, a process that is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import json, structs
from places import PLACES
from reconciler_day import status
from reconciler_engines import PAIR, Engines

from reconciler.clickhouse import LIMITS, ClickHouse
from reconciler.ports import Tally, Window
from tidemark.errors import Retryable
from tidemark.events import LayersReconciled
from tidemark.failpoints import ARMED, LOG
from tidemark.settings import ClickHouseSettings
from tidemark.tables import Pair

pytestmark = pytest.mark.lab
OWN = [place for place in PLACES if place.startswith("reconciler.") and not place.endswith("produce")]
KILLED_IN_CI = "reconciler.after-commit"
PROCESS = """
import sys
from msgspec import json, structs
from reconciler.__main__ import compose
from reconciler.settings import ReconcilerSettings
from reconciler.stage import reconcile
from tidemark.events import MartsBuilt
from tidemark.settings import load
reconcile(json.decode(sys.stdin.buffer.read(), type=MartsBuilt), compose(load(ReconcilerSettings)))
"""
LEDGER = "SELECT RUN_ID, RUN_SEQ, COMPARED_SEQ, STATUS FROM OPS.RECONCILIATION_RUN ORDER BY RUN_SEQ"
ENTRIES = """
SELECT ENTRY_ID, STATE, DIFFERENCE, FIRST_RUN_ID
FROM OPS.RECONCILIATION_ENTRY
WHERE PAIR = 'transactions'
ORDER BY ENTRY_ID
"""


@pytest.fixture
def unlike(engines: Engines) -> Engines:
    """Four rows, of which the speed layer lacks one and has others in two versions."""
    rows = engines.rows(4)
    engines.write_marts(rows)
    engines.write_speed([*rows[1:], *({**row, "status": "older"} for row in rows[1:])])
    engines.write_speed(rows[1:])
    engines.speed.command("DELETE FROM speed.transactions_realtime WHERE status = 'older'")
    return engines


class Busy(ClickHouse):
    """Merges and a mutation between two passes."""

    meanwhile: Callable[[], None]

    def sums(self, pair: Pair, window: Window, endings: Collection[str] | None = None) -> Mapping[str, Tally]:
        found = super().sums(pair, window, endings)
        self.meanwhile()
        return found


def test_merges_and_mutations_meanwhile_change_nothing(
    unlike: Engines, clickhouse_settings: ClickHouseSettings
) -> None:
    """What counts is the latest version of a key, not how many parts or copies of it there are."""

    def meanwhile() -> None:
        unlike.speed.command("OPTIMIZE TABLE speed.transactions_realtime FINAL DEDUPLICATE")
        unlike.speed.command(
            "ALTER TABLE speed.transactions_realtime UPDATE status = status WHERE 1 SETTINGS mutations_sync = 1"
        )

    busy = Busy(clickhouse_settings)
    busy.meanwhile = meanwhile
    unlike.ports = replace(unlike.ports, speed=busy)
    first, second = unlike.run(), unlike.run()
    assert [status(first), status(second)] == ["CONVERGING", "DIVERGED"]
    assert [row[1:3] for row in unlike.told(ENTRIES)] == [("confirmed", "missing_in_speed")]


def test_a_speed_layer_that_takes_too_long_is_an_outage(
    engines: Engines, clickhouse_settings: ClickHouseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A query beyond its time is stopped in the engine, and asked again by whoever waits."""
    engines.write_speed(engines.rows(4))
    slow = f"SELECT * FROM speed.{PAIR.speed} WHERE sleepEachRow(1) = 0"
    engines.speed.command(f"CREATE OR REPLACE VIEW speed.slow AS {slow}")
    monkeypatch.setitem(LIMITS, "max_execution_time", 1)
    window = Window(cutoff_ms=2**41, upper_ms=2**41, processed_ms=2**41)
    with pytest.raises(Retryable, match="does not answer"):
        ClickHouse(clickhouse_settings).sums(structs.replace(PAIR, speed="slow"), window)


def test_a_column_of_another_type_is_named(unlike: Engines) -> None:
    """The pair stops with an alert that names it; the run has its status, entries stay, and it goes on once mended."""
    unlike.run()
    change = "ALTER TABLE speed.transactions_realtime MODIFY COLUMN total_amount {} SETTINGS mutations_sync = 1"
    unlike.speed.command(change.format("Float64"))
    try:
        (reconciled, alert) = unlike.run()
        assert isinstance(reconciled, LayersReconciled)
        assert "total_amount is Float64" in reconciled.pairs[0].detail
        assert (reconciled.status, getattr(alert, "severity", "")) == ("STALLED", "warning")
        assert [row[1] for row in unlike.told(ENTRIES)] == ["suspect"]
    finally:
        unlike.speed.command(change.format("Decimal(10, 2)"))
    assert status(unlike.run()) == "DIVERGED"


@pytest.mark.parametrize("place", [pytest.param(p, marks=() if p == KILLED_IN_CI else pytest.mark.soak) for p in OWN])
def test_a_killed_process_leads_to_the_same_ledger(
    place: str, unlike: Engines, commands: Callable[..., object], tmp_path: Path
) -> None:
    """SIGKILL around report and ledger; the next process leaves run and entries once, as without it."""
    unlike.hour += 1
    unlike.beat()
    environment = {**os.environ, "TIDEMARK_KAFKA_BOOTSTRAP": "127.0.0.1:1", LOG: str(tmp_path / "hits")}
    for armed, code in ((f"{place}=kill", -signal.SIGKILL), ("", 0), ("", 0)):
        ended = compared(unlike, {**environment, ARMED: armed})
        assert ended.returncode == code, ended.stderr[-2000:]
    runs, entries = unlike.told(LEDGER), unlike.told(ENTRIES)
    assert [row[1:3] for row in entries] == [("suspect", "missing_in_speed")]
    for table in ("RUN", "ENTRY"):
        unlike.told(f"DELETE FROM OPS.RECONCILIATION_{table}")
    assert compared(unlike, environment).returncode == 0
    assert (unlike.told(LEDGER), unlike.told(ENTRIES)) == (runs, entries)


def compared(engines: Engines, environment: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    """The newest run's comparison in a process of its own."""
    command = [sys.executable, "-c", PROCESS]
    return subprocess.run(
        command,
        input=json.encode(engines.event()),
        env=dict(environment),
        capture_output=True,
        timeout=200,
        check=False,
    )
