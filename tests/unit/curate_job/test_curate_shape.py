"""What the job says of its tables' columns: each change once, whichever attempt altered the table."""

import json
from pathlib import Path
from typing import Any

import pytest
from curate_lake import MANY_ROWS_IN_SOAK
from msgspec.structs import replace

from tidemark.tables import Column

pytestmark = [pytest.mark.lab, MANY_ROWS_IN_SOAK]

META = "__op string, __ts_ms bigint, __source_ts_ms bigint, __source_lsn bigint"
USERS = f"id int, email string, first_name string, last_name string, {META}"


def users(*keys: int) -> list[tuple[Any, ...]]:
    """A new user a key."""
    return [(key, f"u{key}@x.org", "Ann", "Lee", "c", 1000 + key, 1000 + key, key) for key in keys]


def told(result: dict[str, Any], table: str) -> list[str]:
    """What a result says of one table."""
    (found,) = [t for t in result["tables"] if t["table"] == table]
    return list(found["schema_changes"])


def test_a_grown_contract_is_told_by_the_run_that_publishes_it(lake: Any) -> None:
    """An attempt that died after its ALTER takes nothing from the next one's account; the run after is silent."""
    from curate_job.main import curate

    lake.append("users", users(1), USERS)
    assert told(lake.run(), "users") == ["created with 13 columns"]
    contract = lake.contracts["users"]
    grown = {**contract.columns, "id": Column("long", nullable=False), "note": Column("string")}
    lake.contracts["users"] = replace(contract, columns=grown)
    lake.append("users", users(2), USERS)
    path = lake.folder / "dead.json"
    path.write_text(
        json.dumps(lake.manifest() | {"branch": "attempt_dead", "result": str(lake.folder / "dead_result")})
    )
    dead = json.loads(Path(curate(lake.spark, str(path))).read_text())
    assert told(dead, "users") == ["added note string", "changed id from int to bigint"]
    assert told(lake.run(), "users") == told(dead, "users")
    lake.append("users", users(3), USERS)
    assert told(lake.run(), "users") == []
    assert lake.rows("users", "id, note") == [(1, None), (2, None), (3, None)]
