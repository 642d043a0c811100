"""RAW missed runs whose snapshots the lake has let go: it takes the table anew, and every row is there once."""

import pytest
from loader_runs import TABLES, Bench, held, publish, publish_rollback

from loader.stage import load
from tidemark.errors import Superseded
from tidemark.events import LakeCurated

pytestmark = pytest.mark.lab
NOTHING = dict.fromkeys(TABLES, 0)


def users_snapshot(event: LakeCurated) -> int:
    """The snapshot that added a run's users."""
    (found,) = (part.changes_snapshot for part in event.tables if part.table == "users")
    assert found is not None
    return found


@pytest.mark.parametrize("loaded_before", [0, 1])
def test_what_the_lake_has_let_go_is_taken_anew(bench: Bench, loaded_before: int) -> None:
    """A RAW attached later, or one that was away for long: all rows, a receipt for every run, whoever asks first."""
    runs = [publish(bench, seq, {"users": seq, "orders": 1}) for seq in (1, 2, 3, 4)]
    for event in runs[:loaded_before]:
        load(event, bench.ports())
    bench.expire("users", users_snapshot(runs[1]))
    told = load(runs[2], bench.ports())
    assert {t.table: t.rows for t in told.tables} == NOTHING | {"users": 3, "orders": 1}
    # run 4 stands in the lake already, and its rows say whose they are
    assert held(bench) == NOTHING | {"users": 10, "orders": 3}
    again = [load(event, bench.ports()) for event in runs]
    assert [sum(t.rows for t in receipt.tables) for receipt in again] == [2, 3, 4, 5]
    assert [load(event, bench.ports()) for event in runs] == again
    assert held(bench) == NOTHING | {"users": 10, "orders": 4}
    assert [bench.rows("users", event.run_id) for event in runs] == [1, 2, 3, 4]
    load(publish(bench, 5, {"users": 1}), bench.ports())
    assert held(bench)["users"] == 11
    assert ("clear", "RAW.USERS") in bench.audit(runs[3].run_id)


def test_runs_that_were_rolled_back_meanwhile_stay_out(bench: Bench) -> None:
    """RAW holds run 2, which the lake has rolled back since: its rows and its receipt go."""
    runs = [publish(bench, 1, {"users": 1}), publish(bench, 2, {"users": 2})]
    for event in runs:
        load(event, bench.ports())
    publish_rollback(bench, 3, to_seq=1, generation=1)
    bench.set_back("users", users_snapshot(runs[0]))
    lost = publish(bench, 4, {"users": 4}, generation=1)
    last = publish(bench, 5, {"users": 5}, generation=1)
    bench.expire("users", users_snapshot(lost))
    load(last, bench.ports())
    assert [bench.rows("users", event.run_id) for event in (*runs, lost, last)] == [1, 0, 4, 5]
    assert bench.ledger(runs[1].run_id) == 0
    with pytest.raises(Superseded):
        load(runs[1], bench.ports())


def test_an_older_generation_takes_nothing_anew(bench: Bench) -> None:
    """The lake is at a newer generation: the event has nothing to bring, and the newer one's will come."""
    runs = [publish(bench, 1, {"users": 1}), publish(bench, 2, {"users": 2})]
    bench.expire("users", users_snapshot(runs[0]))
    publish(bench, 3, {"users": 3}, generation=1, kind="rebuild")
    with pytest.raises(Superseded):
        load(runs[1], bench.ports())
    assert held(bench)["users"] == 0
