"""The report's page in a real browser (Debian's chromium): it fits, it draws, the period changes what is shown.

Skipped only where there is no chromium; CONTRIBUTING.md says how to get one.
"""

import re
from pathlib import Path

import pytest
from opened_page import PAINTED, SIZES, TOO_WIDE, Opened, Scheme, shown
from playwright.sync_api import Browser, Page
from report_rows import HOSTILE, empty, reading

from tidemark_cli.report.figures import Figure
from tidemark_cli.report.page import page as rendered

pytestmark = pytest.mark.lab
# Text that spills out of its own box, the visible kind of overflow.
SPILLED = """() => [...document.querySelectorAll(".tile, .card, .tile dd, header, .period, .legend, figure > *")]
    .filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline")
    .map(e => e.outerHTML.slice(0, 90))"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with hostile names in every place."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(rendered(reading(days=400)), encoding="utf-8")
    return path


def painted(page: Page, chart: str) -> list[int]:
    found: list[int] = page.locator(f"#{chart} canvas").evaluate(PAINTED)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
def test_it_fits_draws_and_asks_nobody(browser: Browser, file: Path, size: tuple[int, int], scheme: Scheme) -> None:
    """Nothing is wider than the window, every chart has painted, no error, no request but the page itself."""
    opened = Opened(browser, file, size, scheme)
    assert opened.page.evaluate("document.documentElement.scrollWidth") == size[0]
    assert opened.page.evaluate(TOO_WIDE) == []
    assert opened.page.evaluate(SPILLED) == []
    charts = opened.page.locator(".chart")
    assert charts.count() == 10
    for place in range(charts.count()):
        pixels, colours = charts.nth(place).locator("canvas").evaluate(PAINTED)
        assert pixels > 1000, place
        assert colours > 2, place
    assert (opened.said, opened.asked) == ([], [file.as_uri()])


def test_hostile_names_stand_there_as_text(browser: Browser, file: Path) -> None:
    """In tables and in legends; no script of theirs has run."""
    opened = Opened(browser, file, SIZES[0])
    assert opened.page.evaluate("document.body.dataset.broken") is None
    assert HOSTILE in shown(opened.page, "#products tbody")
    assert HOSTILE in shown(opened.page, "#products .legend")
    assert opened.page.locator("img").count() == 0


def test_the_period_changes_what_is_shown(browser: Browser, file: Path) -> None:
    """Tiles, charts and figures follow presets and dates; what is of the as-of time stays."""
    page = Opened(browser, file, SIZES[0]).page
    assert "2025-12-02 to 2026-03-01, 90 days, by day" in shown(page, "#shown")
    stays = shown(page, "#customers tbody")
    seen = {(shown(page, "#period-tiles"), tuple(painted(page, "business-1")))}
    for days in (28, 365, 0):
        page.locator(f"[value='{days}']").check()
        page.wait_for_timeout(100)
        seen.add((shown(page, "#period-tiles"), tuple(painted(page, "business-1"))))
    assert len(seen) == 4
    assert shown(page, "#customers tbody") == stays
    page.locator("[name=from]").fill("2026-02-27")
    page.locator("[name=to]").fill("2026-02-28")
    assert "2 days" in shown(page, "#shown")
    assert "50.05" in shown(page, "#period-tiles")  # 3 + 2 orders of 10.01
    assert "−44.4 % on the 2 days before" in shown(page, "#period-tiles")  # 5 orders after 9
    page.locator("#business-1 ~ details summary").click()
    page.wait_for_selector("#business-1 ~ details tbody")
    assert shown(page, "#business-1 ~ details tbody").split() == ["2026-02-27", "30.03", "2026-02-28", "20.02"]


def test_keyboard_and_screen_reader_find_their_way(browser: Browser, file: Path) -> None:
    """The first stop skips to the figures, arrows move the period, charts say what they show, tables have headers."""
    page = Opened(browser, file, SIZES[0]).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator("[value='90']").focus()
    page.keyboard.press("ArrowRight")
    assert "365 days" in shown(page, "#shown")
    label = page.locator("#business-1").get_attribute("aria-label") or ""
    assert re.match(
        r"Revenue, 2025-03-02 to 2026-03-01: revenue [\d,.]+\. The figures stand in the table below\.", label
    )
    assert page.get_by_role("status").count() == 1
    assert page.locator("tbody tr:not(:has(th[scope=row])), thead th:not([scope=col])").count() == 0
    assert page.locator("section:not([aria-labelledby]), .scroll:not([tabindex='0'])").count() == 0


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
def test_empty_and_missing_marts_leave_a_whole_page(browser: Browser, tmp_path: Path, size: tuple[int, int]) -> None:
    """No script stumbles over what is not there."""
    for name, made in (("empty", empty()), ("missing", reading(days=1, daily=Figure(problem="not published yet: x")))):
        path = tmp_path / f"{name}.html"
        path.write_text(rendered(made), encoding="utf-8")
        opened = Opened(browser, path, size)
        assert (opened.said, opened.page.evaluate(TOO_WIDE)) == ([], []), name
        assert opened.page.locator("section").count() == 6
