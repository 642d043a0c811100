"""A table's commits become its part of a cut, or a stop that names the remedy."""

from collections.abc import Mapping
from types import MappingProxyType

import pytest

from ingest_watcher.cut import busy_since_ms, full_cut, next_cut, oldest_waiting_ms
from ingest_watcher.ports import History, Snapshot, SourceColumn
from tidemark.errors import TypedStop
from tidemark.events import TableCut


def history(
    *operations: str, uuid: str = "u", current: int | None = None, rows: Mapping[int, int] = MappingProxyType({})
) -> History:
    """Snapshots 1, 2, ... in a line, one per operation, 10 rows (or `rows`) and one file each, a second apart."""
    snapshots = {
        n: Snapshot(
            snapshot_id=n,
            parent_id=n - 1 or None,
            operation=operation,
            committed_at_ms=n * 1000,
            rows=rows.get(n, 10),
            files=1,
            schema_id=0,
        )
        for n, operation in enumerate(operations, 1)
    }
    return History(
        uuid=uuid,
        current=current if current is not None else (len(operations) or None),
        snapshots=snapshots,
        schemas={
            0: {1: SourceColumn("id", "int", False)},
            1: {1: SourceColumn("id", "long", False), 2: SourceColumn("note", "string", True)},
        },
    )


def test_appends_after_the_base_are_the_cut() -> None:
    """Only commits after the published snapshot count, with their rows and files."""
    expected = TableCut(table="users", from_snapshot=1, to_snapshot=3, to_schema=0, rows=20, files=2)
    assert expected == next_cut("shop", "users", 1, "u", history("append", "append", "append"))


def test_a_compaction_adds_no_rows() -> None:
    """A replace snapshot moves the end of the cut and brings no row."""
    expected = TableCut(table="users", from_snapshot=1, to_snapshot=3, to_schema=0, rows=10, files=1)
    assert expected == next_cut("shop", "users", 1, "u", history("append", "append", "replace"))


def test_nothing_new_is_an_empty_cut() -> None:
    """A cut from the current snapshot to itself has no rows."""
    expected = TableCut(table="users", from_snapshot=2, to_snapshot=2, to_schema=0)
    assert expected == next_cut("shop", "users", 2, "u", history("append", "append"))


def test_a_first_cut_reads_everything() -> None:
    """Without a published snapshot the whole table is read, whatever its history did."""
    expected = TableCut(table="users", from_snapshot=None, to_snapshot=3, to_schema=0, rows=20, files=2)
    assert expected == next_cut("shop", "users", None, None, history("append", "delete", "append"))
    assert expected == full_cut("users", history("append", "delete", "append"))


@pytest.mark.parametrize("operation", ["overwrite", "delete"])
def test_what_rewrites_the_log_stops(operation: str) -> None:
    """A change log is append-only: another operation is a stop that names the rebuild."""
    with pytest.raises(TypedStop, match=f"is a {operation}.*--rebuild"):
        next_cut("shop", "users", 1, "u", history("append", operation))


def test_a_rolled_back_source_stops() -> None:
    """The published snapshot is still known, but the table now stands before it."""
    with pytest.raises(TypedStop, match=r"rolled back.*--rebuild"):
        next_cut("shop", "users", 2, "u", history("append", "append", current=1))


def test_an_expired_base_stops() -> None:
    """The published snapshot is no longer in the metadata: what came after it cannot be told."""
    with pytest.raises(TypedStop, match=r"expired.*--rebuild"):
        next_cut("shop", "users", 99, "u", history("append", "append"))


def test_a_table_made_again_stops() -> None:
    """Another table of the same name is not the one that was published."""
    with pytest.raises(TypedStop, match=r"dropped and made again.*--rebuild"):
        next_cut("shop", "users", 1, "u", history("append", uuid="other"))


def test_an_empty_commit_moves_the_end_and_brings_nothing() -> None:
    """An append without rows is no work and does not wait; the next cut passes over it."""
    log = history("append", "append", rows={2: 0})
    cut = next_cut("shop", "users", 1, "u", log)
    assert cut == TableCut(table="users", from_snapshot=1, to_snapshot=2, to_schema=0, rows=0, files=1)
    assert oldest_waiting_ms({"users": cut}, {"users": log}) == 0


