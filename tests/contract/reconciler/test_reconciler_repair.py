"""`tidemark reconcile repair` on the real engines: text first, then corrections, once, and the ledger tells the end."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from reconciler_day import MIDNIGHT, PAIR, status, transaction
from reconciler_engines import Engines

from reconciler.repair import repair_sql

pytestmark = pytest.mark.lab
Commands = Callable[..., Any]
HOSTILE = "né☃ '\"\\ %s |\n\t~\x1b[2J"
STATES = "SELECT DIFFERENCE, STATE, COUNT(*) FROM OPS.RECONCILIATION_ENTRY GROUP BY 1, 2 ORDER BY 1, 2"
AUDIT = "SELECT ACTION, OBJECT, DETAIL FROM OPS.AUDIT ORDER BY DETAIL"


@pytest.fixture
def diverged(engines: Engines) -> Engines:
    """Twenty rows; of each class some are confirmed: two missing here, one there, three different, one doubled."""
    rows = engines.rows(20)
    rows[5]["status"] = HOSTILE
    engines.write_marts([*rows[:18], rows[0]])
    other = [{**rows[1], "total_amount": Decimal("9.99")}, {**rows[2], "created_at": MIDNIGHT}, rows[3]]
    other += [{**rows[5], "status": "completed"}, *rows[6:16], rows[0]]
    surplus = transaction(500, MIDNIGHT + timedelta(minutes=3))
    engines.write_speed([*other, surplus, rows[16], {**rows[4], "status": "gone"}])
    engines.speed.command("DELETE FROM speed.transactions_realtime WHERE status = 'gone'")
    engines.run()
    assert status(engines.run()) == "DIVERGED"
    return engines


def speed_rows(engines: Engines) -> list[tuple[Any, ...]]:
    found = engines.speed.query("SELECT * FROM speed.transactions_realtime ORDER BY ALL")
    return [tuple(row) for row in found.result_rows]


def test_the_text_heals_and_writes_nothing_by_itself(diverged: Engines, commands: Commands) -> None:
    """Without --apply nothing changes; a person who runs the text as it stands sees the entries resolved."""
    before = speed_rows(diverged)
    told = commands("repair")
    assert (told.exit_code, speed_rows(diverged)) == (0, before)
    assert "\x1b" not in told.stdout
    assert "where the speed layer is right: tidemark publish --dataset events --rebuild" in told.stdout
    for line in told.stdout.splitlines():
        if not line.startswith("--") and line:
            diverged.speed.command(line.removesuffix(";"))
    diverged.run()
    assert diverged.told(STATES) == [
        ("different", "resolved", 3), ("doubled", "confirmed", 1), ("missing_in_batch", "resolved", 1),
        ("missing_in_speed", "resolved", 2),
    ]  # fmt: skip


def test_apply_corrects_once_and_the_next_comparison_tells(diverged: Engines, commands: Commands) -> None:
    """All but the doubled key; the audit names the keys; a second time writes nothing, no audit either."""
    assert commands("repair", "--apply", input="n\n").exit_code == 1
    assert diverged.told(AUDIT) == []
    done = commands("repair", "--apply", "--pair", "transactions", input="y\n")
    assert "correct 5 rows from fct_transactions, and remove 1 keys" in done.stdout
    assert "5 rows corrected, 1 keys removed, 0 agree by now, 1 left" in done.stdout
    ((action, thing, detail),) = diverged.told(AUDIT)
    assert (action, thing, "000000000500" in detail) == ("repair", "SPEED.TRANSACTIONS_REALTIME", True)
    after = speed_rows(diverged)
    again = commands("repair", "--apply", "--yes")
    assert "0 rows corrected, 0 keys removed, 6 agree by now, 1 left" in again.stdout
    assert (speed_rows(diverged), len(diverged.told(AUDIT))) == (after, 1)
    assert status(diverged.run()) == "DIVERGED"
    assert [row for row in diverged.told(STATES) if row[1] != "resolved"] == [("doubled", "confirmed", 1)]


def test_what_has_healed_or_changed_meanwhile_is_looked_at_again(diverged: Engines, commands: Commands) -> None:
    """A row that arrived late is left alone; a row whose mart has moved on is corrected to what the mart holds now."""
    late = diverged.rows(20)[4]
    diverged.write_speed([late])
    diverged.told("UPDATE MARTS.FCT_TRANSACTIONS SET TOTAL_AMOUNT = 4.44 WHERE TRANSACTION_ID LIKE '%0001'")
    done = commands("repair", "--apply", "--yes")
    assert "4 rows corrected, 1 keys removed, 1 agree by now, 1 left" in done.stdout
    found = diverged.speed.query(
        "SELECT argMax(total_amount, processing_time) FROM speed.transactions_realtime"
        " WHERE endsWith(toString(transaction_id), '000000000001')"
    )
    assert found.result_rows[0][0] == Decimal("4.44")


def test_what_streams_in_later_wins_over_a_repair(diverged: Engines, commands: Commands) -> None:
    """Corrections are one millisecond newer than what was compared, and no sign of life."""
    progress = diverged.ports.speed.progress() or 0
    commands("repair", "--apply", "--yes")
    assert diverged.ports.speed.progress() == progress + 1


def test_a_repair_never_beats_a_newer_row(diverged: Engines) -> None:
    """Text that is run late loses to what has come since."""
    entries = diverged.ports.ledger.open_entries("transactions")
    text = repair_sql(PAIR, entries, diverged.ports.speed.progress() or 0)
    newer = {**diverged.rows(2)[1], "total_amount": Decimal("7.77")}
    diverged.speed.insert(
        "speed.transactions_realtime",
        [[*newer.values(), diverged.now + timedelta(minutes=1)]],
        column_names=[*newer, PAIR.version],
    )
    for line in text.splitlines():
        if not line.startswith("--"):
            diverged.speed.command(line.removesuffix(";"))
    found = diverged.speed.query(
        "SELECT argMax(total_amount, processing_time) FROM speed.transactions_realtime"
        " WHERE endsWith(toString(transaction_id), '000000000001')"
    )
    assert found.result_rows[0][0] == Decimal("7.77")
