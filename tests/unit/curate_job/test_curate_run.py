"""Whole runs of the job on a local warehouse: what becomes of every row, run after run."""

from itertools import pairwise
from typing import Any

import pytest
from curate_lake import MANY_ROWS_IN_SOAK

from .source_rows import DAY, ORDERS, USERS, at, of, order, user


def test_run_after_run(lake: Any) -> None:
    """Orders before their users wait and are released; late and repeated changes do not disturb the state."""
    lake.append("orders", [order(1, 7, "c", 20, 20), order(2, 8, "c", 21, 21)], ORDERS)
    first = lake.run()
    assert of(first, "orders") == {"read": 2, "held": 2}
    assert lake.rows("orders", "id, _reason", "_held") == [
        (1, "user_id=7: users has no such key yet"),
        (2, "user_id=8: users has no such key yet"),
    ]
    lake.append(
        "users", [user(7, "c", 10, 10), user(7, "u", 30, 30, "new@x.org"), user(7, "u", 30, 31, "new@x.org")], USERS
    )
    second = lake.run()
    assert of(second, "users") == {"read": 3, "accepted": 2, "repeated": 1}
    assert of(second, "orders") == {"released": 1, "accepted": 1}
    assert lake.rows("users", "id, email, _op, _lsn, _is_deleted") == [(7, "new@x.org", "u", 30, False)]
    assert lake.rows("orders", "id", "_held") == [(2,)]
    lake.append("users", [user(7, "u", 25, 40, "late@x.org"), user(7, "d", 50, 50), user(7, "c", 10, 10)], USERS)
    third = lake.run()
    assert of(third, "users") == {"read": 3, "accepted": 2, "repeated": 1}
    assert lake.rows("users", "id, _op, _lsn, _is_deleted") == [(7, "d", 50, True)]
    assert len(lake.rows("users", "id", "_changes")) == 4
    assert of(lake.run(), "users") == {}


@MANY_ROWS_IN_SOAK
def test_refused_rows_say_why_and_their_children_too(lake: Any) -> None:
    """NaN, too many digits, an infinite timestamp, a broken rule: quarantined with reason; flags are kept rows."""
    infinite = (5, "a@x.org", "A", "B", 9223372036825200000, DAY, "c", at(1), at(1), 5)
    lake.append(
        "users", [infinite, user(6, "c", 6, 6), (None, "n@x.org", "N", "N", DAY, DAY, "c", at(1), at(1), 7)], USERS
    )
    rows = [order(1, 6, "c", 1, 1, "NAN"), order(2, 6, "c", 2, 2, "1.005"), order(3, 6, "c", 3, 3, "-4", "lost")]
    rows += [order(4, 5, "c", 4, 4), order(9, 99, "d", 9, 9, "NAN")]
    lake.append("orders", rows, ORDERS)
    result = lake.run()
    assert of(result, "users") == {"read": 3, "accepted": 1, "quarantined": 2}
    assert of(result, "orders") == {"read": 5, "accepted": 2, "held": 1, "quarantined": 2}
    rules = {table["table"]: table["rules"] for table in result["tables"]}
    assert rules["users"] == {"quarantined": {"contract.created_at": 1, "contract.id": 1}}
    assert rules["orders"] == {
        "held": {"parent.user_id": 1},
        "quarantined": {"contract.total_amount": 2},
        "flagged": {"status_known": 1, "total_not_negative": 1},  # both of one row
    }
    assert lake.rows("users", "_key, _rule, _reason", "_quarantined") == [
        ("", "contract.id", "id: null"),
        ("5", "contract.created_at", "created_at: 9223372036825200000 is no timestamp"),
    ]
    assert [reason for (reason,) in lake.rows("orders", "_reason", "_quarantined")] == [
        "total_amount: 1.005 is no decimal(10,2)",
        "total_amount: NAN is no decimal(10,2)",
    ]
    assert lake.rows("orders", "id, total_amount, _flags, _is_deleted") == [
        (3, __import__("decimal").Decimal("-4.00"), "status_known,total_not_negative", False),
        (9, None, None, True),
    ]
    assert lake.rows("orders", "id, _reason", "_held") == [(4, "user_id=5: users is in quarantine")]


@MANY_ROWS_IN_SOAK
def test_same_email_is_flagged_while_it_lasts(lake: Any) -> None:
    """Uniqueness is a property of the state: flagged on every live row that shares the value, taken back after."""
    lake.append("users", [user(1, "c", 1, 1, "s@x.org"), user(2, "c", 2, 2), user(3, "c", 3, 3)], USERS)
    lake.run()
    lake.append("users", [user(2, "u", 4, 4, "s@x.org")], USERS)
    lake.run()
    flag = "email_not_unique"
    assert lake.rows("users", "id, _state_flags") == [(1, flag), (2, flag), (3, None)]
    lake.append("users", [user(1, "d", 5, 5, "s@x.org")], USERS)
    lake.run()
    assert lake.rows("users", "id, _state_flags, _is_deleted") == [(1, None, True), (2, None, False), (3, None, False)]


