"""Every action: told before it is done, published once as the command line publishes it, with who and why."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from console_forms import client, form_of, send
from console_world import NOW_MS, World, lake
from hostile_texts import HOSTILE
from markupsafe import escape
from parsed_form import Form

from console.acting import TITLES, Wish, preview
from console.pages.wording import editable
from tidemark.codec import encode
from tidemark.errors import Retryable
from tidemark.events import AlertRaised, DeadLetterSettled, LakeCurated, RunRequested, Selection
from tidemark.records import Message

TARGET = "ecommerce-process-g0-00000000000a"
WISHES = {
    "process": {},
    "rebuild": {},
    "rollback": {"to_run_id": TARGET},
    "resume": {},
    "maintain": {},
    "replay": {"table": "orders", "rule": "total_not_negative"},
    "drop": {"table": "orders", "key": "17"},
}


def confirmed(world: World, kind: str, **more: str) -> tuple[Any, dict[str, str]]:
    """A browser that has seen the confirmation, and its form."""
    browser = client(world, signed_in=True)
    query = "&".join(f"{name}={quote(value)}" for name, value in {"kind": kind, "dataset": "ecommerce", **more}.items())
    return browser, form_of(browser, f"/actions/confirm?{query}", "/actions")


@pytest.mark.parametrize("kind", WISHES)
def test_an_action_publishes_the_command_lines_event(kind: str) -> None:
    """With the user who asked, and the reason; then the browser is led to what became of it."""
    world = World()
    browser, form = confirmed(world, kind, **WISHES[kind])
    answer = send(browser, "/actions", form | {"reason": "because"})
    selection = {
        "replay": Selection(table="orders", rule="total_not_negative"),
        "drop": Selection(table="orders", keys=["17"]),
    }
    expected = RunRequested(
        dataset="ecommerce",
        request_id=form["request_id"],
        kind=kind,
        requested_by="alice (console, token)",  # type: ignore[arg-type]
        to_run_id=TARGET if kind == "rollback" else None,
        selection=selection.get(kind),
        reason="because",
    )
    assert world.publisher.events == [expected]
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/requests/{form['request_id']}")


def test_a_form_sent_twice_is_one_request() -> None:
    """Both events have the same id, which the watcher knows."""
    world = World()
    browser, form = confirmed(world, "process")
    send(browser, "/actions", form)
    send(browser, "/actions", form)
    assert len({event.event_id for event in world.publisher.events}) == 1


@pytest.mark.parametrize("kind", WISHES)
def test_what_will_happen_stands_there_first(kind: str) -> None:
    """Sentences, and the same command in the terminal; looking publishes nothing."""
    world = World()
    wish = Wish(kind=kind, dataset="ecommerce", **WISHES[kind])
    told = preview(world.state, wish, NOW_MS)
    assert told.problems == []
    assert told.steps
    assert told.command.startswith("tidemark ")
    confirmed(world, kind, **WISHES[kind])
    assert world.publisher.events == []


def test_a_run_that_the_lake_never_published_cannot_be_gone_back_to() -> None:
    """There is no decision of it."""
    state = World().state
    wish = Wish(kind="rollback", dataset="ecommerce", to_run_id=TARGET)
    assert preview(state, wish, NOW_MS).problems == []
    del state.runs[TARGET].done[LakeCurated.stage]
    assert preview(state, wish, NOW_MS).problems == [
        "The lake has not published that run: there is nothing to go back to."
    ]


def test_a_rollback_names_the_runs_that_it_takes_back() -> None:
    """Those after the target, the newest first."""
    told = preview(World().state, Wish(kind="rollback", dataset="ecommerce", to_run_id=TARGET), NOW_MS)
    assert [run.run_seq for run in told.runs] == [13, 12, 11]
    assert "3 run(s) after it are taken back" in " ".join(told.steps)


def test_a_halted_dataset_says_that_a_run_waits_and_what_a_resume_brings_back() -> None:
    """A rebuild passes the halt and supersedes what is parked."""
    state = World().state
    steps = {
        kind: " ".join(preview(state, Wish(kind=kind, dataset="events"), NOW_MS).steps)
        for kind in ("process", "resume", "rebuild")
    }
    assert "events is held now" in steps["process"]
    assert "1 parked event(s) are tried again first" in steps["resume"]
    assert "1 parked event(s) are superseded" in steps["rebuild"]


@pytest.mark.parametrize(
    "wish",
    [
        {"kind": "destroy", "dataset": "ecommerce"},
        {"kind": "process", "dataset": "elsewhere"},
        {"kind": "rollback", "dataset": "ecommerce", "to_run_id": "none"},
        {"kind": "rollback", "dataset": "ecommerce", "to_run_id": "events-process-g0-00000000000a"},
        {"kind": "process", "dataset": "ecommerce", "to_run_id": TARGET},
        {"kind": "drop", "dataset": "events", "table": "orders"},
        {"kind": "replay", "dataset": "ecommerce", "table": ""},
        {"kind": "rebuild", "dataset": "ecommerce", "table": "orders"},
        *({"kind": text, "dataset": text, "table": text} for text in HOSTILE[:40]),
    ],
    ids=repr,
)
def test_what_cannot_be_is_neither_offered_nor_published(wish: dict[str, str]) -> None:
    """Whatever the address or the form says."""
    world = World()
    browser, form = confirmed(world, "process")
    assert (
        send(
            browser, "/actions", {"form_token": form["form_token"], "request_id": form["request_id"], **wish}
        ).status_code
        == 422
    )
    assert world.publisher.events == []


def test_rows_are_let_go_only_with_a_reason() -> None:
    """The form comes again and says so."""
    world = World()
    browser, form = confirmed(world, "drop", table="orders")
    answer = send(browser, "/actions", form | {"reason": "  "})
    assert (answer.status_code, "This needs a reason." in answer.text, world.publisher.events) == (422, True, [])


def test_a_request_without_an_id_of_ours_is_not_understood() -> None:
    """The id comes from the confirmation."""
    world = World()
    browser, form = confirmed(world, "process")
    assert send(browser, "/actions", form | {"request_id": "../x"}).status_code == 400
    assert world.publisher.events == []


def test_a_broker_that_is_away_is_said() -> None:
    """Nothing was done, and the page says so."""
    world = World()
    browser, form = confirmed(world, "process")

    def away(event: object) -> None:
        raise Retryable("no answer")

    world.publisher.publish = away  # type: ignore[method-assign]
    answer = send(browser, "/actions", form)
    assert (answer.status_code, "try again" in answer.text) == (503, True)


def test_a_request_is_followed_to_its_run_or_its_answer() -> None:
    """Not come back yet, waiting, a run, or why there is none."""
    world = World()
    browser = client(world)
    assert "has not come back" in browser.get("/requests/unknown").text
    waiting = "4a1e6b0e-8f0c-4f5c-9f6e-0d5f3c1b2a99"
    assert "has not made a run of it yet" in browser.get(f"/requests/{waiting}").text
    said = AlertRaised(
        dataset="ecommerce",
        incident=f"ecommerce/request/{waiting}",
        severity="info",
        title="Nothing new to process in ecommerce",
        detail="The source has no commit.",
        raised_by="ingest-watcher",
    )
    world.tell(said, NOW_MS)
    assert "No run was made: Nothing new to process in ecommerce" in browser.get(f"/requests/{waiting}").text
    asked = RunRequested(dataset="ecommerce", request_id="r8", kind="process", requested_by="x")
    world.tell(asked, NOW_MS)
    assert "ecommerce #8" in browser.get("/requests/r8").text


def test_every_action_of_the_page_is_explained() -> None:
    """Those of a dataset; rows and letters have theirs where they stand."""
    text = client(World(), signed_in=True).get("/actions").text
    assert [title for title, about in TITLES.values() if title not in text or str(escape(about)) not in text] == []


# ---- dead letters


def letter_of(world: World, containing: bytes) -> str:
    """The open letter whose body holds this."""
    open_ones = [place for place in world.state.dead_letters if place not in world.state.settlements]
    return next(place for place in open_ones if containing in (world.records[place].value or b""))


def asked_for(world: World, place: str, **fields: str) -> tuple[Any, dict[str, str]]:
    """The confirmation's form after the letter's own."""
    browser, path = client(world, signed_in=True), f"/dead-letters/{quote(place, safe='')}"
    token = form_of(browser, path, f"{path}/confirm")["form_token"]
    answer = send(browser, f"{path}/confirm", {"form_token": token, **fields})
    return answer, Form(answer.text, path).fields


def original(world: World, place: str, body: bytes | None = None) -> Message:
    record = world.records[place]
    said = dict(record.headers)
    topic, partition, _ = (said["tidemark-place"] or b"").decode().rsplit("/", 2)
    headers = tuple((name, value) for name, value in record.headers if not name.startswith("tidemark-"))
    return Message(topic, int(partition), record.key, record.value if body is None else body, headers)


def test_a_letter_is_mended_and_goes_back_where_it_lay() -> None:
    """The page shows what was changed and whether it can be read now; topic, partition, key and headers stay."""
    world = World()
    place = letter_of(world, b"run_id")
    body = (encode(lake("ecommerce", 3)).value or b"").decode()
    answer, form = asked_for(world, place, what="replay", body=body, reason="typo")
    assert "It can be read: LakeCurated of ecommerce" in answer.text
    assert 'class="added"' in answer.text
    answer = send(client(world, signed_in=True), f"/dead-letters/{quote(place, safe='')}", form | {"form_token": "x"})
    assert (answer.status_code, world.publisher.messages) == (403, [])
    browser = client(world, signed_in=True)
    form["form_token"] = form_of(browser, "/actions/confirm?kind=process&dataset=ecommerce", "/actions")["form_token"]
    assert send(browser, f"/dead-letters/{quote(place, safe='')}", form).status_code == 303
    assert world.publisher.messages == [original(world, place, body.encode())]
    settled = DeadLetterSettled(
        dataset="ecommerce", place=place, outcome="replayed", by="alice (console, token)", mended=True, reason="typo"
    )
    assert world.publisher.events == [settled]
    assert json.loads(world.publisher.messages[0].value or b"")["run_id"] == lake("ecommerce", 3).run_id
    assert LakeCurated.topic == world.publisher.messages[0].topic


@pytest.mark.parametrize("containing", [b"run_id", b"no text"])
def test_a_letter_that_nobody_mended_goes_back_byte_for_byte(containing: bytes) -> None:
    """Also one that is no text, which no form brings back whole."""
    world = World()
    place = letter_of(world, containing)
    browser, path = client(world, signed_in=True), f"/dead-letters/{quote(place, safe='')}"
    fields = form_of(browser, path, f"{path}/confirm")
    if containing == b"no text":
        fields.pop("body")  # a browser sends no field that is disabled
    answer = send(browser, f"{path}/confirm", fields | {"what": "replay"})
    assert "still cannot be read" in answer.text
    assert send(browser, path, Form(answer.text, path).fields).status_code == 303
    assert world.publisher.messages == [original(world, place)]


def test_a_body_with_characters_that_do_not_print_is_not_changed_by_looking_at_it() -> None:
    """They stand in the form as JSON writes them; sent back as they came, the letter's bytes stay."""
    world = World()
    body = '{"dataset": "\u202e\x85\U000e0041\x00"}'.encode()
    place = world.letter(body, "hostile", NOW_MS)
    browser, path = client(world, signed_in=True), f"/dead-letters/{quote(place, safe='')}"
    fields = form_of(browser, path, f"{path}/confirm")
    assert json.loads(fields["body"]) == {"dataset": "\u202e\x85\U000e0041\x00"}
    answer = send(browser, f"{path}/confirm", fields | {"what": "replay"})
    send(browser, path, Form(answer.text, path).fields)
    assert world.publisher.messages == [original(world, place)]


