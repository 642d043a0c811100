"""Queries and repairs as text: of a pair that compares only some columns, and of another pair's daily totals."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from msgspec import structs

from reconciler.cause import causes
from reconciler.entries import Difference, Entry, Kind
from reconciler.memory_sides import text_of
from reconciler.queries import look_queries
from reconciler.repair import repair_sql
from tidemark.tables import Pair, Totals

PAIR = Pair(
    dataset="events", batch="b", speed="s", key=["id"], event_time="at", version="v", lateness_seconds=900,
    stalled_seconds=7200, columns={"id": "string", "paid": "decimal(10,2)", "at": "timestamp"}, batch_schema="staging",
    batch_filter={"_deleted": False},
)  # fmt: skip
TOTALS = Totals(of="p", group_by=["id"], sums=["paid"]).pair(PAIR)
DAY = {"id": "x", "day": date(2026, 3, 1), "row_count": 2, "paid": "3.00"}
ROW = {"id": "x", "paid": "3.00", "at": datetime.fromisoformat("2026-03-01 12:00:00")}


def texts(pair: Pair, values: Mapping[str, Any]) -> dict[str, str]:
    return {name: text_of(kind, values[name]) for name, kind in pair.columns.items()}


def entry(pair: Pair, kind: Kind, values: Mapping[str, Any]) -> Entry:
    row = texts(pair, values)
    found = Difference(key="1:x", kind=kind, columns=("paid",), event_ms=0, speed=row, batch=row)
    return Entry(
        entry_id="e", dataset="events", pair="p", state="confirmed", first_run_id="r", first_seen_ms=0,
        judged_cutoff_ms=0, last_run_id="r", last_seen_ms=0, resolved_ms=None, seconds_to_resolve=None,
        difference=found,
    )  # fmt: skip


def test_the_batch_side_is_looked_at_where_it_stands() -> None:
    """In its own schema, with only the rows that count."""
    queries = look_queries(PAIR, entry(PAIR, "different", ROW).difference)
    assert queries["batch"] == """SELECT * FROM "STAGING"."B" WHERE "ID" = 'x' AND "_DELETED" = FALSE;"""


def test_totals_are_looked_at_by_their_rows() -> None:
    """The day is no column of either side: its rows are those whose event time lies in it."""
    assert look_queries(TOTALS, entry(TOTALS, "different", DAY).difference) == {
        "speed": "SELECT * FROM `speed`.`s` WHERE `id` = 'x' AND toDate(`at`, 'UTC') = '2026-03-01' ORDER BY `v` DESC;",
        "batch": 'SELECT * FROM "STAGING"."B" WHERE "ID" = \'x\' AND "_DELETED" = FALSE '
        "AND TO_DATE(\"AT\") = '2026-03-01';",
    }


def test_no_row_is_made_of_totals_or_of_some_columns() -> None:
    """Totals are put right by their rows; a row with some columns empty would be another difference."""
    partial = structs.replace(PAIR, partial=True)
    assert repair_sql(TOTALS, [entry(TOTALS, "different", DAY)], 0) == ""
    assert repair_sql(partial, [entry(partial, "missing_in_speed", ROW)], 0).startswith("-- s has more columns")
    assert repair_sql(partial, [entry(partial, "missing_in_batch", ROW)], 0).startswith("DELETE FROM")
    assert repair_sql(PAIR, [entry(PAIR, "doubled_in_speed", ROW)], 0).startswith("INSERT INTO")


def test_likely_causes_of_both() -> None:
    """A latest version that says two things is doubled; of totals the rows tell."""
    [doubled] = causes(PAIR, [entry(PAIR, "doubled_in_speed", ROW)])
    [day] = causes(TOTALS, [entry(TOTALS, "different", DAY)])
    assert (doubled.name, "two different rows" in doubled.reason) == ("doubled", True)
    assert "row by row" in day.reason