@MANY_ROWS_IN_SOAK
def test_values_that_look_like_sql_are_values(lake: Any) -> None:
    """E-mails with quotes, escapes and any Unicode are compared as they are, and flagged only while they are equal."""
    emails = ["o'neil@x.org", "') OR (1=1", "back\\'slash@x.org", "zo\u00eb\U0001f600@x.org", "--@x.org"]
    lake.append("users", [user(n, "c", n, n, email) for n, email in enumerate(emails, 1)], USERS)
    lake.run()
    assert lake.rows("users", "email, _state_flags") == sorted((email, None) for email in emails)
    lake.append("users", [user(n + 10, "c", n + 10, n + 10, email) for n, email in enumerate(emails, 1)], USERS)
    lake.run()
    assert lake.rows("users", "email, _state_flags") == sorted((email, "email_not_unique") for email in emails * 2)


@MANY_ROWS_IN_SOAK
def test_rebuild_buries_what_the_new_snapshot_lacks(lake: Any) -> None:
    """A key that the newest full snapshot does not hold gets a tombstone; asking twice adds nothing."""
    lake.append("users", [user(k, "r", 100, 10) for k in (1, 2, 3)] + [user(4, "c", 120, 20)], USERS)
    lake.run()
    lake.append("users", [user(k, "r", 200, 50) for k in (1, 3)], USERS)
    lake.run()
    assert lake.rows("users", "id, _is_deleted") == [(1, False), (2, False), (3, False), (4, False)]
    result = lake.run("rebuild")
    assert of(result, "users") == {"read": 6, "released": 2, "accepted": 2, "repeated": 6}
    assert lake.rows("users", "id, _op, _lsn, _is_deleted") == [
        (1, "r", 200, False),
        (2, "d", None, True),
        (3, "r", 200, False),
        (4, "d", None, True),
    ]
    assert of(lake.run("rebuild"), "users") == {"read": 6, "repeated": 6}


@MANY_ROWS_IN_SOAK
def test_missing_key_column_stops_the_run(lake: Any) -> None:
    """A renamed column that must not be null is for a person; a nullable one becomes null."""
    lake.append("users", [user(1, "c", 1, 1)], USERS)
    lake.run()
    lake.spark.sql(f"ALTER TABLE {lake.source('users')} DROP COLUMN updated_at")
    lake.append("users", [user(2, "c", 2, 2)[:5] + user(2, "c", 2, 2)[6:]], USERS.replace("updated_at bigint, ", ""))
    lake.run()
    assert lake.rows("users", "id, updated_at IS NULL") == [(1, False), (2, True)]
    lake.spark.sql(f"ALTER TABLE {lake.source('users')} RENAME COLUMN email TO mail")
    lake.append(
        "users",
        [(3, "x@x.org", "A", "B", DAY, "c", at(3), at(3), 3)],
        USERS.replace("updated_at bigint, ", "").replace("email", "mail"),
    )
    result = lake.run()
    assert result["status"] == "stopped"
    assert "has no column email" in result["stopped"]["reason"]


@MANY_ROWS_IN_SOAK
def test_rows_taken_away_upstream_stop_the_run(lake: Any) -> None:
    """An overwrite in the cut is never guessed about."""
    lake.append("users", [user(1, "c", 1, 1), user(2, "c", 2, 2)], USERS)
    lake.run()
    lake.spark.sql(f"DELETE FROM {lake.source('users')} WHERE id = 1")
    assert lake.run()["status"] == "stopped"


@MANY_ROWS_IN_SOAK
def test_rebuild_after_rows_were_taken_away_upstream(lake: Any) -> None:
    """The remedy of that stop works, also when the source marks deleted rows instead of rewriting its files."""
    lake.append("users", [user(n, "c", n, n) for n in range(1, 7)], USERS)
    lake.run()
    lake.spark.sql(f"ALTER TABLE {lake.source('users')} SET TBLPROPERTIES ('write.delete.mode' = 'merge-on-read')")
    lake.spark.sql(f"DELETE FROM {lake.source('users')} WHERE id = 1")
    assert lake.run()["status"] == "stopped"
    assert of(lake.run("rebuild"), "users") == {"read": 5, "repeated": 5}


def test_adaptive_execution_is_seen_in_the_metrics(lake: Any, size: str) -> None:
    """A large cut's shuffles are read in fewer partitions than planned; a small one has none."""
    lake.append("users", [user(n, "c", n, n) for n in range(1, 50)], USERS)
    told = lake.run()["spark"]
    assert told["jobs"] > 0
    assert (told.get("adaptive_coalesced", 0) > 0) == (size == "many rows")


@MANY_ROWS_IN_SOAK
def test_every_step_says_what_spark_did_in_it(lake: Any, size: str) -> None:
    """The steps' tasks and rows are those of their own stages; together they are no more than the run's."""
    lake.append("users", [user(n, "c", n, n) for n in range(1, 50)], USERS)
    told = lake.run()
    spark = {step["name"]: step["spark"] for step in told["steps"] if step["table"] == "users"}
    assert spark["gather"]["tasks"] > 0
    assert spark["gather"]["read_rows"] >= 49
    assert spark["append changes"]["tasks"] > 0
    assert 0 < sum(step["spark"]["tasks"] for step in told["steps"]) <= told["spark"]["tasks"]