def test_an_empty_commit_does_not_make_the_next_one_wait_longer() -> None:
    """What waits is rows: from the first commit that has some."""
    log = history("append", "append", "append", rows={2: 0})
    cut = next_cut("shop", "users", 1, "u", log)
    assert oldest_waiting_ms({"users": cut}, {"users": log}) == 3000


def test_a_commit_on_another_branch_is_not_read() -> None:
    """Main is where it was: the cut is empty, whatever the other branch holds."""
    assert next_cut("shop", "users", 1, "u", history("append", "delete", "append", current=1)) == TableCut(
        table="users", from_snapshot=1, to_snapshot=1, to_schema=0
    )


def test_commits_side_by_side_count_on_main_alone() -> None:
    """Two branches from one snapshot: only main's commits are the cut, also where the other's are stops."""
    line = history("append", "append", "delete")
    beside = Snapshot(
        snapshot_id=4, parent_id=2, operation="append", committed_at_ms=4000, rows=7, files=1, schema_id=0
    )
    log = History(uuid="u", current=4, snapshots={**line.snapshots, 4: beside}, schemas=line.schemas)
    assert next_cut("shop", "users", 1, "u", log) == TableCut(
        table="users", from_snapshot=1, to_snapshot=4, to_schema=0, rows=17, files=2
    )
    assert next_cut("shop", "users", 2, "u", log).rows == 7


def test_a_source_that_was_rolled_back_before_it_was_read_goes_on() -> None:
    """The snapshot that was taken back was never published: nothing is missed and nothing stops."""
    line = history("append", "append")
    after = Snapshot(snapshot_id=3, parent_id=1, operation="append", committed_at_ms=3000, rows=4, files=1, schema_id=0)
    log = History(uuid="u", current=3, snapshots={**line.snapshots, 3: after}, schemas=line.schemas)
    assert next_cut("shop", "users", 1, "u", log).rows == 4
    with pytest.raises(TypedStop, match=r"rolled back.*tidemark rollback.*--rebuild"):
        next_cut("shop", "users", 2, "u", log)


@pytest.mark.parametrize("operation", ["overwrite", "delete"])
def test_a_stop_below_later_appends_is_found(operation: str) -> None:
    """What took rows away is not hidden by the commits after it, nor by a compaction."""
    with pytest.raises(TypedStop, match=f"snapshot 2 of shop.users is a {operation}"):
        next_cut("shop", "users", 1, "u", history("append", operation, "append", "replace", "append"))


def test_a_table_that_was_published_empty_is_read_from_its_beginning() -> None:
    """No snapshot of it is published, so that its identity does not matter either."""
    assert next_cut("shop", "users", None, "of a table without rows", history("append")).rows == 10


def test_a_table_made_again_stops_before_its_first_commit() -> None:
    """Also while it has no snapshot yet."""
    with pytest.raises(TypedStop, match="dropped and made again"):
        next_cut("shop", "users", 1, "u", History(uuid="other", current=None, snapshots={}, schemas={}))


def test_schema_changes_are_told() -> None:
    """The cut says how the columns differ between its two ends."""
    old = history("append", "append")
    new = Snapshot(snapshot_id=3, parent_id=2, operation="append", committed_at_ms=3000, rows=10, files=1, schema_id=1)
    changed = History(uuid="u", current=3, snapshots={**old.snapshots, 3: new}, schemas=old.schemas)
    cut = next_cut("shop", "users", 2, "u", changed)
    assert cut.schema_changes == ["added note string?", "changed id from int to long"]


def test_the_oldest_waiting_commit_is_the_first_after_the_base() -> None:
    """What has waited longest is reckoned from the first commit that no run has taken."""
    log = history("append", "append", "append")
    cut = next_cut("shop", "users", 1, "u", log)
    assert oldest_waiting_ms({"users": cut}, {"users": log}) == 2000


def test_a_compacted_history_waits_too() -> None:
    """Read from its beginning, a table without an append left has waited since its first known commit."""
    log = history("replace", "replace")
    assert oldest_waiting_ms({"users": full_cut("users", log)}, {"users": log}) == 1000


def test_the_source_is_busy_since_its_last_pause() -> None:
    """Commits belong together as long as no pause between them is as long as asked; another table's count too."""
    users, orders = history("append", "append", "append"), history("append")
    assert busy_since_ms([users, orders], 1001) == 1000
    assert busy_since_ms([users, orders], 1000) == 3000
    assert busy_since_ms([], 1000) == 0
