"""Taking runs back out of RAW, on twins and on the real connector: rows and ledger go, and RAW goes on from there."""

from pathlib import Path

import pytest
from loader_runs import Bench, held, publish, publish_rollback
from waiting import until_done

from loader.stage import load
from tidemark.errors import Superseded
from tidemark.events import LakeCurated
from tidemark.failpoints import ARMED, LOG, FailpointError

pytestmark = pytest.mark.lab
AFTER_ONE = {"users": 3, "products": 0, "orders": 2, "order_items": 0}


def three_runs(bench: Bench) -> list[LakeCurated]:
    """Three loaded runs; every later one brings rows, also to tables that the first one left alone."""
    runs = [publish(bench, 1, {"users": 3, "orders": 2}), publish(bench, 2, {"users": 1, "products": 4})]
    runs.append(publish(bench, 3, {"orders": 1, "order_items": 2}))
    for run in runs:
        load(run, bench.ports())
    return runs


def test_rows_and_ledger_of_later_runs_go(bench: Bench) -> None:
    """What the run left stays; each table's taking back is an audit row beside its ledger row."""
    first, *later = three_runs(bench)
    event = publish_rollback(bench, 4, to_seq=1, generation=1)
    told = load(event, bench.ports())
    assert (told.kind, [table.rows for table in told.tables]) == ("rollback", [0, 0, 0, 0])
    assert held(bench) == AFTER_ONE
    assert [bench.ledger(run.run_id) for run in (first, *later, event)] == [4, 0, 0, 4]
    tables = ("ORDERS", "ORDER_ITEMS", "PRODUCTS", "USERS")
    done = [entry for entry in bench.audit(event.run_id) if entry[0] == "take back"]
    assert done == [("take back", f"RAW.{table}") for table in tables]


def test_a_rollback_that_comes_again_says_the_same(bench: Bench) -> None:
    """At once or after the run that followed it: the stored receipt, and nothing is taken back a second time."""
    three_runs(bench)
    event = publish_rollback(bench, 4, to_seq=1, generation=1)
    told = load(event, bench.ports())
    assert load(event, bench.ports()) == told
    load(publish(bench, 5, {"users": 5}, generation=1), bench.ports())
    assert load(event, bench.ports()) == told
    assert held(bench) == AFTER_ONE | {"users": 8}


def test_events_of_before_the_rollback_are_superseded(bench: Bench) -> None:
    """Both the runs that were taken back and the one it went back to: acknowledged, nothing changes."""
    runs = three_runs(bench)
    load(publish_rollback(bench, 4, to_seq=1, generation=1), bench.ports())
    for run in runs:
        with pytest.raises(Superseded):
            load(run, bench.ports())
    assert held(bench) == AFTER_ONE


def test_the_next_run_loads_on_top(bench: Bench) -> None:
    """Forward again after a rollback, and back again behind it."""
    three_runs(bench)
    load(publish_rollback(bench, 4, to_seq=1, generation=1), bench.ports())
    load(publish(bench, 5, {"users": 1, "order_items": 6}, generation=1), bench.ports())
    assert held(bench) == AFTER_ONE | {"users": 4, "order_items": 6}
    load(publish_rollback(bench, 6, to_seq=4, generation=2), bench.ports())
    assert held(bench) == AFTER_ONE


@pytest.mark.parametrize("place", ["loader.after-copy", "loader.before-commit", "loader.after-commit"])
def test_a_crash_in_a_rollback_and_again_is_as_if_it_had_not_been(
    bench: Bench, place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The next delivery finishes what the first one began."""
    three_runs(bench)
    event = publish_rollback(bench, 4, to_seq=1, generation=1)
    monkeypatch.setenv(ARMED, f"{place}=raise")
    monkeypatch.setenv(LOG, str(tmp_path / "hits"))
    with pytest.raises(FailpointError):
        load(event, bench.ports())
    until_done(lambda: load(event, bench.ports()))
    assert held(bench) == AFTER_ONE
    assert bench.ledger(event.run_id) == 4
