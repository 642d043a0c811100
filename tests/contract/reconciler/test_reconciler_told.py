"""`tidemark reconcile show` and `history` from the real ledger and the real reports."""

from collections.abc import Callable
from typing import Any

import pytest
from reconciler_engines import Engines

from reconciler.snowflake import Session
from reconciler.told import NothingToTellError, Told
from tidemark.settings import SnowflakeSettings
from tidemark.tables import registry

pytestmark = pytest.mark.lab
Commands = Callable[..., Any]
DAY_MS = 86_400_000
ENTRY = """INSERT INTO OPS.RECONCILIATION_ENTRY
SELECT '{id}', 'events', 'sessions', 'k', '{state}', 'different', '', 1, NULL, 'r', {seen}, NULL, 'r', {seen},
    {gone}, {seconds}, '{{}}', '{{}}'"""


def test_the_newest_report_or_a_named_one_is_shown(
    engines: Engines, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a name the newest; by id and by DATASET#SEQ; what there is not is said. --open writes the page."""
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    with pytest.raises(NothingToTellError, match="nothing of events has been compared"):
        commands("show")
    rows = engines.rows(4)
    engines.write_marts(rows)
    engines.write_speed(rows[1:])
    engines.run()
    engines.run()
    newest = commands("show", "--open").stdout
    assert "run-4 (events #4)" in newest and "confirmed missing_in_speed, likely lost" in newest
    assert opened[0].startswith("file://")
    assert commands("show", "events#3").stdout == commands("show", "run-3").stdout
    assert "run-3" in commands("show", "run-3").stdout
    for name in ("events#99", "events#x", "run-99"):
        with pytest.raises(NothingToTellError):
            commands("show", name)


def test_history_tells_lags_by_nearest_rank(
    engines: Engines, snowflake_settings: SnowflakeSettings, commands: Commands
) -> None:
    """By pair and day: compared, found, still open, gone, p50 and p95; days before the first asked are left out."""
    start = 20_000 * DAY_MS
    run = "INSERT INTO OPS.RECONCILIATION_RUN SELECT 'events', '{0}', 1, 1, 1, '{1}', '', '{{}}', {2}, 0.5"
    for number, (state, at) in enumerate(
        [("CONVERGED", start), ("DIVERGED", start + DAY_MS), ("STALLED", start + DAY_MS + 5), ("CONVERGED", 0)]
    ):
        engines.told(run.format(number, state, at))
    for number in range(20):
        seen, seconds = start + number, (number + 1) * 10.0
        engines.told(
            ENTRY.format(id=number, state="resolved", seen=seen, gone=start + DAY_MS + number, seconds=seconds)
        )
    engines.told(ENTRY.format(id="open", state="confirmed", seen=start + DAY_MS, gone="NULL", seconds="NULL"))
    told = Told(Session(snowflake_settings), engines.folder, registry())
    days = [day for day in told.history(start + DAY_MS + 9, 2) if day.pair == "sessions"]
    found = [
        (d.day, d.comparisons, d.diverged, d.stalled, d.found, d.still_there, d.resolved, d.p50, d.p95) for d in days
    ]
    assert found == [
        ("2024-10-05", 2, 1, 1, 1, 1, 20, 100.0, 190.0),
        ("2024-10-04", 1, 0, 0, 20, 0, 0, None, None),
    ]
    assert "nothing has been compared in these days" in commands("history").stdout