def test_a_letter_is_dropped_only_with_a_reason_and_stays_told() -> None:
    """Nothing is sent; who and why stands with it."""
    world = World()
    place = letter_of(world, b"run_id")
    _, form = asked_for(world, place, what="drop")
    browser, path = client(world, signed_in=True), f"/dead-letters/{quote(place, safe='')}"
    form["form_token"] = form_of(browser, path, f"{path}/confirm")["form_token"]
    assert (send(browser, path, form).status_code, world.publisher.events) == (422, [])
    assert send(browser, path, form | {"reason": "noise"}).status_code == 303
    settled = DeadLetterSettled(
        dataset="ecommerce", place=place, outcome="dropped", by="alice (console, token)", reason="noise"
    )
    assert (world.publisher.events, world.publisher.messages) == ([settled], [])
    world.tell(settled, NOW_MS)
    assert "Dropped" in browser.get(path).text
    assert send(browser, path, form | {"reason": "again"}).status_code == 409


@pytest.mark.parametrize("text", ["plain", '{"a": 1}\n\t', "\x00\u202e\u2066😀\U000e0041"])
def test_an_editable_body_means_the_same_and_prints(text: str) -> None:
    """As a JSON string it reads as before."""
    shown = editable(json.dumps({"x": text}, ensure_ascii=False))
    assert json.loads(shown) == {"x": text}
    assert shown.isprintable()
