"""The console of a running lab, and what a person does on its pages, each step to its end."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import httpx
from axe_playwright_python.sync_playwright import Axe
from chain_on_the_lab import Chain
from opened_page import SIZES
from playwright.sync_api import Browser, Page
from served_console import SERIOUS, Visitor

from tidemark import kafka
from tidemark.codec import encode
from tidemark.events import DEAD_LETTERS, RunRequested
from tidemark.records import Message
from tidemark_lab import lab

END_MS = 240_000
ASKED = "0b6c1a52-9f5e-4a53-8c2e-6d1f7f3a1c11"


@contextmanager
def signed_in(chain: Chain, browser: Browser) -> Iterator[Visitor]:
    """A browser that has signed in to this lab's console with the token that the lab has made."""
    address = lab.environment(chain.home)["TIDEMARK_CONSOLE_URL"]
    chain.wait_for(lambda: _caught_up(address), "the console has read the topics", 120)
    visitor = Visitor(browser, address, SIZES[0])
    visitor.sign_in((chain.home / "console.token").read_text().strip())
    yield visitor
    visitor.close()


def _caught_up(address: str) -> bool:
    try:
        found = httpx.get(f"{address}/api/overview", timeout=5).raise_for_status().json()
    except httpx.HTTPError:
        return False
    return found["behind"] == 0 and all(one["last_done"] for one in found["datasets"])


def mend_a_request(chain: Chain, visitor: Visitor) -> None:
    """A request with a mistyped kind is refused; mended on its page it becomes a run, which completes."""
    asked = RunRequested(dataset="events", request_id=ASKED, kind="maintain", requested_by="a script")
    message = encode(asked)
    mistyped = (message.value or b"").replace(b"maintain", b"maintian")
    kafka.send(chain.kafka, Message(message.topic, message.partition, message.key, mistyped, message.headers))
    chain.wait_for(lambda: any(mistyped == r.value for r in chain.records(DEAD_LETTERS)), "the dead letter", 60)
    place = next(record.place for record in chain.records(DEAD_LETTERS) if record.value == mistyped)
    page = visitor.open("/dead-letters")
    page.locator(f"a[href='/dead-letters/{quote(place, safe='')}']").click()
    body = page.get_by_label("Mend it here")
    body.fill(body.input_value().replace("maintian", "maintain"))
    page.get_by_label("Reason").fill("a typing mistake")
    page.get_by_role("button", name="Replay…").click()
    assert "It can be read: RunRequested of events" in page.locator(".will").inner_text()
    page.get_by_role("button", name="Replay", exact=True).click()
    page.get_by_text("by alice (console, token)").first.wait_for(timeout=30_000)
    visitor.open(f"/requests/{ASKED}")
    _see_the_run_end(page, "maintain")


def go_back_and_forward(chain: Chain, visitor: Visitor) -> None:
    """Roll back to an earlier run, ask for a run while the dataset is paused, resume: the run asked for completes."""
    target = [run for run in chain.runs_of("ecommerce") if run.reconciled][-2]
    page = visitor.open(f"/runs/{quote(target.run_id, safe='')}")
    page.get_by_role("button", name="Go back to this run").click()
    _confirm(page, "Roll back", "a bad delivery")
    _see_the_run_end(page, "rollback")
    chain.upstream("delta", "--rows", "200", wait=False)
    page = visitor.open("/actions")
    page.get_by_role("button", name="Run: ecommerce").click()
    assert "it waits for a resume" in page.locator(".will").inner_text()
    _confirm(page, "Run", "what came meanwhile")
    request = page.url
    page = visitor.open("/")
    page.get_by_role("button", name="Resume").click()
    _confirm(page, "Resume", "it is mended")
    page.goto(request)
    _see_the_run_end(page, "process")
    last = chain.runs_of("ecommerce")[-1]
    assert last.cut is not None
    assert last.cut.asked is not None
    assert (last.cut.asked.requested_by, last.cut.asked.reason) == ("alice (console, token)", "what came meanwhile")
    assert visitor.said == []


def read_every_page(visitor: Visitor, run_id: str) -> None:
    """On real data, with the real commands' answers: no problem, nothing said, no serious finding."""
    axe, run = Axe(), quote(run_id, safe="")
    visitor.page.set_default_timeout(120_000)
    paths = ("/", "/runs", f"/runs/{run}", "/alerts", "/dead-letters", "/rows", "/rows?table=orders&kind=quarantined",
             "/reconciliation", "/quality", "/lineage#marts.fct_orders.revenue", "/audit", "/kpis", "/costs",
             "/actions")  # fmt: skip
    for path in paths:
        page = visitor.open(path)
        found = axe.run(page).response["violations"]
        serious = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in SERIOUS]
        problems = page.locator("[role=alert]").all_inner_texts()
        assert (path, problems, visitor.said, serious) == (path, [], [], [])
    visitor.page.goto(f"{visitor.address}/runs/{run}/reconciliation")
    assert "Do the layers agree?" in visitor.page.locator("h1").inner_text()


def _confirm(page: Page, verb: str, reason: str) -> None:
    page.get_by_role("heading", name="What will happen").wait_for()
    page.get_by_label("Reason, for the audit").fill(reason)
    page.get_by_role("button", name=verb, exact=True).click()
    page.wait_for_url("**/requests/*")


def _see_the_run_end(page: Page, kind: str) -> None:
    """The request's page comes to show its run, and follows it to its end by itself."""
    page.locator("#content tbody tr", has_text=kind).get_by_text("CONVERGED").wait_for(timeout=END_MS)
