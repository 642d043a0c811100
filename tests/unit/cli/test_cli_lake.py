"""What `tidemark held` and `quarantine` print of the lake's rows."""

import pytest
from terminal import printed

from tidemark.tables import registry
from tidemark_cli import lake

WAITING = {"id": 7, "_op": "c", "_run_seq": 3, "_rule": "parent.user_id", "_reason": "user_id=9: users has no such key"}
REFUSED = {"_key": "7|8", "_op": "c", "_run_seq": 3, "_rule": "price_not_negative", "_reason": "[bold]-1"}


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
