"""What `tidemark held`, `quarantine` and `as-of` print of the lake's rows and decisions."""

import pytest
from terminal import printed

from tidemark.events import LakeCurated
from tidemark.tables import registry
from tidemark_cli import lake
from tidemark_cli.runs import Run
from tidemark_lake.decisions import DecidedTable, Decision

WAITING = {"id": 7, "_op": "c", "_run_seq": 3, "_rule": "parent.user_id", "_reason": "user_id=9: users has no such key"}
REFUSED = {"_key": "7|8", "_op": "c", "_run_seq": 3, "_rule": "price_not_negative", "_reason": "[bold]-1"}


def decision() -> Decision:
    """A decision over two tables, one of which has no row yet."""
    about = {"dataset": "ecommerce", "run_id": "r3", "run_seq": 3, "kind": "process", "generation": 0}
    curated = LakeCurated(**about, decision=3, tables=[], committed_at_ms=0, seconds=1.0)
    tables = {
        name: DecidedTable(source_snapshot=1, source_uuid="u", snapshots={"current": current})
        for name, current in (("users", 42), ("orders", None))
    }
    return Decision(**about, number=3, attempt="a", tables=tables, curated=curated)


def test_rows_are_counted_by_table_and_rule() -> None:
    """A line for each rule of each table that has any rows."""
    text = printed(lake.counts_table("held", {"users": [], "orders": [WAITING, WAITING]}))
    assert "orders parent.user_id    2" in text
    assert "users" not in text


@pytest.mark.parametrize(("kind", "row", "key"), [("held", WAITING, "7"), ("quarantined", REFUSED, "7|8")])
def test_a_row_tells_its_key_its_run_and_why(kind: str, row: lake.Row, key: str) -> None:
    """Also where the reason holds markup."""
    line = printed(lake.rows_table(kind, registry().tables["orders"], [row])).splitlines()[-1].split()
    assert line[:4] == [key, "c", "3", row["_rule"]]
    assert " ".join(line[4:]) == row["_reason"]


def test_a_run_s_tables_are_read_as_it_left_them() -> None:
    """Snapshots for Spark and pyiceberg, the run's number for RAW, the moment of publication for staging."""
    assert lake.queries(decision(), "curated_ecommerce", published_ms=1_500) == [
        "-- Spark",
        "SELECT * FROM lake.curated_ecommerce.users VERSION AS OF 42;",
        "# pyiceberg",
        'catalog.load_table("curated_ecommerce.users").scan(snapshot_id=42).to_arrow()',
        "-- Snowflake",
        'SELECT * FROM "RAW"."USERS" WHERE _RUN_SEQ <= 3;',
        'SELECT * FROM "RAW"."ORDERS" WHERE _RUN_SEQ <= 3;',
        'SELECT * FROM "STAGING"."STG_USERS" AT (TIMESTAMP => \'1970-01-01T00:00:01.500+00:00\'::TIMESTAMP_TZ);',
        'SELECT * FROM "STAGING"."STG_ORDERS" AT (TIMESTAMP => \'1970-01-01T00:00:01.500+00:00\'::TIMESTAMP_TZ);',
    ]
    assert not any("STG_" in line for line in lake.queries(decision(), "curated_ecommerce", published_ms=None))


def test_a_time_means_the_run_that_stood_then() -> None:
    """Of each dataset the last one published by then; a time without a zone is UTC; a run's name is no time."""
    about = {"dataset": "ecommerce", "kind": "process", "generation": 0}
    runs = [Run(**about, run_id=f"r{n}", run_seq=n, first_ms={"spark-submitter": 1_000 * n}) for n in (1, 2, 3)]
    runs.append(Run(**about, run_id="r4", run_seq=4, first_ms={"ingest-watcher": 2_100}))
    assert [run.run_id for run in lake.published_at(runs, lake.moment("1970-01-01T00:00:02.999") or 0)] == ["r2"]
    assert lake.moment("1970-01-01 02:00:02+02:00") == 2_000
    assert lake.published_at(runs, 999) == []
    assert [lake.moment(text) for text in ("ecommerce#3", "ecommerce-process-g0-1", "7")] == [None, None, None]
