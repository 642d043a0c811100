"""The loader on its twins and on the real connector: the same promises, kept by the same suite."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from loader_pauses import PLACES, WITH_LOCK, Pause, WatchedWarehouse
from loader_runs import Bench, curated, held, part_of, publish, rows_of
from msgspec.structs import replace
from waiting import until_done

from loader.stage import load
from tidemark.errors import Superseded, TypedStop
from tidemark.failpoints import FailpointError

pytestmark = pytest.mark.lab


def test_runs_in_order_and_again_lead_to_each_row_once(bench: Bench) -> None:
    """Redelivered at once or after later runs, by this process or another: the same rows and the same receipts."""
    first = publish(bench, 1, {"users": 3, "products": 2, "orders": 2, "order_items": 4})
    second = publish(bench, 2, {"users": 1})
    ports = bench.ports()
    told = load(first, ports)
    load(second, ports)
    assert [load(first, ports), load(first, bench.ports())] == [told, told]
    assert held(bench) == {"users": 4, "products": 2, "orders": 2, "order_items": 4}
    assert [table.rows for table in told.tables] == [3, 2, 2, 4]
    assert bench.ledger(second.run_id) == 4


def test_a_newer_generation_shuts_out_the_older_one(bench: Bench) -> None:
    """After a rebuild was loaded, nothing of the generation before it is."""
    first = publish(bench, 1, {"users": 2})
    load(first, bench.ports())
    rebuilt = publish(bench, 2, {"users": 1}, generation=1, kind="rebuild")
    load(rebuilt, bench.ports())
    stale = publish(bench, 3, {"users": 7})
    with pytest.raises(Superseded):
        load(stale, bench.ports())
    assert held(bench)["users"] == 3


def test_other_rows_than_the_manifest_s_leave_nothing(bench: Bench) -> None:
    """The file is named, its table keeps nothing; once the file is right, the same event loads it."""
    snapshot, [path] = bench.append("users", rows_of("r1", 1, 3))
    event = curated("r1", 1, [part_of("users", 3, snapshot, 6)])
    bench.put_back(path, rows_of("r1", 1, 2), "users")
    with pytest.raises(TypedStop, match=f"{path} has 3 rows, loaded 2"):
        load(event, bench.ports())
    assert (bench.rows("users"), bench.ledger("r1")) == (0, 0)
    bench.put_back(path, rows_of("r1", 1, 3), "users")
    load(event, bench.ports())
    assert (bench.rows("users"), bench.ledger("r1")) == (3, 1)


def test_one_table_s_failure_holds_the_event_back_and_no_other_table(bench: Bench) -> None:
    """raw.loaded comes when all have committed; those that had are not loaded again."""
    event = publish(bench, 1, {"users": 3, "orders": 2})
    snapshot = event.tables[0].changes_snapshot
    assert snapshot is not None
    [file] = bench.ports().lake.added_files("ecommerce", "users", snapshot)
    bench.put_back(file.path, rows_of(event.run_id, 1, 4), "users")
    with pytest.raises(TypedStop, match="users took other rows"):
        load(event, bench.ports())
    assert held(bench) == {"users": 0, "products": 0, "orders": 2, "order_items": 0}
    assert bench.ledger(event.run_id) == 3
    bench.put_back(file.path, rows_of(event.run_id, 1, 3), "users")
    assert [table.rows for table in load(event, bench.ports()).tables] == [3, 0, 2, 0]
    assert held(bench) == {"users": 3, "products": 0, "orders": 2, "order_items": 0}


def test_a_vanished_file_is_named_and_leaves_nothing(bench: Bench) -> None:
    """A typed stop with the file's path; the table stays as it was."""
    snapshot, [path] = bench.append("users", rows_of("r1", 1, 3))
    bench.put_back(path, None, "users")
    with pytest.raises(TypedStop, match=f"lost {path}"):
        load(curated("r1", 1, [part_of("users", 3, snapshot, 6)]), bench.ports())
    assert (bench.rows("users"), bench.ledger("r1")) == (0, 0)


