"""What a rebuild makes of a source that lost rows (docs/adr/0007), and that it reads what stands there, no more."""

from typing import Any

import pytest
from curate_lake import MANY_ROWS_IN_SOAK

from .source_rows import USERS, of, user

pytestmark = MANY_ROWS_IN_SOAK

STATE = "id, email, _op, _lsn, _is_deleted"


def rolled_back(lake: Any) -> None:
    """Users 1 and 2 from a snapshot; then user 2 changes and user 3 comes, is curated, and is rolled away."""
    lake.append("users", [user(1, "r", 100, 10), user(2, "r", 100, 10)], USERS)
    first = lake.head("users")
    lake.run()
    lake.append("users", [user(2, "u", 120, 20, "gone@x.org"), user(3, "c", 130, 21)], USERS)
    lake.run()
    name = lake.source("users").removeprefix("lake.")
    lake.spark.sql(f"CALL lake.system.rollback_to_snapshot('{name}', {first})")


def test_a_rebuild_takes_nothing_away_that_no_new_snapshot_denies(lake: Any) -> None:
    """The source was rolled back: what it holds is read and repeated, what it lost stays as it was accepted."""
    rolled_back(lake)
    before = lake.rows("users", STATE)
    assert of(lake.run("rebuild"), "users")["read"] == 2
    assert lake.rows("users", STATE) == before
    assert before == [
        (1, "u1@x.org", "r", 100, False),
        (2, "gone@x.org", "u", 120, False),
        (3, "u3@x.org", "c", 130, False),
    ]


def test_a_new_full_snapshot_heals_a_source_that_was_rolled_back(lake: Any) -> None:
    """Every key is what the snapshot says, and one that it does not hold is buried; later changes go on."""
    rolled_back(lake)
    lake.append("users", [user(1, "r", 200, 50), user(2, "r", 200, 50)], USERS)
    lake.run("rebuild")
    assert lake.rows("users", STATE) == [
        (1, "u1@x.org", "r", 200, False),
        (2, "u2@x.org", "r", 200, False),
        (3, "u3@x.org", "d", None, True),
    ]
    lake.append("users", [user(3, "c", 210, 60, "back@x.org")], USERS)
    lake.run()
    assert lake.rows("users", STATE)[2] == (3, "back@x.org", "c", 210, False)


def test_a_new_full_snapshot_heals_a_source_that_was_made_again(lake: Any) -> None:
    """Also when nothing of the old table is left."""
    lake.append("users", [user(1, "r", 100, 10), user(2, "u", 120, 20)], USERS)
    lake.run()
    lake.spark.sql(f"DROP TABLE {lake.source('users')}")
    lake.append("users", [user(1, "r", 200, 50)], USERS)
    assert of(lake.run("rebuild"), "users") == {"read": 1, "released": 1, "accepted": 2}
    assert lake.rows("users", "id, _op, _is_deleted") == [(1, "r", False), (2, "d", True)]


@pytest.mark.parametrize("mode", ["merge-on-read", "copy-on-write"])
@pytest.mark.parametrize("kind", ["process", "rebuild"])
def test_rows_deleted_from_the_log_are_not_read(lake: Any, mode: str, kind: str) -> None:
    """Somebody ran DELETE on the source: a full read is of what is left, however the delete was written."""
    source = lake.source("users")
    lake.append("users", [user(k, "c", k, k) for k in range(1, 6)], USERS)
    if kind == "rebuild":
        lake.run()
    lake.spark.sql(f"ALTER TABLE {source} SET TBLPROPERTIES ('write.delete.mode' = '{mode}')")
    lake.spark.sql(f"DELETE FROM {source} WHERE id = 2")
    assert bool(lake.spark.sql(f"SELECT 1 FROM {source}.delete_files").count()) == (mode == "merge-on-read")
    result = lake.run(kind)
    assert (result["status"], of(result, "users")["read"]) == ("done", 4)
    kept = [1, 3, 4, 5] if kind == "process" else [1, 2, 3, 4, 5]
    assert [key for (key,) in lake.rows("users", "id")] == kept
