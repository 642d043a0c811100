"""What only the real connector and curated files can show: killed processes, exact values, RAW's DDL, outages."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from functools import partial
from threading import Event
from typing import Any

import msgspec
import pytest
from loader_benches import RealBench
from loader_runs import curated, decided, held, part_of, publish, publish_rollback, rows_of
from snowflake.connector import SnowflakeConnection
from snowflake.connector.cursor import SnowflakeCursor
from unused_ports import unused_port  # tests/support
from waiting import until_done

from loader.snowflake import SnowflakeWarehouse
from loader.stage import load
from loader.table import load_table
from tidemark.errors import Retryable, TypedStop
from tidemark.events import LakeCurated
from tidemark.settings import SnowflakeSettings
from tidemark.tables import registry
from tidemark_warehouse import connect, execute

pytestmark = pytest.mark.lab

_KILLED = """
import sys, msgspec
from loader.lake import IcebergLake
from loader.snowflake import SnowflakeWarehouse
from loader.ports import Ports
from loader.stage import load
from tidemark.events import LakeCurated
from tidemark.settings import LakeSettings, SnowflakeSettings
from tidemark.tables import Registry
from tidemark_lake.catalog import open_catalog
from tidemark_lake.decisions import MemoryDecisions
from tidemark_warehouse import connect
event = msgspec.json.decode(sys.argv[1], type=LakeCurated)
known = msgspec.json.decode(sys.argv[2], type=Registry)
lake, snowflake = LakeSettings(), SnowflakeSettings()
warehouse = SnowflakeWarehouse(lambda: connect(snowflake), known, lake.lake_warehouse)
catalog = open_catalog(lake.catalog_properties())
load(event, Ports(lake=IcebergLake(catalog, known), warehouse=warehouse, decisions=MemoryDecisions()))
"""

DDL_OF_LOADERS = """
SELECT RUN_ID, OBJECT, DETAIL FROM OPS.AUDIT WHERE ACTOR = 'loader' AND ACTION = 'ddl' ORDER BY OBJECT, DETAIL
"""


def killed_at(place: str, real: RealBench, event: LakeCurated) -> int:
    """Load in a process of its own that kills itself there; how it ended."""
    arguments = [msgspec.json.encode(event).decode(), msgspec.json.encode(real.known).decode()]
    environment = os.environ | real.environment | {"TIDEMARK_FAILPOINTS": f"{place}=kill"}
    command = [sys.executable, "-W", "ignore", "-c", _KILLED, *arguments]
    return subprocess.run(command, env=environment, check=False).returncode


def recorded(real: RealBench, said: list[str]) -> SnowflakeConnection:
    """A session that notes every statement before it is sent."""

    class Cursor(SnowflakeCursor):
        def execute(self, command: str, *rest: Any, **named: Any) -> Any:
            said.append("\n".join(line for line in command.splitlines() if not line.startswith("--")))
            return super().execute(command, *rest, **named)

    session = connect(real.snowflake)
    session.cursor = partial(session.cursor, Cursor)
    return session


@pytest.mark.parametrize("place", ["loader.after-copy", "loader.before-commit", "loader.after-commit"])
def test_a_killed_loader_s_locks_do_not_last(real: RealBench, place: str) -> None:
    """A process killed with transactions open: the next one waits for their end and loads every row once."""
    event = publish(real, 1, {"users": 3, "orders": 2})
    assert killed_at(place, real, event) == -signal.SIGKILL
    until_done(lambda: load(event, real.ports()))
    assert held(real) == {"users": 3, "products": 0, "orders": 2, "order_items": 0}
    assert real.ledger(event.run_id) == 4


def test_values_come_through_exactly(real: RealBench) -> None:
    """Decimals, nulls, times before 1970 and of microseconds, any Unicode: in RAW as in the file."""
    early = datetime(1901, 12, 13, 20, 45, 51, 999999)  # noqa: DTZ001
    hostile = "né☃ \U0001f980 ' \" \\ %s {x}\n\t\u202e"
    users = [
        rows_of("r1", 1, 1, email=hostile, created_at=early)[0] | {"_source_ts": early, "_flags": "a,b"},
        rows_of("r1", 1, 2, email=None, created_at=None)[1] | {"_lsn": None},
    ]
    prices = [Decimal("-99999999.99"), Decimal("0.01"), None]
    products = [rows_of("r1", 1, 3)[n] | {"name": "", "price": price} for n, price in enumerate(prices)]
    parts = []
    for table, rows in (("users", users), ("products", products)):
        parts.append(part_of(table, len(rows), real.append(table, rows)[0], 6))
    load(curated("r1", 1, parts), real.ports())
    own = "_OP, _LSN, _TS_MS, _SOURCE_TS, _FLAGS, _RUN_ID, _RUN_SEQ"
    assert execute(real.connection, f"SELECT ID, EMAIL, CREATED_AT, {own} FROM RAW.USERS ORDER BY ID") == [
        (1, hostile, early, "c", 5, 6, early, "a,b", "r1", 1),
        (2, None, None, "c", None, 6, None, None, "r1", 1),
    ]
    found = execute(real.connection, "SELECT NAME, PRICE, DESCRIPTION, _FILE_ROW_NUMBER FROM RAW.PRODUCTS ORDER BY ID")
    assert found == [("", price, None, n) for n, price in enumerate(prices, 1)]


def test_raw_follows_the_registry(real: RealBench) -> None:
    """A new column is added, a widened one widened, each with an audit row of run, old and new; what no ALTER can do is
    a typed stop."""
    table = registry().tables["users"]
    execute(real.connection, "ALTER TABLE RAW.USERS DROP COLUMN EMAIL")
    execute(real.connection, "ALTER TABLE RAW.USERS DROP COLUMN ID")
    execute(real.connection, "ALTER TABLE RAW.USERS ADD COLUMN ID NUMBER(5,0)")
    load(publish(real, 1, {"users": 1}), real.ports())
    assert execute(real.connection, DDL_OF_LOADERS) == [
        ("ecommerce-process-g0-1", "RAW.USERS", "add column EMAIL: none -> VARCHAR"),
        ("ecommerce-process-g0-1", "RAW.USERS", "widen column ID: NUMBER(5,0) -> NUMBER(10,0)"),
    ]
    text = msgspec.structs.replace(
        table, columns=table.columns | {"id": msgspec.structs.replace(table.columns["email"])}
    )
    real.known = msgspec.structs.replace(real.known, tables=real.known.tables | {"users": text})
    with pytest.raises(TypedStop, match=r"RAW.USERS.ID is NUMBER\(10,0\) but the registry says VARCHAR"):
        load(publish(real, 2, {"users": 1}), real.ports())


def test_raw_widens_with_the_registry_and_never_narrows(real: RealBench) -> None:
    """int to long and a decimal of more digits widen, rows and all; for fewer digits nothing is done."""
    load(publish(real, 1, {"users": 1, "products": 1}), real.ports())
    wide, narrow = {"users": "long", "products": "decimal(12,2)"}, {"users": "int", "products": "decimal(10,2)"}
    for seq, types in ((2, wide), (3, narrow)):
        for (table, kind), column in zip(types.items(), ("id", "price"), strict=True):
            contract = real.known.tables[table]
            columns = contract.columns | {column: msgspec.structs.replace(contract.columns[column], type=kind)}
            changed = {table: msgspec.structs.replace(contract, columns=columns)}
            real.known = msgspec.structs.replace(real.known, tables=real.known.tables | changed)
        load(publish(real, seq, {"users": 1}), real.ports())
    assert execute(real.connection, DDL_OF_LOADERS) == [
        ("ecommerce-process-g0-2", "RAW.PRODUCTS", "widen column PRICE: NUMBER(10,2) -> NUMBER(12,2)"),
        ("ecommerce-process-g0-2", "RAW.USERS", "widen column ID: NUMBER(10,0) -> NUMBER(19,0)"),
    ]
    assert held(real) == {"users": 3, "products": 1, "orders": 0, "order_items": 0}


def test_a_lock_of_more_rows_than_one_is_a_typed_stop(real: RealBench) -> None:
    """Nobody could tell which of them says where RAW stands."""
    event = publish(real, 1, {"users": 1})
    real.ports().warehouse.prepare("ecommerce", "users", event.run_id)
    execute(real.connection, "INSERT INTO OPS.LOAD_LOCK_USERS SELECT * FROM OPS.LOAD_LOCK_USERS")
    with pytest.raises(TypedStop, match="2 rows instead of one"):
        load(event, real.ports())
    assert real.rows("users") == 0


def test_a_column_that_left_the_registry_stays_and_becomes_null(real: RealBench) -> None:
    """Its values are kept, later rows have null there, and one audit row says so, however often loaders start."""
    snapshot, _ = real.append("users", [rows_of("r1", 1, 1, email="a@x")[0]])
    load(decided(real, curated("r1", 1, [part_of("users", 1, snapshot, 6)])), real.ports())
    users = real.known.tables["users"]
    columns = {name: column for name, column in users.columns.items() if name != "email"}
    shorter = msgspec.structs.replace(users, columns=columns)
    real.known = msgspec.structs.replace(real.known, tables=real.known.tables | {"users": shorter})
    load(publish(real, 2, {"users": 1}), real.ports())
    load(publish(real, 3, {"users": 1}), real.ports())
    assert execute(real.connection, "SELECT EMAIL, _RUN_SEQ FROM RAW.USERS ORDER BY _RUN_SEQ") == [
        ("a@x", 1),
        (None, 2),
        (None, 3),
    ]
    assert execute(real.connection, DDL_OF_LOADERS) == [
        ("ecommerce-process-g0-2", "RAW.USERS", "drop column EMAIL: TEXT -> null from now on")
    ]


def test_definitions_come_before_the_transaction_and_the_lock_first_in_it(real: RealBench) -> None:
    """DDL would commit what is open; what is read under the lock is read after it was taken; COPY forces all files."""
    event, said = publish(real, 1, {"users": 1}), []
    one = msgspec.structs.replace(event, tables=event.tables[:1])
    warehouse = SnowflakeWarehouse(lambda: recorded(real, said), real.known, real.lake.lake_warehouse)
    ports = msgspec.structs.replace(real.ports(), warehouse=warehouse)
    load(one, ports)
    words = [statement.split()[0] for statement in said]
    begin, commit = words.index("BEGIN"), words.index("COMMIT")
    inside = ["UPDATE", "SELECT", "SELECT", "DELETE", "COPY", "INSERT", "INSERT", "UPDATE"]
    assert words[begin + 1 : commit] == inside
    assert [word for word in words[begin:] if word in ("CREATE", "ALTER")] == []
    assert "CREATE" in words[:begin]
    for option in ("FORCE = TRUE", "ON_ERROR = ABORT_STATEMENT", "USE_LOGICAL_TYPE = TRUE"):
        assert option in said[begin + 5]
    said.clear()
    load_table(one, one.tables[0], 0, ports)
    assert [statement.split()[0] for statement in said] == ["BEGIN", "UPDATE", "SELECT", "SELECT", "ROLLBACK"]


def test_files_that_the_load_history_knows_are_loaded_again(real: RealBench) -> None:
    """The history outlives the rows: with RAW and ledger emptied, the same event brings them back."""
    event = publish(real, 1, {"users": 3})
    load(event, real.ports())
    for statement in (
        "DELETE FROM RAW.USERS",
        "DELETE FROM OPS.LOAD_LEDGER",
        "UPDATE OPS.LOAD_LOCK_USERS SET RUN_SEQ = 0",
    ):
        execute(real.connection, statement)
    load(msgspec.structs.replace(event, tables=event.tables[:1]), real.ports())
    assert (real.rows("users"), real.ledger(event.run_id)) == (3, 1)


def test_a_lock_that_does_not_come_free_in_time_is_an_outage(real: RealBench) -> None:
    """Another session works under it for longer than the warehouse lets one wait: tried again, then loaded once."""
    event, ports = publish(real, 1, {"users": 3}), real.ports()
    ports.warehouse.prepare("ecommerce", "users", event.run_id)
    other, waited = connect(real.snowflake), Event()
    execute(other, "BEGIN")
    execute(other, "UPDATE OPS.LOAD_LOCK_USERS SET RUN_SEQ = RUN_SEQ")

    def try_once() -> None:
        try:
            load(event, ports)
        finally:
            waited.set()

    with ThreadPoolExecutor(1) as pool:
        tried = pool.submit(try_once)
        while not waited.wait(0.5):
            execute(other, "SELECT 1")
        with pytest.raises(Retryable):
            tried.result()
    execute(other, "ROLLBACK")
    load(event, ports)
    assert (real.rows("users"), real.ledger(event.run_id)) == (3, 4)


@pytest.mark.parametrize(
    "place",
    [
        "loader.before-commit",
        *[pytest.param(f"loader.after-{what}", marks=pytest.mark.soak) for what in ("copy", "commit")],
    ],
)
def test_a_killed_rollback_is_finished_by_the_next_process(real: RealBench, place: str) -> None:
    """Some tables taken back, others not, locks held by nobody: the next one leads to what the target left."""
    for seq, counts in enumerate([{"users": 3}, {"users": 2, "orders": 1}], 1):
        load(publish(real, seq, counts), real.ports())
    event = publish_rollback(real, 3, to_seq=1, generation=1)
    assert killed_at(place, real, event) == -signal.SIGKILL
    until_done(lambda: load(event, real.ports()))
    assert held(real) == {"users": 3, "products": 0, "orders": 0, "order_items": 0}
    assert real.ledger(event.run_id) == 4


def test_a_warehouse_that_is_away_is_an_outage(real: RealBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: Retryable, not a crash."""
    monkeypatch.setenv("TIDEMARK_SNOWFLAKE_PORT", str(unused_port()))
    for variable, value in real.environment.items():
        if variable != "TIDEMARK_SNOWFLAKE_PORT":
            monkeypatch.setenv(variable, value)
    with pytest.raises(Retryable):
        connect(SnowflakeSettings())  # type: ignore[call-arg]