@MANY_ROWS_IN_SOAK
def test_many_waiting_rows_make_a_small_cut_large(lake: Any, monkeypatch: Any) -> None:
    """Held rows are asked for like the cut's; more of them than a small cut may have are not collected."""
    from curate_job import gather

    asked: list[bool] = []

    def ask(rows: Any, columns: Any, small: bool) -> Any:
        asked.append(small)
        return real(rows, columns, small)

    real = gather.ask
    monkeypatch.setattr(gather, "ask", ask)
    monkeypatch.setattr("curate_job.main.SMALL_ROWS", 3)
    lake.append("orders", [order(n, 7, "c", 20 + n, 20) for n in range(3)], ORDERS)
    lake.run()
    lake.append("orders", [order(9, 8, "c", 29, 29)], ORDERS)
    lake.run()
    lake.append("users", [user(7, "c", 10, 10)], USERS)
    assert of(lake.run(), "orders") == {"released": 3, "accepted": 3}
    assert asked == [True, True, False, False]


@MANY_ROWS_IN_SOAK
@pytest.mark.usefixtures("large_tables")
def test_a_small_cut_of_large_tables_merges_what_it_touches(lake: Any, size: str) -> None:
    """Files that hold none of its keys are not read, also where a clash of e-mails brings keys of other rows in."""
    for first in (1, 1001, 2001):
        lake.append("users", [user(n, "c", n, n) for n in range(first, first + 40)], USERS)
        lake.run()
    lake.append("users", [user(7, "u", 9000, 9000, "same@x.org"), user(1002, "u", 9001, 9001, "same@x.org")], USERS)
    lake.run()
    lake.append("users", [user(1002, "u", 9002, 9002, "other@x.org")], USERS)
    told = lake.run()
    flags = {key: flag for key, flag in lake.rows("users", "id, _state_flags") if flag}
    assert (len(lake.rows("users", "id")), flags) == (120, {})
    merge = next(step for step in told["steps"] if step["name"] == "merge current")
    if size == "few rows":  # a large cut joins whole tables
        assert merge["spark"]["read_rows"] < 90  # one of three files is not read


@pytest.mark.parametrize("size", ["few rows"], indirect=True)
def test_a_small_current_table_stays_one_file(lake: Any) -> None:
    """However many runs change it, it is read like new: no file and no deletes of an earlier run are left over."""
    for n in range(1, 4):
        lake.append("users", [user(1, "u", n, n, f"{n}@x.org"), user(n + 1, "c", n, n)], USERS)
        lake.run()
    assert lake.files("users") == {"data": 1, "deletes": 0}
    assert [key for (key,) in lake.rows("users", "id")] == [1, 2, 3, 4]


@MANY_ROWS_IN_SOAK
@pytest.mark.usefixtures("merged")
def test_a_large_current_tables_small_files_are_joined(lake: Any) -> None:
    """Before more come to them: however many runs change it, a look at recent keys opens few files, rows as ever."""
    for n in range(1, 9):
        lake.append("users", [user(1, "u", n, n, f"{n}@x.org"), user(n + 1, "c", n, n)], USERS)
        assert lake.run()["status"] == "done"
        assert lake.files("users")["data"] <= 6
    assert lake.rows("users", "id, email")[0] == (1, "8@x.org")
    assert [key for (key,) in lake.rows("users", "id")] == list(range(1, 10))


def test_a_large_write_is_laid_out_by_key(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its files holds a range of keys of its own, whatever order they came in: few keys touch few files."""
    monkeypatch.setattr("curate_job.publish.ROWS_PER_FILE", 10)
    keys = [number * 17 % 41 for number in range(1, 41)]
    lake.append("users", [user(key, "c", 10, 10, f"{key}@x.org") for key in keys], USERS)
    assert of(lake.run(), "users") == {"read": 40, "accepted": 40}
    for kind in ("", "_changes"):
        bounds = "readable_metrics.id.lower_bound, readable_metrics.id.upper_bound"
        ranges = sorted(lake.rows("users", bounds, f"{kind}.files"))
        assert len(ranges) == 4
        assert all(before[1] < after[0] for before, after in pairwise(ranges))
    assert lake.rows("users", "id") == [(key,) for key in range(1, 41)]


@MANY_ROWS_IN_SOAK
@pytest.mark.usefixtures("large_tables")
def test_a_look_for_an_email_that_nobody_has_reads_no_row(lake: Any, size: str) -> None:
    """Also where e-mails do not ascend with the keys: a clash is looked for in files that may hold the value."""
    lake.append("users", [user(n, "c", n, n, f"{n * 7919 % 1000:03}@x.org") for n in range(1, 1000)], USERS)
    lake.run()
    lake.append("users", [user(5000, "c", 5000, 5000, "500.5@x.org")], USERS)
    [state] = [step for step in lake.run()["steps"] if step["name"] == "state" and step["table"] == "users"]
    if size == "few rows":  # a large cut joins whole tables
        assert state["spark"]["read_rows"] < 10  # 4: the cut's own row; the table's 999 would come besides
