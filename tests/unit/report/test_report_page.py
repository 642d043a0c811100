"""The report's page on hand-made rows: nothing in the data becomes code, nothing missing breaks the page."""

import re
from datetime import date
from decimal import Decimal

from parsed_page import Parsed
from report_rows import AS_OF, HOSTILE, daily_row, empty, reading, run

from tidemark_cli.report.charts import day_number, drawn
from tidemark_cli.report.figures import Figure, Reading
from tidemark_cli.report.page import page
from tidemark_cli.report.widgets import Chart, sections


def test_hostile_names_are_shown_as_text() -> None:
    """A product called </script><script>: three script elements, ours; the name stands there, in full, as text."""
    parsed = Parsed(page(reading()))
    assert len(parsed.scripts) == 3
    assert "img" not in parsed.tags
    assert HOSTILE in parsed.shown
    assert any(HOSTILE in chart["names"] for chart in parsed.data["charts"])


def test_a_hostile_problem_or_run_is_text_too() -> None:
    """What the warehouse says, and what a run is called."""
    figures = reading(daily=Figure(problem=HOSTILE)).figures
    parsed = Parsed(page(Reading(run(run_id=HOSTILE), figures)))
    assert len(parsed.scripts) == 3
    assert len([text for text in parsed.shown if HOSTILE in text]) > 2


def test_the_page_asks_nobody_and_runs_only_its_own_scripts() -> None:
    """Every address leads into the page; the policy forbids requests and names just the two scripts' hashes."""
    parsed = Parsed(page(reading()))
    assert parsed.is_locked()
    assert not re.search(r"url\(|@import", page(reading()))


def test_it_says_which_run_it_is_true_of() -> None:
    """Run, as-of time, publication."""
    shown = "".join(Parsed(page(reading())).shown)
    assert "True as of 2026-03-01 12:30:00 UTC, run 7." in shown
    assert "ecommerce-process-g0-7, generation 0), published 2026-03-01 12:35:00 UTC after 42 tests" in shown


def test_empty_marts_make_a_whole_page() -> None:
    """Every section is there and says that there is nothing."""
    parsed = Parsed(page(empty()))
    shown = "".join(parsed.shown)
    assert {section.key for section in sections()} <= set(parsed.ids)
    assert parsed.data["charts"] == []
    assert "No day has been recorded yet." in shown
    assert "There is no dead stock." in shown
    assert "Not to be had" not in shown


def test_a_missing_mart_is_said_where_it_is_missed() -> None:
    """The other sections are as ever."""
    missing = Figure(problem="not published yet: customer_cohorts")
    parsed = Parsed(page(reading(customer_cohorts=missing)))
    shown = "".join(parsed.shown)
    assert shown.count("Not to be had.") == 1
    assert "not published yet: customer_cohorts" in shown
    assert len(parsed.data["charts"]) == len(Parsed(page(reading())).data["charts"])


def test_ids_are_there_once() -> None:
    """Labels and links lead to one element."""
    ids = Parsed(page(reading())).ids
    assert sorted(ids) == sorted(set(ids))


def test_series_keep_money_exact_and_gaps_empty() -> None:
    """Hundredths as integers, as text beyond what JavaScript reads exactly; days in order, null where none."""
    huge = Decimal("123456789012345678901234567890123456.78")
    rows = [
        {"day": date(1970, 1, 3), "series": "b", "value": Decimal("0.10")},
        {"day": date(1970, 1, 1), "series": "a", "value": huge},
        {"day": date(1970, 1, 1), "series": "b", "value": Decimal("-0.29")},
    ]
    chart = Chart(figure="x", title="X", unit="money", style="stack")
    found = drawn("x-0", chart, rows)
    assert (found["days"], found["names"]) == ([0, 2], ["b", "a"])
    assert found["values"] == [[-29, 10], ["12345678901234567890123456789012345678", None]]


def test_tiles_get_the_days_sums() -> None:
    """Every day of the daily metrics, money in hundredths."""
    figures = reading(daily=Figure([daily_row(date(2026, 2, 28), 3), daily_row(date(2026, 3, 1), 1)]))
    totals = Parsed(page(figures)).data["totals"]
    assert totals["days"] == [day_number(AS_OF.date()) - 1, day_number(AS_OF.date())]
    assert totals["revenue"] == [3003, 1001]
    assert totals["orders"] == [3, 1]
