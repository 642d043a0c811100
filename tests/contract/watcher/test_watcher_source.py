"""What a source tells of its commits, Glue with real Iceberg commits and the twin alike: every kind of snapshot."""

from typing import Any

import pytest
from watcher_sources import DATASET, TABLE

from ingest_watcher.cut import full_cut, next_cut, oldest_waiting_ms
from ingest_watcher.ports import History
from tidemark.errors import TypedStop
from tidemark.events import TableCut

pytestmark = pytest.mark.lab


def history(bench: Any) -> History:
    """As the watcher asks: the pointers first."""
    bench.source.pointers(DATASET)
    found: History = bench.source.history(DATASET, TABLE)
    return found


def cut_from(bench: Any, base: int, uuid: str | None = None) -> TableCut:
    """The cut after a published snapshot. `uuid`: that of the table then, if it may be another one now."""
    log = history(bench)
    return next_cut(DATASET, TABLE, base, uuid or log.uuid, log)


def expected(begin: int | None, end: int, rows: int = 0, files: int = 0) -> TableCut:
    """A cut of a table whose columns are those that it was made with."""
    return TableCut(table=TABLE, from_snapshot=begin, to_snapshot=end, rows=rows, files=files, to_schema=0)


def test_a_table_without_a_commit_has_no_snapshot(bench: Any) -> None:
    """Its cut is empty and says so."""
    assert full_cut(TABLE, history(bench)) == TableCut(table=TABLE, from_snapshot=None, to_snapshot=None)


def test_append(bench: Any) -> None:
    """Rows and files of the commits after the base; without one, of all."""
    base = bench.append(1, 2)
    bench.append(3)
    last = bench.append(4, 5, 6)
    assert cut_from(bench, base) == expected(base, last, rows=4, files=2)
    assert full_cut(TABLE, history(bench)) == expected(None, last, rows=6, files=3)
    assert cut_from(bench, last) == expected(last, last)


def test_replace(bench: Any) -> None:
    """A compaction moves the end and brings no row, also between commits that do."""
    base = bench.append(1)
    last = bench.compact()
    assert cut_from(bench, base) == expected(base, last, rows=0, files=0)
    assert oldest_waiting_ms({TABLE: cut_from(bench, base)}, {TABLE: history(bench)}) == 0
    last = bench.append(2, 3)
    assert cut_from(bench, base) == expected(base, last, rows=2, files=1)


def test_overwrite(bench: Any) -> None:
    """A file written anew without one of its rows is a stop that names the remedy, also under a later append."""
    base = bench.append(1, 2)
    bench.delete(1, whole_file=False)
    with pytest.raises(TypedStop, match=r"is a overwrite.*--rebuild"):
        cut_from(bench, base)
    bench.append(3)
    with pytest.raises(TypedStop, match="is a overwrite"):
        cut_from(bench, base)


def test_delete(bench: Any) -> None:
    """A file taken away is a stop that names the remedy; a cut that begins behind it is none."""
    base = bench.append(1)
    behind = bench.delete(1, whole_file=True)
    bench.append(2)
    with pytest.raises(TypedStop, match=r"is a delete.*--rebuild"):
        cut_from(bench, base)
    assert cut_from(bench, behind).rows == 1


def test_rollback(bench: Any) -> None:
    """A table that stands before the published snapshot is a stop, also when commits came since."""
    first = bench.append(1)
    published = bench.append(2)
    bench.roll_back(first)
    with pytest.raises(TypedStop, match=r"rolled back.*--rebuild"):
        cut_from(bench, published)
    bench.append(3)
    with pytest.raises(TypedStop, match="rolled back"):
        cut_from(bench, published)


def test_rollback_of_what_nobody_has_read(bench: Any) -> None:
    """The commits that count are those on the way from the published snapshot to where the table stands."""
    published = bench.append(1)
    bench.append(2, 3)
    bench.roll_back(published)
    assert cut_from(bench, published) == expected(published, published)
    last = bench.append(4)
    assert cut_from(bench, published) == expected(published, last, rows=1, files=1)


def test_expired_base(bench: Any) -> None:
    """What came after a snapshot that the table no longer knows cannot be told: a stop."""
    published = bench.append(1)
    bench.append(2)
    bench.append(3)
    bench.expire(published)
    with pytest.raises(TypedStop, match=r"has expired.*--rebuild"):
        cut_from(bench, published)


