"""`tidemark reconcile show` and `history`, in 80 columns: what the report says, and nothing that moves a cursor."""

from typing import Any

import pytest
from msgspec import json
from reconciler_sample import sample_day
from rich.text import Text
from terminal import printed

from reconciler.report import report_name
from reconciler.terminal import history_table, shown
from reconciler.told import HistoryDay


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    return json.decode(sample_day().reports.written[report_name("run-5", "json")])  # type: ignore[no-any-return]


def text(report: dict[str, Any], limit: int) -> str:
    return "\n".join(printed(part) for part in shown(report, limit))


def test_a_report_is_printed(report: dict[str, Any]) -> None:
    """Status by pair, all four counts, samples with cause, reason and both queries; what is left out is counted."""
    told = text(report, 1)
    assert "run-5 (events #5), 2026-03-01 02:30:00 UTC" in told
    for title in ("by class", "by likely cause", "by column", "by day of the event"):
        assert f"transactions {title}" in told
    assert "confirmed different, likely clock: created_at: the speed layer's is 1 h later" in told.replace("\n", " ")
    assert "SELECT * FROM `speed`.`transactions_realtime` WHERE" in told
    assert "75 more of transactions: --limit, --open, OPS.RECONCILIATION_ENTRY" in told


def test_what_differs_is_marked(report: dict[str, Any]) -> None:
    """In reverse, on both sides."""
    tables = [part for part in shown(report, 1) if not isinstance(part, Text)]
    cells = [list(column.cells) for column in tables[-1].columns]  # type: ignore[union-attr]
    marked = [cell for column in cells for cell in column if any("reverse" in str(span.style) for span in cell.spans)]
    assert [cell.plain for cell in marked] == ["2026-03-01 01:00:00.000000", "2026-03-01 00:00:00.000000"]


def test_nothing_from_outside_moves_the_cursor(report: dict[str, Any]) -> None:
    """Hidden and hostile characters are shown as names."""
    told = text(report, 100)
    assert "<U+200B>" in told and "<U+202E>" in told and "<TAB>" in told
    assert not {"\u200b", "\u202e", "\x1b", "\t"} & set(told)


def test_history_is_a_line_a_pair_and_day() -> None:
    """Days without an agreement have no lag."""
    some = HistoryDay(
        day="2026-03-02", pair="transactions", comparisons=48, diverged=7, stalled=0, found=1204, still_there=3,
        resolved=1201, p50=1800.4, p95=14400.0,
    )  # fmt: skip
    none = HistoryDay(
        day="2026-03-01", pair="sessions", comparisons=2, diverged=0, stalled=1, found=0, still_there=0, resolved=0,
        p50=None, p95=None,
    )  # fmt: skip
    lines = [line.split() for line in printed(history_table([some, none])).splitlines() if "2026" in line]
    assert lines == [
        ["2026-03-02", "transactions", "48", "7", "0", "1,204", "3", "1,201", "1,800", "14,400"],
        ["2026-03-01", "sessions", "2", "0", "1", "0", "0", "0"],
    ]
