"""The lineage page in a real browser (Debian's chromium): it fits, it draws, search, links and hash choose a column.

Skipped only where there is no chromium; CONTRIBUTING.md says how to get one.
"""

from pathlib import Path

import pytest
from opened_page import PAINTED, SIZES, TOO_WIDE, Opened, Scheme, shown
from playwright.sync_api import Browser, Page

from tidemark.tables import registry
from tidemark_cli.docs.command import lineage_page
from tidemark_cli.docs.graph import Column, Graph, Table, graph_of
from tidemark_cli.lineage import PROJECT
from tidemark_lineage import edges_of
from tidemark_lineage.models import read_project

pytestmark = pytest.mark.lab
REVENUE = "marts.fct_orders.revenue"
HOSTILE = "</script><script>document.body.dataset.broken='yes'</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the repository as it stands."""
    path = tmp_path_factory.mktemp("docs") / "lineage.html"
    project = read_project(PROJECT)
    graph = graph_of(edges_of(registry(), project), registry(), project)
    path.write_text(lineage_page(graph), encoding="utf-8")
    return path


def painted(page: Page) -> list[int]:
    """Pixels and colours of the layer that the columns are drawn on."""
    layers = page.locator("#graph canvas")
    return max(layers.nth(place).evaluate(PAINTED) for place in range(layers.count()))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
@pytest.mark.parametrize("column", [REVENUE, "ecommerce.orders.status"])
def test_it_fits_draws_and_asks_nobody(
    browser: Browser, file: Path, column: str, size: tuple[int, int], scheme: Scheme
) -> None:
    """Nothing is wider than the window, the path is painted, no error, no request but the page itself."""
    opened = Opened(browser, file, size, scheme, f"#{column}")
    assert opened.page.evaluate("document.documentElement.scrollWidth") == size[0]
    assert opened.page.evaluate(TOO_WIDE) == []
    pixels, colours = painted(opened.page)
    assert pixels > 5000
    assert colours > 10
    assert (opened.said, opened.asked) == ([], [file.as_uri()])


def test_the_hash_chooses(browser: Browser, file: Path) -> None:
    """Name, description and the path as text, back to the source and on to the marts; going back goes back."""
    page = Opened(browser, file, SIZES[0], fragment=f"#{REVENUE}").page
    assert shown(page, "#name") == REVENUE
    assert shown(page, "#about") == "The total amount; 0 when cancelled."
    assert "Orders, one row each" in shown(page, "#table-about")
    assert "ecommerce.orders.total_amount" in shown(page, "#before")
    assert "marts.daily_business_metrics.revenue" in shown(page, "#after")
    assert page.title().startswith(REVENUE)
    page.locator("#before a", has_text="raw.orders.total_amount").click()
    page.wait_for_function("document.getElementById('name').textContent === 'raw.orders.total_amount'")
    assert page.evaluate("document.activeElement.id") == "name"
    page.go_back()
    page.wait_for_function(f"document.getElementById('name').textContent === '{REVENUE}'")


def test_the_search_chooses(browser: Browser, file: Path) -> None:
    """An entry as a whole, or what stands in a name; what is in none is said. The choice stands in the address."""
    opened = Opened(browser, file, SIZES[1])
    page = opened.page
    assert page.locator("#chosen").is_hidden()
    assert page.locator("#columns option").count() > 800
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the first stop leads to the search
    page.keyboard.insert_text(REVENUE)
    page.wait_for_function(f"location.hash === '#{REVENUE}'")
    assert page.evaluate("document.activeElement.id") == "column"
    assert painted(page)[0] > 5000
    page.locator("#column").fill("fct_orders.UNITS")
    page.keyboard.press("Enter")
    page.wait_for_function("location.hash === '#marts.fct_orders.units'")
    assert shown(page, "#name") == "marts.fct_orders.units"
    page.locator("#column").fill("nothing like it")
    page.keyboard.press("Enter")
    assert shown(page, "[role=status]") == "No column has this in its name."
    assert opened.said == []


def test_the_picture_chooses(browser: Browser, file: Path) -> None:
    """A click on a column's box; the first column of the path stands at the left, below its table's name."""
    page = Opened(browser, file, SIZES[0], fragment="#raw.orders.total_amount").page
    before = painted(page)
    height = page.locator("#picture").evaluate("picture => picture.clientHeight")
    for y in range(40, height, 8):  # down the first rank until its only column is met
        page.locator("#picture").click(position={"x": 40, "y": y})
        if "raw.orders" not in page.evaluate("location.hash"):
            break
    page.wait_for_function("document.getElementById('name').textContent === 'ecommerce.orders.total_amount'")
    assert painted(page) != before


def test_a_wrong_hash_is_said(browser: Browser, file: Path) -> None:
    """Also one that is no proper address; nothing is chosen, nothing breaks."""
    for fragment in ("#marts.nothing.here", "#%", "#%3Cimg%3E"):
        opened = Opened(browser, file, SIZES[1], fragment=fragment)
        assert "There is no such column" in shown(opened.page, "[role=status]")
        assert opened.page.locator("#chosen").is_hidden()
        assert opened.said == []


def test_screen_reader_and_keyboard_find_their_way(browser: Browser, file: Path) -> None:
    """The picture says what it shows, paths are nested lists of links, every table is there to be opened."""
    page = Opened(browser, file, SIZES[0], fragment=f"#{REVENUE}").page
    label = page.locator("#picture").get_attribute("aria-label") or ""
    assert label.startswith(f"{REVENUE} with the ") and label.endswith("They stand in the lists below.")
    assert page.locator("#before ul ul ul ul ul a", has_text="ecommerce.orders.total_amount").count() == 1
    page.locator("summary", has_text="marts.fct_orders").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("location.hash === '#marts.fct_orders.order_id'")
    assert page.locator("section:not([aria-labelledby]), .scroll:not([tabindex='0'])").count() == 0


def test_hostile_names_stand_there_as_text(browser: Browser, tmp_path: Path) -> None:
    """In heading, lists and picture; no script of theirs runs, no element of theirs is there."""
    tables = [Table(f"t.{HOSTILE}", 0, 0, HOSTILE), Table("t.b", 1, 1, "")]
    path = tmp_path / "hostile.html"
    made = Graph(("Source", HOSTILE), tables, [Column(0, HOSTILE, HOSTILE, []), Column(1, "b", "", [0])])
    path.write_text(lineage_page(made), encoding="utf-8")
    opened = Opened(browser, path, SIZES[1], fragment="#t.b.b")
    opened.page.locator("#before a").click()
    opened.page.wait_for_function("document.getElementById('name').textContent !== 't.b.b'")
    assert shown(opened.page, "#name") == f"t.{HOSTILE}.{HOSTILE}"
    assert opened.page.evaluate("document.body.dataset.broken") is None
    assert opened.page.locator("img").count() == 0
    assert opened.page.evaluate("document.documentElement.scrollWidth") == SIZES[1][0]
    assert opened.said == []