def test_expired_between(bench: Any) -> None:
    """The base stands and cannot be reached: the table may have been rolled back or not, and the stop says no more."""
    published = bench.append(1)
    between = bench.append(2)
    last = bench.append(3)
    bench.expire(between)
    told = rf"before snapshot {last} has expired.*is not known.*tidemark rollback.*--rebuild"
    with pytest.raises(TypedStop, match=told):
        cut_from(bench, published)


def test_rollback_and_expiry(bench: Any) -> None:
    """Where the table stands was committed before what is published: it was rolled back, whatever has expired below."""
    old, behind, published = bench.append(1), bench.append(2), bench.append(3)
    bench.roll_back(behind)
    bench.expire(old)
    with pytest.raises(TypedStop, match="was rolled back"):
        cut_from(bench, published)


def test_expired_before_the_base(bench: Any) -> None:
    """Expiry that leaves the base alone changes no cut."""
    old = bench.append(1)
    published = bench.append(2)
    last = bench.append(3)
    bench.expire(old)
    assert cut_from(bench, published) == expected(published, last, rows=1, files=1)


def test_dropped_and_made_again(bench: Any) -> None:
    """A table of the same name is another table, before and after its first commit."""
    published, uuid = bench.append(1), history(bench).uuid
    bench.drop()
    bench.create()
    with pytest.raises(TypedStop, match=r"dropped and made again.*--rebuild"):
        cut_from(bench, published, uuid)
    bench.append(1)
    with pytest.raises(TypedStop, match="dropped and made again"):
        cut_from(bench, published, uuid)
    assert full_cut(TABLE, history(bench)).rows == 1


def test_dropped(bench: Any) -> None:
    """It is not among the pointers, and asking for it all the same is a stop."""
    bench.append(1)
    assert list(bench.source.pointers(DATASET)) == [TABLE]
    bench.drop()
    assert bench.source.pointers(DATASET) == {}
    with pytest.raises(TypedStop, match="gone"):
        bench.source.history(DATASET, TABLE)


def test_empty_commit(bench: Any) -> None:
    """An append without rows moves the pointer and the end, brings nothing and does not wait."""
    base = bench.append(1)
    before = bench.source.pointers(DATASET)
    last = bench.append()
    assert bench.source.pointers(DATASET) != before
    assert cut_from(bench, base) == expected(base, last)
    assert oldest_waiting_ms({TABLE: cut_from(bench, base)}, {TABLE: history(bench)}) == 0


def test_another_branch(bench: Any) -> None:
    """A commit on it is not read and moves nothing; once main is set to it, it counts."""
    base = bench.append(1)
    bench.append(2, 3, branch="side")
    assert cut_from(bench, base) == expected(base, base)
    bench.append(4, branch="side")
    last = bench.fast_forward("side")
    assert cut_from(bench, base) == expected(base, last, rows=3, files=2)


def test_two_branches_side_by_side(bench: Any) -> None:
    """Main's commits count alone, though the other branch goes on from the same snapshot."""
    base = bench.append(1)
    bench.append(2, branch="side")
    last = bench.append(3, 4, 5)
    bench.append(6, branch="side")
    assert cut_from(bench, base) == expected(base, last, rows=3, files=1)


def test_schema_changes(bench: Any) -> None:
    """Sentences on the columns, from the commit after the change on."""
    base = bench.append(1)
    bench.alter("widen id", "add note")
    assert cut_from(bench, base).schema_changes == []
    bench.append(2)
    assert cut_from(bench, base).schema_changes == ["added note string?", "changed id from int? to long?"]


def test_an_unmoved_pointer_is_an_unread_table(bench: Any) -> None:
    """A table is looked at again only when its pointer has moved."""
    bench.append(1)
    pointers, before = bench.source.pointers(DATASET), history(bench)
    assert bench.source.pointers(DATASET) == pointers
    assert history(bench) is before
    last = bench.append(2)
    assert (bench.source.pointers(DATASET) != pointers, history(bench).current) == (True, last)


def test_a_history_is_as_new_as_its_pointers(bench: Any) -> None:
    """What was committed after the pointers were asked for shows at the latest with the next ones."""
    bench.append(1)
    history(bench)
    bench.source.pointers(DATASET)
    last = bench.append(2)
    assert history(bench).current == last
