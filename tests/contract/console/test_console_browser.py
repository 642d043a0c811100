"""Every page of the console in a real browser (Debian's chromium): it fits, says nothing on its console, has no serious
axe-core finding, works by keyboard alone; every action goes to its published event; nothing hostile runs."""

import time
from collections.abc import Iterator
from itertools import cycle
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from console_world import World
from hostile_texts import HOSTILE
from opened_page import PAINTED, SIZES, TOO_WIDE
from playwright.sync_api import Browser, expect
from served_console import SERIOUS, Visitor, served, tab_to

from tidemark.events import DeadLetterSettled, RunRequested

pytestmark = pytest.mark.lab
RUN, FAILED = "/runs/events-process-g0-00000000000c", "/runs/events-process-g0-00000000000d"
TARGET = "ecommerce-process-g0-00000000000a"
SPILLED = """() => [...document.querySelectorAll(".tile, .card, .badge, .notice, .menu a, button, [role=button]")]
    .filter(e => !e.closest(".scroll") && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline")
    .map(e => e.outerHTML.slice(0, 90))"""


def pages(world: World) -> dict[str, str]:
    """Every page."""
    letter = next(place for place in world.state.dead_letters if place not in world.state.settlements)
    return {
        "overview": "/",
        "runs": "/runs",
        "run": RUN,
        "failed run": FAILED,
        "alerts": "/alerts",
        "letters": "/dead-letters",
        "letter": f"/dead-letters/{quote(letter, safe='')}",
        "rows": "/rows",
        "table": "/rows?table=orders&kind=quarantined",
        "reconciliation": "/reconciliation",
        "quality": "/quality",
        "lineage": "/lineage#marts.fct_orders.order_id",
        "audit": "/audit?words=load",
        "kpis": "/kpis",
        "costs": "/costs",
        "actions": "/actions",
        "sign in": "/sign-in",
        "confirm": f"/actions/confirm?kind=rollback&dataset=ecommerce&to_run_id={TARGET}",
        "request": "/requests/4a1e6b0e-8f0c-4f5c-9f6e-0d5f3c1b2a99",
    }


@pytest.fixture(scope="module")
def world() -> World:
    return World(now_ms=int(time.time() * 1000))


@pytest.fixture(scope="module")
def address(world: World) -> Iterator[str]:
    with served(world) as address:
        yield address


@pytest.mark.parametrize(
    ("size", "scheme"), [(SIZES[0], "light"), (SIZES[1], "dark")], ids=["wide, light", "narrow, dark"]
)
def test_every_page_fits_says_nothing_and_has_no_serious_finding(
    browser: Browser, world: World, address: str, size: tuple[int, int], scheme: str
) -> None:
    """At 1440 and 390 pixels; contrast is checked in the light and in the dark."""
    visitor, axe = Visitor(browser, address, size, scheme), Axe()  # type: ignore[arg-type]
    visitor.sign_in()
    for name, path in pages(world).items():
        page = visitor.open(path)
        found = axe.run(page).response["violations"]
        serious = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in SERIOUS]
        assert (name, visitor.said, page.evaluate(TOO_WIDE), page.evaluate(SPILLED), serious) == (name, [], [], [], [])
    visitor.close()


def test_a_phone_shows_counts_and_reasons_without_scrolling(browser: Browser, address: str) -> None:
    """A run's rows accepted, held and quarantined; why a letter was refused."""
    visitor = Visitor(browser, address, SIZES[1])
    for path, column in (("/runs", "tined"), ("/dead-letters", "Reason")):
        page = visitor.open(path)
        frame = page.locator(".scroll").first.bounding_box()
        head = page.locator("thead th", has_text=column).first.bounding_box()
        assert frame is not None
        assert head is not None
        assert (path, head["x"] + head["width"] <= frame["x"] + frame["width"] + 1) == (path, True)
    visitor.close()


def test_charts_are_painted_in_their_colours(browser: Browser, address: str) -> None:
    """Every place for a chart holds one, and what the pointer is over is told."""
    visitor = Visitor(browser, address, SIZES[0])
    for path, charts in (("/", 2), ("/quality", 2), ("/reconciliation", 2), ("/costs", 1)):
        page = visitor.open(path)
        painted = [canvas.evaluate(PAINTED) for canvas in page.locator(".chart canvas").all()]
        assert (path, len(painted), min(pixels for pixels, _ in painted) > 1000) == (path, charts, True)
    page.locator(".chart .u-over").hover()
    expect(page.locator(".legend")).to_contain_text(" s")
    visitor.close()


def test_a_click_on_a_column_draws_where_it_comes_from(browser: Browser, address: str) -> None:
    """Both ways, as a picture and as lists."""
    visitor = Visitor(browser, address, SIZES[0])
    page = visitor.open("/lineage")
    page.get_by_text("marts.fct_orders", exact=True).click()
    page.get_by_role("link", name="order_id", exact=True).click()
    expect(page.locator("#name")).to_have_text("marts.fct_orders.order_id")
    expect(page.locator("#before")).to_contain_text("ecommerce_source.orders.id")
    expect(page.locator("#graph canvas").first).to_be_visible()
    visitor.close()


