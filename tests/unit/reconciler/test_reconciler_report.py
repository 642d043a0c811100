"""The report: what it counts, what it shows of a difference, and that no value becomes code."""

from typing import Any

import pytest
from msgspec import json
from parsed_page import Parsed
from reconciler_day import Day
from reconciler_sample import HOSTILE, sample_day

from reconciler.report import report_name


@pytest.fixture(scope="module")
def day() -> Day:
    return sample_day()


@pytest.fixture(scope="module")
def told(day: Day) -> dict[str, Any]:
    """The one pair of the newest report."""
    return json.decode(day.reports.written[report_name("run-5", "json")])["pairs"][0]  # type: ignore[no-any-return]


def html(day: Day, run_id: str = "run-5") -> str:
    return day.reports.written[report_name(run_id, "html")].decode()


def entry(told: dict[str, Any], number: int) -> dict[str, Any]:
    key = f"00000000-0000-0000-0000-{number:012d}"
    return next(one for one in told["entries"] if one["key"]["transaction_id"] == key)  # type: ignore[no-any-return]


def test_everything_is_counted_once_per_view(told: dict[str, Any]) -> None:
    """By class, cause and day the states add up to the event's; by column as often as columns differ."""
    states = {name: told[name] for name in ("confirmed", "suspect", "pending", "resolved")}
    for view in ("class", "likely cause", "day of the event"):
        counted = told["summaries"][view].values()
        assert {name: sum(one[name] for one in counted) for name in states} == states, view
    assert set(told["summaries"]["class"]) == {"different", "doubled", "missing_in_batch", "missing_in_speed"}
    assert set(told["summaries"]["likely cause"]) == {"late", "lost", "doubled", "clock", "rounding", "mapping"}
    assert told["summaries"]["column"]["status"]["confirmed"] == 4
    assert told["summaries"]["day of the event"].keys() == {"2026-03-01"}


def test_the_gravest_stand_first(told: dict[str, Any]) -> None:
    """Confirmed, suspect, pending, resolved."""
    order = [one["state"] for one in told["entries"]]
    assert order == sorted(order, key=["confirmed", "suspect", "pending", "resolved"].index)
    assert {"confirmed", "suspect", "pending", "resolved"} == set(order)


@pytest.mark.parametrize(
    ("number", "cause"),
    [(0, "clock"), (1, "rounding"), (2, "doubled"), (3, "lost"), (4, "mapping"), (8, "mapping"), (20, "doubled"),
     (40, "lost"), (15, "late")],
)  # fmt: skip
def test_each_difference_has_its_likely_cause(told: dict[str, Any], number: int, cause: str) -> None:
    """As the sample made it."""
    assert entry(told, number)["cause"] == cause


def test_a_difference_shows_both_rows_and_how_to_look_at_them(told: dict[str, Any]) -> None:
    """Moments as UTC with all places, a row that is not there as null, the queries by key with the mart's filter."""
    clock, lost = entry(told, 0), entry(told, 40)
    assert clock["columns"] == ["created_at"]
    assert clock["rows"]["speed"]["created_at"] == "2026-03-01 01:00:00.000000"
    assert clock["rows"]["batch"]["created_at"] == "2026-03-01 00:00:00.000000"
    assert (lost["rows"]["speed"], lost["difference"]) == (None, "missing_in_speed")
    assert lost["queries"] == {
        "speed": "SELECT * FROM `speed`.`transactions_realtime` WHERE `transaction_id` ="
        " '00000000-0000-0000-0000-000000000040' AND `product_id` = '11111111-1111-1111-1111-111111111111'"
        " ORDER BY `processing_time` DESC;",
        "batch": 'SELECT * FROM "MARTS"."FCT_TRANSACTIONS" WHERE "TRANSACTION_ID" ='
        " '00000000-0000-0000-0000-000000000040' AND \"PRODUCT_ID\" = '11111111-1111-1111-1111-111111111111';",
    }


def test_repairs_are_told_for_either_side(told: dict[str, Any]) -> None:
    """One statement a confirmed entry for the speed layer; a rebuild for the marts."""
    assert len(told["repair_sql"].splitlines()) == told["confirmed"]
    assert told["rebuild"] == "tidemark publish --dataset events --rebuild"


def test_the_page_is_locked_and_holds_values_as_text(day: Day) -> None:
    """No script, no request, no element of a value's; the hostile value stands there whole."""
    parsed = Parsed(html(day))
    assert parsed.is_locked()
    assert (parsed.scripts, "img" in parsed.tags) == ([], False)
    assert "</details><script>document.body" in "".join(parsed.shown)
    assert HOSTILE[:20] not in html(day)


def test_what_differs_is_marked_and_what_is_hidden_is_visible(day: Day) -> None:
    """`mark` for the characters that differ, code points for those without a picture."""
    page = html(day)
    assert "2026-03-01 0<mark>1</mark>:00:00.000000" in page
    assert '<mark class="hidden">&lt;U+200B&gt;</mark>' in page
    assert "<U+202E>" in "".join(Parsed(page).shown)
    assert not {"\u200b", "\u202e"} & set(page)


def test_what_is_not_shown_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page has room for some hundred differences, the ledger for all."""
    monkeypatch.setattr("reconciler.report.MOST_SHOWN", 20)
    day = Day()
    day.step(losing="speed")
    told = json.decode(day.reports.written[report_name("run-1", "json")])["pairs"][0]
    assert (len(told["entries"]), told["entries_not_shown"], told["suspect"] + told["pending"]) == (20, 10, 30)
    assert "10 more stand in OPS.RECONCILIATION_ENTRY" in html(day, "run-1")
