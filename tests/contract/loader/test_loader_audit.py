"""OPS.AUDIT as the loader fills it: loads with counts, changes of columns in lake and RAW, what was taken back."""

from datetime import UTC, datetime
from typing import Any

import pytest
from loader_benches import RealBench
from loader_runs import publish
from msgspec.structs import replace

from ingest_watcher.ports import SourceColumn
from ingest_watcher.shape import changes
from loader.stage import load
from tidemark.events import RunRequested, Selection
from tidemark_warehouse import execute

pytestmark = pytest.mark.lab
OLD = [("id", "int", True), ("note", "string", True), ("amount", "int", True), ("gone", "string", True)]
NEW = [
    (1, ("remark", "string", True)),
    (0, ("id", "int", False)),
    (2, ("amount", "long", True)),
    (9, ("bonus", "int", True)),
]
CHANGES = (
    """SELECT "AT", DETAIL FROM OPS.AUDIT WHERE RUN_ID = %(run)s AND ACTION = 'ddl' AND OBJECT = 'ecommerce.users'"""
)


def audited(real: RealBench, run_id: str) -> list[tuple[str, ...]]:
    """The audit rows of a run."""
    query = "SELECT ACTOR, ACTION, OBJECT, DETAIL FROM OPS.AUDIT WHERE RUN_ID = %(run)s ORDER BY 3, 2, 4"
    return execute(real.connection, query, {"run": run_id})


def test_the_lake_s_changes_are_audited_with_the_load_once(real: RealBench) -> None:
    """In the run's transaction: a repeated event writes no second row. Hostile names are text."""
    event = publish(real, 1, {"users": 2})
    changes = ["source: added note string?", "lake: added '); DROP TABLE x; -- %s string"]
    tables = [replace(t, schema_changes=changes if t.table == "users" else []) for t in event.tables]
    event = replace(event, tables=tables)
    load(event, real.ports())
    load(event, real.ports())
    found = audited(real, event.run_id)
    assert [row for row in found if row[0] == "spark-submitter"] == [
        ("spark-submitter", "ddl", "ecommerce.users", change) for change in sorted(changes)
    ]
    copied = [row for row in found if row[1] == "copy"]
    assert [row[2] for row in copied] == ["RAW.ORDERS", "RAW.ORDER_ITEMS", "RAW.PRODUCTS", "RAW.USERS"]
    assert copied[-1][3].startswith("2 rows of 1 files, ")


def test_every_change_of_the_source_s_columns_is_an_audit_row(real: RealBench) -> None:
    """With time, run, old and new: as the watcher tells of them, of a table without rows in the run as well."""
    old = {n: SourceColumn(*column) for n, column in enumerate(OLD)}
    new = {n: SourceColumn(*column) for n, column in NEW}
    told = [f"source: {change}" for change in changes(old, new)]
    runs: list[Any] = [("process", 1, {"users": 2}), ("rebuild", 2, {})]
    for kind, run_seq, rows in runs:
        event = publish(real, run_seq, rows, kind=kind)
        load(replace(event, tables=[replace(t, schema_changes=told) for t in event.tables]), real.ports())
        found = execute(real.connection, CHANGES, {"run": event.run_id})
        assert sorted(detail for _, detail in found) == [
            "source: added bonus int?",
            "source: changed amount from int? to long?",
            "source: dropped gone string?",
            "source: made id required, was nullable",
            "source: renamed note to remark",
            "source: reordered from id, note, amount to remark, id, amount",
        ]
        assert all(abs((datetime.now(UTC).replace(tzinfo=None) - at).total_seconds()) < 600 for at, _ in found)


def test_who_asked_for_what_is_audited(real: RealBench) -> None:
    """A decision about quarantine at its table alone, with counts and reason; a rollback at every table."""
    load(publish(real, 1, {"users": 2}), real.ports())
    chosen = Selection(table="users", keys=["a'b", "c"], rule="r")
    asked = RunRequested(
        dataset="ecommerce", request_id="q", kind="drop", requested_by="ada", selection=chosen, reason="test rows"
    )
    event = publish(real, 2, {}, kind="drop")
    tables = [replace(t, released=2, dropped=2) if t.table == "users" else t for t in event.tables]
    load(replace(event, tables=tables, asked=asked), real.ports())
    found = [row for row in audited(real, event.run_id) if row[0] == "ada"]
    detail = "2 rows dropped from quarantine; rule r; keys a'b, c; test rows"
    assert found == [("ada", "drop", "ecommerce.users", detail)]
    back = replace(publish(real, 3, {}, generation=1, kind="rollback"), to_seq=1)
    load(replace(back, asked=replace(asked, kind="rollback", selection=None, reason="")), real.ports())
    found = [row for row in audited(real, back.run_id) if row[0] == "ada"]
    assert {row[3] for row in found} == {"back to run 1"}
    assert len(found) == 4


def test_what_a_rollback_takes_back_is_audited(real: RealBench) -> None:
    """A row a table with the number of rows that went."""
    ports = real.ports()
    for event in (publish(real, 1, {"users": 2}), publish(real, 2, {"users": 3})):
        load(event, ports)
    rollback = replace(publish(real, 3, {}, generation=1, kind="rollback"), to_seq=1)
    load(rollback, ports)
    taken = [row for row in audited(real, rollback.run_id) if row[1] == "take back"]
    assert taken[-1] == ("loader", "take back", "RAW.USERS", "3 rows of the runs after 1")
    assert len(taken) == 4
