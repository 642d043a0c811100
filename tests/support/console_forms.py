"""A browser's part without a browser: signing in, and sending a page's own form."""

from typing import Any

from console_world import TOKEN, World
from parsed_form import Form
from starlette.testclient import TestClient

HERE = "http://127.0.0.1"
OURS = {"Origin": HERE, "Sec-Fetch-Site": "same-origin"}


def client(world: World, signed_in: bool = False, peer: str = "127.0.0.1") -> TestClient:
    """Somebody with a browser, signed in by token or not."""
    made = TestClient(world.app, base_url=HERE, follow_redirects=False, client=(peer, 50_000))
    if signed_in:
        answer = made.post("/sign-in", data={"name": "alice", "token": TOKEN}, headers=OURS)
        assert answer.status_code == 303
    return made


def form_of(browser: TestClient, path: str, action: str) -> dict[str, str]:
    """The fields of a page's form as they stand there."""
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    return Form(answer.text, action).fields


def send(browser: TestClient, action: str, fields: dict[str, str], **headers: str) -> Any:
    """The form, sent from a page of ours."""
    return browser.post(action, data=fields, headers=OURS | headers)
