"""The loader on its twins and on the real connector: the same promises, kept by the same suite."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from loader_benches import Bench, curated, held, part_of, publish, rows_of, until_done

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