@pytest.mark.parametrize("place", ["loader.after-copy", "loader.before-commit", "loader.after-commit"])
def test_a_crash_anywhere_and_again_is_as_if_it_had_not_been(
    bench: Bench, place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The next delivery finishes what the first one began; no row twice, none missing."""
    event = publish(bench, 1, {"users": 3, "orders": 2})
    monkeypatch.setenv("TIDEMARK_FAILPOINTS", f"{place}=raise")
    monkeypatch.setenv("TIDEMARK_FAILPOINT_LOG", str(tmp_path / "hits"))
    with pytest.raises(FailpointError):
        load(event, bench.ports())
    until_done(lambda: load(event, bench.ports()))
    assert held(bench) == {"users": 3, "products": 0, "orders": 2, "order_items": 0}
    assert bench.ledger(event.run_id) == 4


def test_two_loaders_on_one_run_load_it_once(bench: Bench) -> None:
    """Whoever comes second waits for the lock and then says what the first one did."""
    event = publish(bench, 1, {"users": 3, "products": 1, "orders": 2, "order_items": 1})
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda ports: until_done(lambda: load(event, ports)), [bench.ports(), bench.ports()])
    assert first == second
    assert held(bench) == {"users": 3, "products": 1, "orders": 2, "order_items": 1}
    assert bench.ledger(event.run_id) == 4


@pytest.mark.parametrize("place", PLACES)
def test_a_loader_that_wakes_up_late_says_what_the_other_one_did(bench: Bench, place: str) -> None:
    """It stood still before or under the lock, another one took the run over: rows once, one receipt for both."""
    event = publish(bench, 1, {"users": 3, "orders": 2})
    pause, ports = Pause(place), bench.ports()
    late = replace(ports, warehouse=WatchedWarehouse(ports.warehouse, pause))
    with ThreadPoolExecutor(1) as pool:
        stale = pool.submit(until_done, lambda: load(event, late))
        pause.wait()
        told = until_done(lambda: load(event, bench.ports()))
        pause.wake()
        assert stale.result() == told
    assert held(bench) == {"users": 3, "products": 0, "orders": 2, "order_items": 0}
    assert bench.ledger(event.run_id) == 4


def test_tables_are_loaded_side_by_side(bench: Bench) -> None:
    """All four hold their locks at once: each waits there until the others have theirs."""
    event, ports = publish(bench, 1, {"users": 1, "orders": 1}), bench.ports()
    all_four = Barrier(4)

    def meet(place: str, _: str) -> None:
        if place == WITH_LOCK:
            all_four.wait(60)

    load(event, replace(ports, warehouse=WatchedWarehouse(ports.warehouse, meet)))
    assert bench.ledger(event.run_id) == 4


def test_a_table_without_rows_in_the_run_has_its_ledger_row(bench: Bench) -> None:
    """No file, no row, and the run is known to be there; the next one loads on top."""
    told = load(publish(bench, 1, {"users": 1}), bench.ports())
    load(publish(bench, 2, {"orders": 2}), bench.ports())
    assert [(t.table, t.rows, t.files) for t in told.tables if not t.rows] == [
        (table, 0, 0) for table in ("products", "orders", "order_items")
    ]
    assert held(bench) == {"users": 1, "products": 0, "orders": 2, "order_items": 0}


@pytest.mark.parametrize(
    ("files", "per_copy"), [(25, 10), pytest.param(2500, 1000, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])]
)
def test_more_files_than_one_copy_takes_are_one_load(
    bench: Bench, files: int, per_copy: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure in the last batch leaves nothing; then every row is there once. The warehouse takes 1,000 at most."""
    monkeypatch.setattr("loader.snowflake.FILES_PER_COPY", per_copy)
    snapshot, paths = bench.append_files("users", "r1", 1, files)
    assert len(paths) == files
    event = curated("r1", 1, [part_of("users", files, snapshot, 6)])
    whole = rows_of("r1", 1, 1)
    bench.put_back(paths[-1], whole * 2, "users")
    with pytest.raises(TypedStop, match=f"{paths[-1]} has 1 rows, loaded 2"):
        load(event, bench.ports())
    assert (bench.rows("users"), bench.ledger("r1")) == (0, 0)
    bench.put_back(paths[-1], whole, "users")
    assert [(t.rows, t.files) for t in load(event, bench.ports()).tables] == [(files, files)]
    assert (bench.rows("users"), bench.files("users"), bench.ledger("r1")) == (files, files, 1)


def test_every_load_is_audited(bench: Bench) -> None:
    """One row per table and run, also after a repeat, none for what was rolled back."""
    event = publish(bench, 1, {"users": 3})
    load(event, bench.ports())
    load(event, bench.ports())
    loads = [entry for entry in bench.audit(event.run_id) if entry[0] != "ddl"]
    assert loads == [("copy", f"RAW.{table}") for table in ("ORDERS", "ORDER_ITEMS", "PRODUCTS", "USERS")]
