"""Another client's hand: source tables dropped, made anew or compacted past the session, which keeps them loaded."""

from typing import Any

import pytest
from curate_lake import frame_of

from .source_rows import USERS, of, user

pytestmark = pytest.mark.parametrize("size", ["few rows"], indirect=True)  # what is large has no part in it


@pytest.fixture
def other(lake: Any) -> str:
    """The source's namespace by a catalog that shares nothing with the session's own but the warehouse."""
    conf = lake.spark.conf
    for name, value in (("", "org.apache.iceberg.spark.SparkCatalog"), (".type", "hadoop")):
        conf.set(f"spark.sql.catalog.other{name}", value)
    conf.set("spark.sql.catalog.other.warehouse", conf.get("spark.sql.catalog.lake.warehouse"))
    return f"other.source_{lake.name}"


@pytest.mark.parametrize("made_anew", [False, True])
def test_a_source_table_that_another_client_dropped_stops(lake: Any, other: str, made_anew: bool) -> None:
    """A typed stop with its remedy, whether there is none of the name or another one, and after it runs go on."""
    lake.append("users", [user(1, "c", 1, 1)], USERS)
    lake.run()
    lake.append("users", [user(2, "c", 2, 2)], USERS)
    end = lake.head("users")
    lake.spark.sql(f"DROP TABLE {other}.users")
    if made_anew:
        frame_of(lake.spark, [user(3, "c", 3, 3)], USERS).writeTo(f"{other}.users").using("iceberg").create()
    with pytest.MonkeyPatch.context() as cut:
        cut.setattr(lake, "head", lambda table: end if table == "users" else None)
        result = lake.run()
    assert (result["status"], "tidemark publish --rebuild" in result["stopped"]["remedy"]) == ("stopped", True)
    reason = f"snapshot {end} of source_{lake.name}.users has been expired" if made_anew else "users is gone"
    assert reason in result["stopped"]["reason"]
    if made_anew:
        assert lake.run("rebuild")["tables"][0]["accepted"] == 1


def test_a_source_that_was_compacted_within_the_cut(lake: Any) -> None:
    """`replace` snapshots add no row and lose none, in the middle of a cut, at its end, and as the whole of one."""
    compact = (
        f"CALL lake.system.rewrite_data_files(table => 'source_{lake.name}.users', options => map('{{}}', 'true'))"
    )
    lake.append("users", [user(1, "c", 1, 1)], USERS)
    lake.run()
    for key in (2, 3):
        lake.append("users", [user(key, "c", key, key), user(1, "u", 10 * key, key)], USERS)
        lake.spark.sql(compact.format("rewrite-all"))
    assert of(lake.run(), "users") == {"read": 4, "accepted": 4}
    lake.spark.sql(compact.format("rewrite-all"))
    assert of(lake.run(), "users") == {}
    lake.append("users", [user(4, "c", 4, 4)], USERS)
    assert of(lake.run(), "users") == {"read": 1, "accepted": 1}
    assert lake.rows("users", "id, _lsn") == [(1, 30), (2, 2), (3, 3), (4, 4)]
    operations = lake.spark.table(f"{lake.source('users')}.snapshots").where("operation = 'replace'").count()
    assert operations == 3


def test_a_source_whose_base_was_expired_stops(lake: Any) -> None:
    """What lies between the base and the cut can no longer be told apart; a rebuild reads what stands there."""
    for key in (1, 2, 3):
        lake.append("users", [user(key, "c", key, key)], USERS)
        if key == 1:
            lake.run()
    name = f"source_{lake.name}.users"
    lake.spark.sql(f"CALL lake.system.expire_snapshots('{name}', TIMESTAMP '2100-01-01 00:00:00', 1)")
    result = lake.run()
    assert (result["status"], "expiry" in result["stopped"]["reason"]) == ("stopped", True)
    assert "tidemark publish --rebuild" in result["stopped"]["remedy"]
    assert of(lake.run("rebuild"), "users") == {"read": 3, "repeated": 1, "accepted": 2}
