"""The console's pages over hand-made states: what they show, also where there is nothing or everything is hostile."""

import re
from collections.abc import Iterator
from itertools import cycle
from urllib.parse import quote

import pytest
from console_world import NOW_MS, World
from hostile_texts import HOSTILE
from parsed_page import Parsed
from starlette.testclient import TestClient

from console.pages.read import waterfall
from console.records import RunLine, RunPage, StageLine
from tidemark.events import AlertRaised

READ = (
    "/",
    "/runs",
    "/alerts",
    "/dead-letters",
    "/rows",
    "/reconciliation",
    "/quality",
    "/lineage",
    "/audit",
    "/kpis",
    "/costs",
    "/actions",
    "/sign-in",
)
PARTS = (
    "/part/rows?only=held",
    "/part/rows?only=quarantined",
    "/part/rows?table=orders&kind=quarantined",
    "/part/lineage",
    "/part/audit",
    "/part/costs",
    "/part/kpis",
    "/part/reconciliation",
)
UNPRINTED = re.compile(
    r"[^\n\t\x20-\x7e\u00a0-\U0010ffff]|[\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)


def client(world: World) -> TestClient:
    return TestClient(world.app, base_url="http://127.0.0.1", follow_redirects=False)


def every_address(world: World) -> Iterator[str]:
    yield from (*READ, *PARTS)
    yield from (f"/runs/{quote(run_id, safe='')}" for run_id in world.state.runs)
    yield from (f"/dead-letters/{quote(place, safe='')}" for place in world.state.dead_letters)
    yield from (f"/requests/{quote(request_id, safe='')}" for request_id in world.state.requests)


def test_every_page_has_a_title_one_heading_and_its_place_in_the_menu() -> None:
    """For a reader who cannot see it too."""
    asking = client(World())
    for path in READ:
        parsed = Parsed(asking.get(path).text)
        assert (path, parsed.tags.count("h1"), parsed.tags.count("main"), parsed.tags.count("title")) == (path, 1, 1, 1)
        assert sorted(parsed.ids) == sorted(set(parsed.ids)), path


def test_nothing_there_is_a_page_too() -> None:
    """Before the first event, every page says so."""
    asking = client(World(runs=0))
    assert {path: asking.get(path).status_code for path in READ} == dict.fromkeys(READ, 200)
    assert "No run has been made yet" in asking.get("/runs").text
    assert "Nothing has been compared yet" in asking.get("/reconciliation").text
    assert "No dead letter waits" in asking.get("/dead-letters").text
    assert "No alert is open" in asking.get("/alerts").text


def test_what_is_not_there_is_said_with_404() -> None:
    """A run, a letter, a page, a part."""
    asking = client(World())
    paths = (
        "/runs/none",
        "/runs/none/reconciliation",
        "/dead-letters/t/0/1",
        "/nothing/here",
        "/part/none",
        "/static/x/none.js",
    )
    assert [asking.get(path).status_code for path in paths] == [404] * len(paths)


def test_the_overview_tells_what_is_wrong_and_what_to_do() -> None:
    """The halted dataset with its reason and command, the working one without trouble."""
    text = client(World()).get("/").text
    assert "halted at loader with 1 event(s) parked: 3 rows of fct_orders have no customer" in text
    assert "<code>tidemark resume --dataset events</code>" in text
    assert "Nothing is wrong." in text


def test_the_overview_shows_the_gravest_and_folds_the_others() -> None:
    """Two of a dataset's troubles stand open, so that the newest runs are in view; all are on the page."""
    world = World()
    for number in range(4):
        told = {"incident": f"trouble {number}", "severity": "warning", "title": f"trouble {number}", "detail": "so"}
        world.tell(AlertRaised(dataset="ecommerce", raised_by="loader", **told), NOW_MS - number)
    text = client(world).get("/").text
    shown, folded = text.split('<details id="more-1"><summary>2 more</summary>')
    folded = folded[: folded.index("</details>")]
    assert [n for n in range(4) if f"trouble {n}:" in shown] == [0, 1]
    assert [n for n in range(4) if f"trouble {n}:" in folded] == [2, 3]


def test_a_run_tells_its_rows_its_trace_and_the_run_before() -> None:
    """Figures stand as the events say them."""
    text = client(World()).get("/runs/ecommerce-process-g0-00000000000c").text
    for expected in (
        "882",
        "/zipkin/traces/0af7651916cd43dd8448eb211c80319c",
        "ecommerce #11",
        "42 tests passed",
        "12.3 MB",
        "/runs/ecommerce-process-g0-00000000000c/reconciliation",
    ):
        assert expected in text
    assert "column colour was added" in client(World()).get("/runs/ecommerce-process-g0-000000000003").text


def test_times_are_relative_with_the_moment_in_their_title() -> None:
    """And machines find the moment."""
    text = client(World()).get("/alerts").text
    assert '<time datetime="2026-03-02T11:52:00Z" title="2026-03-02 11:52:00 UTC">8 min ago</time>' in text


def test_runs_turn_pages_and_are_filtered() -> None:
    """Unknown words filter nothing."""
    asking = client(World(runs=40))
    assert "1 to 50 of 82" in asking.get("/runs").text
    assert "51 to 82 of 82" in asking.get("/runs?offset=50").text
    assert "1 to 41 of 41" in asking.get("/runs?dataset=events&offset=x").text
    assert "No run fits" in asking.get("/runs?status=STALLED").text


def test_the_waterfall_holds_every_stage_within_the_runs_time() -> None:
    """Bars are thousandths of it; one at work reaches to now, one that waits has none."""
    line = RunLine(
        run_id="r",
        dataset="d",
        run_seq=1,
        kind="process",
        generation=0,
        status="",
        began_ms=0,
        ended_ms=None,
        seconds=None,
        committed_at_ms=0,
        rows=0,
        held=0,
        quarantined=0,
        requested_by="",
        trace_id=None,
    )
    stages = [
        StageLine(stage="a", state="done", start_ms=1000, end_ms=2000, seconds=1.0),
        StageLine(stage="b", state="done", start_ms=3000, end_ms=5000, seconds=2.0, waited_seconds=1.0),
        StageLine(stage="c", state="working", start_ms=5000),
        StageLine(stage="d", state="waiting"),
    ]
    span, bars = waterfall(RunPage(run=line, stages=stages), 11_000)
    assert span == {"from_ms": 1000, "to_ms": 11_000}
    assert [bar and tuple(bar) for bar in bars] == [(0, 100, 0), (200, 200, 100), (400, 600, 0), None]


def test_the_command_lines_answers_come_into_the_page() -> None:
    """First a place that asks for it, then, once it is kept, the answer itself."""
    world = World()
    asking = client(world)
    assert 'hx-get="/part/audit?dataset=&amp;words="' in asking.get("/audit").text
    assert "870 rows of 2 files" in asking.get("/part/audit").text
    assert "870 rows of 2 files" in asking.get("/audit").text
    assert world.asked == [("audit", "--json", "--limit=500")]


def test_a_command_that_fails_says_so_on_the_page() -> None:
    """With its own words, and how to ask in the terminal."""
    world = World()
    world.answers["advise"] = (2, b"", b"Retryable: the warehouse is away")
    text = client(world).get("/part/costs").text
    assert "Retryable: the warehouse is away" in text
    assert "<code>tidemark advise</code>" in text
    world.answers["audit"] = (0, b"no json", b"")
    assert "cannot be read" in client(world).get("/part/audit").text


def test_words_of_the_address_reach_the_command_as_values_alone() -> None:
    """Whatever they hold, they are no options; what is no table or dataset is left out."""
    world = World()
    asking = client(world)
    asking.get("/part/audit", params={"words": "--export=/etc x", "dataset": "--help"})
    asking.get("/part/rows", params={"table": "--replay", "kind": "held", "only": "held"})
    assert world.asked == [("audit", "--json", "--limit=500", "--search=--export=/etc x"), ("held", "--json")]


def test_200_hostile_texts_in_every_field_stay_text() -> None:
    """No element, attribute or script comes of them on any page, and none holds a character that moves others."""
    plain = {path: _elements(client(World()).get(path).text) for path in every_address(World())}
    texts = cycle(HOSTILE)
    for _ in range(3):  # each text in several fields
        world = World(text=lambda _: next(texts))
        asking = client(world)
        for path in every_address(world):
            answer = asking.get(path)
            assert answer.status_code == 200, path
            parsed = Parsed(answer.text)
            assert [
                (path, script) for kind, script in parsed.scripts if kind != "application/json" and script.strip()
            ] == []
            assert UNPRINTED.findall(answer.text) == [], path
            if path in READ:
                assert _elements(answer.text) <= plain[path] | {"code"}, path
            assert "ran(" not in " ".join(re.findall(r"<[^<>]*>", re.sub(r"'[^']*'|\"[^\"]*\"", "", answer.text))), path


def _elements(text: str) -> set[str]:
    return set(Parsed(text).tags)


@pytest.mark.parametrize("offset", ["-1", "1e9", "９", "99999999999999", "<script>"])
def test_an_offset_that_is_none_is_the_beginning(offset: str) -> None:
    """The page is never an error."""
    assert client(World()).get("/runs", params={"offset": offset}).status_code == 200


def test_files_are_kept_by_their_content() -> None:
    """Each address carries the content's hash; the sums' files are served as they are."""
    asking = client(World())
    text = asking.get("/").text
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', text)
    assert len(addresses) > 8
    for address in addresses:
        answer = asking.get(address)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
    assert asking.get("/static/old/console.css").headers["Cache-Control"] == "no-cache"


def test_the_world_is_of_one_time() -> None:
    """What the samples are relative to."""
    assert World().now_ms == NOW_MS
