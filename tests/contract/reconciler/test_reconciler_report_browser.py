"""The report in a real browser (Debian's chromium): it fits, differences unfold, hostile values stay text.

Skipped only where there is no chromium; CONTRIBUTING.md says how to get one.
"""

from pathlib import Path

import pytest
from opened_page import SIZES, TOO_WIDE, Opened, Scheme, shown
from playwright.sync_api import Browser
from reconciler_sample import HOSTILE, sample_day

from reconciler.report import report_name

pytestmark = pytest.mark.lab
OUT_OF_ITS_BOX = """() => [...document.querySelectorAll(".card *, .entry *")]
    .filter(e => e.getBoundingClientRect().right > e.closest(".card, .entry").getBoundingClientRect().right + 1)
    .map(e => e.outerHTML.slice(0, 90))"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's newest report."""
    path = tmp_path_factory.mktemp("report") / "reconciliation.html"
    path.write_bytes(sample_day().reports.written[report_name("run-5", "html")])
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
def test_it_fits_folded_and_unfolded_and_asks_nobody(
    browser: Browser, file: Path, size: tuple[int, int], scheme: Scheme
) -> None:
    """Nothing is wider than the window, whatever is open; no error, no request but the page itself."""
    opened = Opened(browser, file, size, scheme, draws=False)
    for _ in range(2):
        assert opened.page.evaluate("document.documentElement.scrollWidth") == size[0]
        assert opened.page.evaluate(TOO_WIDE) == []
        assert opened.page.evaluate(OUT_OF_ITS_BOX) == []
        opened.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert (opened.said, opened.asked) == ([], [file.as_uri()])


def test_a_difference_unfolds(browser: Browser, file: Path) -> None:
    """By mouse and by keyboard: both sides, what differs marked, the cause with its reason, both queries."""
    page = Opened(browser, file, SIZES[0], draws=False).page
    entry = page.locator("details.entry", has_text="created_at").first
    assert not entry.locator(".inside").is_visible()
    entry.locator("summary").click()
    assert entry.locator(".inside").is_visible()
    assert "as in another time zone" in shown(page, "details[open] .inside > p")
    assert entry.locator(".unlike th").all_inner_texts() == ["created_at"]
    assert entry.locator("mark").all_inner_texts() == ["1", "0"]
    assert entry.locator("pre").count() == 2
    entry.locator("summary").press("Enter")
    assert not entry.locator(".inside").is_visible()


def test_a_hostile_value_is_shown_and_nothing_else(browser: Browser, file: Path) -> None:
    """Its text stands there whole, spaces drawn; no element of its own, no script that ran."""
    opened = Opened(browser, file, SIZES[1], draws=False)
    entry = opened.page.locator("details.entry", has_text="</details>").first
    entry.locator("summary").first.click()
    assert HOSTILE in entry.inner_text().replace("\N{OPEN BOX}", " ")
    assert opened.page.evaluate("document.body.dataset.broken") is None
    assert (opened.page.locator("img").count(), opened.said) == (0, [])
