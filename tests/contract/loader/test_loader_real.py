"""What only the real connector and curated files can show: killed processes, exact values, RAW's DDL, outages."""

import os
import signal
import subprocess
import sys
from datetime import datetime
from decimal import Decimal

import msgspec
import pytest
from loader_benches import RealBench, curated, free_port, held, part_of, publish, rows_of, until_done

from loader.stage import load
from tidemark.errors import Retryable, TypedStop
from tidemark.settings import SnowflakeSettings
from tidemark.tables import registry
from tidemark_warehouse import connect, execute

pytestmark = pytest.mark.lab

_KILLED = """
import sys, msgspec
from loader.lake import IcebergLake
from loader.snowflake import SnowflakeWarehouse
from loader.stage import Ports, load
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


@pytest.mark.parametrize("place", ["loader.after-copy", "loader.before-commit", "loader.after-commit"])
def test_a_killed_loader_s_locks_do_not_last(real: RealBench, place: str) -> None:
    """A process killed with transactions open: the next one waits for their end and loads every row once."""
    event = publish(real, 1, {"users": 3, "orders": 2})
    arguments = [msgspec.json.encode(event).decode(), msgspec.json.encode(real.known).decode()]
    environment = os.environ | real.environment | {"TIDEMARK_FAILPOINTS": f"{place}=kill"}
    killed = subprocess.run([sys.executable, "-W", "ignore", "-c", _KILLED, *arguments], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
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
    """A new column is added, a widened one widened, each with an audit row; what no ALTER can do is a typed stop."""
    table = registry().tables["users"]
    execute(real.connection, "ALTER TABLE RAW.USERS DROP COLUMN EMAIL")
    execute(real.connection, "ALTER TABLE RAW.USERS DROP COLUMN ID")
    execute(real.connection, "ALTER TABLE RAW.USERS ADD COLUMN ID NUMBER(5,0)")
    load(publish(real, 1, {"users": 1}), real.ports())
    query = "SELECT OBJECT, DETAIL FROM OPS.AUDIT WHERE ACTOR = 'loader' AND ACTION = 'ddl' ORDER BY DETAIL"
    audited = execute(real.connection, query)
    assert audited == [
        ("RAW.USERS", "add column EMAIL VARCHAR"),
        ("RAW.USERS", "widen column ID NUMBER(10,0), was NUMBER(5,0)"),
    ]
    text = msgspec.structs.replace(
        table, columns=table.columns | {"id": msgspec.structs.replace(table.columns["email"])}
    )
    real.known = msgspec.structs.replace(real.known, tables=real.known.tables | {"users": text})
    with pytest.raises(TypedStop, match=r"RAW.USERS.ID is NUMBER\(10,0\) but the registry says VARCHAR"):
        load(publish(real, 2, {"users": 1}), real.ports())


def test_a_warehouse_that_is_away_is_an_outage(real: RealBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: Retryable, not a crash."""
    monkeypatch.setenv("TIDEMARK_SNOWFLAKE_PORT", str(free_port()))
    for variable, value in real.environment.items():
        if variable != "TIDEMARK_SNOWFLAKE_PORT":
            monkeypatch.setenv(variable, value)
    with pytest.raises(Retryable):
        connect(SnowflakeSettings())  # type: ignore[call-arg]