def test_a_page_follows_what_happens(browser: Browser) -> None:
    """Server-sent events bring a new run into the open page, and what somebody has unfolded stays so."""
    world = World(now_ms=int(time.time() * 1000))
    with served(world) as address:
        visitor = Visitor(browser, address, SIZES[0])
        page = visitor.open("/")
        page.wait_for_selector("#live[data-state=live]")
        page.locator("#rows-by-hour-figures summary").click()
        world.run("ecommerce", 99, world.now_ms - 1000, upto=1)
        page.get_by_role("link", name="ecommerce #99").first.wait_for()
        assert page.locator("#rows-by-hour-figures").get_attribute("open") is not None
        assert page.locator("#rows-by-hour canvas").count() == 1
        assert visitor.said == []
        visitor.close()


def test_by_keyboard_alone_a_run_is_published(browser: Browser, address: str, world: World) -> None:
    """From the skip link over the menu to the published event."""
    visitor = Visitor(browser, address, SIZES[0])
    visitor.sign_in()
    page = visitor.open("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    tab_to(page, "Actions")
    page.keyboard.press("Enter")
    page.wait_for_url("**/actions")
    tab_to(page, "Run: ecommerce")
    page.keyboard.press("Enter")
    page.wait_for_url("**/actions/confirm?*")
    while page.evaluate("document.activeElement.name") != "reason":
        page.keyboard.press("Tab")
    page.keyboard.type("by keyboard")
    tab_to(page, "Run")
    page.keyboard.press("Enter")
    page.wait_for_url("**/requests/*")
    (event,) = [one for one in world.publisher.events if isinstance(one, RunRequested) and one.reason == "by keyboard"]
    assert (event.kind, event.dataset, event.requested_by) == ("process", "ecommerce", "alice (console, token)")
    visitor.close()


@pytest.mark.parametrize(
    ("path", "opened", "verb", "kind"),
    [
        ("/actions", "Rebuild: events", "Rebuild", "rebuild"),
        ("/actions", "Roll back: ecommerce", "Roll back", "rollback"),
        ("/actions", "Maintain: ecommerce", "Maintain", "maintain"),
        ("/", "Resume", "Resume", "resume"),
        (RUN, "Go back to this run", "Roll back", "rollback"),
        ("/rows", "Judge again", "Judge again", "replay"),
        ("/rows?table=orders&kind=quarantined", "Let it go", "Let go", "drop"),
    ],
)
def test_every_action_goes_from_its_button_to_its_event(
    browser: Browser, address: str, world: World, path: str, opened: str, verb: str, kind: str
) -> None:
    """Over the page that says what will happen."""
    visitor, before = Visitor(browser, address, SIZES[1]), len(world.publisher.events)
    visitor.sign_in()
    page = visitor.open(path)
    if "table" in path:
        page.locator("details.entry summary").first.click()
    page.get_by_role("button", name=opened).first.click()
    page.get_by_role("heading", name="What will happen").wait_for()
    page.get_by_label("Reason, for the audit").fill("because")
    page.get_by_role("button", name=verb, exact=True).click()
    page.wait_for_url("**/requests/*")
    (event,) = world.publisher.events[before:]
    assert isinstance(event, RunRequested)
    assert (event.kind, event.reason) == (kind, "because")
    assert visitor.said == []
    visitor.close()


def test_a_dead_letter_is_mended_and_another_dropped(browser: Browser) -> None:
    """The page shows what was changed before it is sent."""
    world = World(now_ms=int(time.time() * 1000))
    with served(world) as address:
        visitor = Visitor(browser, address, SIZES[0])
        visitor.sign_in()
        page = visitor.open("/dead-letters")
        page.locator("main tbody th a").nth(1).click()
        page.get_by_label("Mend it here").fill('{"dataset": "ecommerce"}')
        page.get_by_role("button", name="Replay…").click()
        assert '+{"dataset": "ecommerce"}' in page.locator(".diff").inner_text()
        page.get_by_role("button", name="Replay", exact=True).click()
        page.wait_for_url("**/dead-letters/*")
        assert [message.value for message in world.publisher.messages] == [b'{"dataset": "ecommerce"}']
        page = visitor.open("/dead-letters")
        page.locator("main tbody th a").first.click()
        page.get_by_label("Reason").fill("noise")
        page.get_by_role("button", name="Drop…").click()
        page.get_by_role("button", name="Drop", exact=True).click()
        page.wait_for_url("**/dead-letters/*")
        outcomes = [(one.outcome, one.reason) for one in world.publisher.events if isinstance(one, DeadLetterSettled)]
        assert outcomes == [("replayed", ""), ("dropped", "noise")]
        visitor.close()


def test_nothing_hostile_runs_or_moves_the_page(browser: Browser) -> None:
    """Every page with hostile texts in every field: no script of theirs, no request elsewhere, nothing wider."""
    texts = cycle(HOSTILE)
    world = World(text=lambda _: next(texts), now_ms=int(time.time() * 1000))
    with served(world) as address:
        visitor = Visitor(browser, address, SIZES[1])
        asked: list[str] = []
        visitor.page.on("request", lambda request: asked.append(request.url))
        visitor.page.add_init_script("window.ran = (n) => console.error('ran', n)")
        visitor.sign_in()
        for name, path in pages(world).items():
            page = visitor.open(path)
            assert (name, visitor.said, page.evaluate(TOO_WIDE)) == (name, [], [])
        assert [url for url in asked if not url.startswith(address)] == []
        visitor.close()
