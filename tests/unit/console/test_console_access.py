"""Who may look and who may act: no way in without the right, no request from elsewhere, no page in a foreign frame."""

from pathlib import Path

import pytest
from console_forms import HERE, OURS, client, form_of, send
from console_world import TOKEN, World
from parsed_form import Attributes
from pydantic import ValidationError
from starlette.testclient import TestClient

from console.access.guard import HEADERS
from console.access.identity import COOKIE, same_secret
from console.settings import AccessSettings

RUN = "/actions/confirm?kind=process&dataset=ecommerce"
ADDRESS = "https://console.example"


def letter_of(world: World) -> str:
    return next(place for place in world.state.dead_letters if place not in world.state.settlements)


def attempts(world: World) -> list[tuple[str, dict[str, str]]]:
    """Every address that acts, with what it would need."""
    wish = {"kind": "process", "dataset": "ecommerce", "request_id": "4a1e6b0e-8f0c-4f5c-9f6e-0d5f3c1b2a00"}
    letter = {"what": "drop", "reason": "because"}
    return [
        ("/actions", wish),
        (f"/dead-letters/{letter_of(world)}", letter),
        (f"/dead-letters/{letter_of(world)}/confirm", letter),
    ]


def nothing_happened(world: World) -> bool:
    return world.publisher.events == [] and world.publisher.messages == []


@pytest.mark.parametrize(
    "path", ["/", "/runs", "/sign-in", "/nothing", "/static/x/none.js", "/api/overview", "/actions"]
)
def test_every_answer_locks_the_browser(path: str) -> None:
    """No inline script or style, no foreign frame around it, no guessing of types, no address told to others."""
    headers = client(World()).get(path).headers
    assert {name: headers[name] for name in HEADERS} == HEADERS
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert (policy["default-src"], policy["frame-ancestors"], policy["base-uri"]) == ("'none'", "'none'", "'none'")
    assert "unsafe" not in headers["Content-Security-Policy"]


def test_no_page_has_script_or_style_in_its_markup() -> None:
    """What the policy forbids is not there either."""
    asking = client(World(), signed_in=True)
    for path in ("/", "/runs", "/kpis", "/part/kpis", "/part/lineage", "/actions", RUN, "/reconciliation"):
        found = Attributes(asking.get(path).text).found
        assert [tag for tag, names in found if tag == "style" or (tag == "script" and "src" not in names)] == [], path
        assert [name for _, names in found for name in names if name == "style" or name.startswith("on")] == [], path


def test_the_reconcilers_report_may_style_itself_and_nothing_else() -> None:
    """It is a written page of its own: no script, no frame around it."""
    world = World()
    world.answers["reconcile"] = (0, b"<!doctype html><style>p{}</style><script>ran()</script>", b"")
    answer = client(world).get("/runs/events-process-g0-00000000000c/reconciliation")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'; style-src 'unsafe-inline'" in policy
    assert "sandbox" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "console.example", "127.0.0.1@evil.example", "[::1"]
)
def test_another_name_for_this_machine_is_refused(host: str) -> None:
    """A foreign site whose name leads here (DNS rebinding) gets nothing, not even to look."""
    answer = client(World()).get("/", headers={"Host": host})
    assert answer.status_code == 421
    assert "tidemark" not in answer.text.lower().replace("tidemark_console_url", "")


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:9", "LOCALHOST:1"])
def test_this_machines_own_names_are_let_through(host: str) -> None:
    """With any port."""
    assert client(World()).get("/", headers={"Host": host}).status_code == 200


def test_read_only_by_default() -> None:
    """Without a way to sign in everything is to be seen and nothing can be done."""
    world = World(console_token=None)
    asking = client(world)
    assert asking.get("/").status_code == 200
    assert asking.get(RUN).status_code == 403
    for path, fields in attempts(world):
        assert send(asking, path, fields).status_code == 403
    assert nothing_happened(world)
    assert "read-only" in asking.get("/actions").text


def test_nobody_acts_without_signing_in() -> None:
    """Also not with a cookie that is not signed by this console."""
    world = World()
    for cookies in ({}, {COOKIE: "eyJuYW1lIjoiYWxpY2UifQ.x.y"}):
        asking = TestClient(world.app, base_url=HERE, cookies=cookies, follow_redirects=False)
        for path, fields in attempts(world):
            assert send(asking, path, fields).status_code == 401
    assert nothing_happened(world)


@pytest.mark.parametrize("token", ["", "x", "another-sessions-token"])
def test_nobody_acts_without_the_forms_token(token: str) -> None:
    """A form that was not made for this session is not believed (CSRF), signed in or not."""
    world = World()
    asking = client(world, signed_in=True)
    for path, fields in attempts(world):
        assert send(asking, path, fields | ({"form_token": token} if token else {})).status_code == 403
    assert nothing_happened(world)


def test_another_sessions_form_token_is_worth_nothing() -> None:
    """Two sessions of one person are two."""
    world = World()
    one, other = client(world, signed_in=True), client(world, signed_in=True)
    fields = form_of(one, RUN, "/actions")
    assert send(other, "/actions", fields).status_code == 403
    assert nothing_happened(world)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
        {"Origin": HERE, "Sec-Fetch-Site": "same-site"},
        {"Origin": "http://127.0.0.1.evil.example"},
        {},
    ],
    ids=str,
)
def test_a_form_from_another_site_is_refused(headers: dict[str, str]) -> None:
    """Even with the right cookie and form token, also for signing in and out."""
    world = World()
    asking = client(world, signed_in=True)
    fields = form_of(asking, RUN, "/actions")
    for path in ("/actions", "/sign-in", "/sign-out"):
        assert asking.post(path, data=fields, headers=headers).status_code == 403
    assert nothing_happened(world)


def test_the_session_cookie_is_not_for_scripts_or_other_sites() -> None:
    """HttpOnly, SameSite=Strict; Secure where the console is reached by https."""
    answer = TestClient(World().app, base_url=HERE, follow_redirects=False).post(
        "/sign-in", data={"name": "alice", "token": TOKEN}, headers=OURS
    )
    cookie = answer.headers["Set-Cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie
    world = World(console_url=ADDRESS)
    away = TestClient(world.app, base_url=ADDRESS, follow_redirects=False)
    answer = away.post(
        "/sign-in", data={"name": "alice", "token": TOKEN}, headers={"Origin": ADDRESS, "Sec-Fetch-Site": "same-origin"}
    )
    assert "secure" in answer.headers["Set-Cookie"].lower()
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize(
    ("token", "name", "status"),
    [("wrong", "a", 401), ("", "a", 401), (TOKEN + "x", "a", 401), (TOKEN, "\x00\u202e ", 422)],
)
def test_a_wrong_token_or_no_name_lets_nobody_in(token: str, name: str, status: int) -> None:
    """The name is for the audit."""
    answer = client(World()).post("/sign-in", data={"name": name, "token": token}, headers=OURS)
    assert (answer.status_code, answer.headers.get("Set-Cookie")) == (status, None)


def test_signing_out_takes_the_session_from_the_browser() -> None:
    """By the session's own form only."""
    asking = client(World(), signed_in=True)
    send(asking, "/sign-out", {"form_token": "x"})
    assert asking.get(RUN).status_code == 200
    send(asking, "/sign-out", form_of(asking, "/", "/sign-out"))
    assert asking.get(RUN).status_code == 401


def test_a_proxy_is_believed_only_where_it_is_switched_on_and_from_where() -> None:
    """The header alone makes nobody; two of them neither."""
    named = {"X-User": "bob@shop.example"}
    assert client(World()).get(RUN, headers=named).status_code == 401
    trusted = World(console_token=None, console_proxy_header="X-User", console_proxy_addresses="10.0.0.2, 10.0.0.1")
    asking = client(trusted, peer="10.0.0.1")
    assert "bob@shop.example (console, proxy)" in asking.get(RUN, headers=named).text
    assert asking.get(RUN, headers=[("X-User", "bob"), ("X-User", "eve")]).status_code == 401
    elsewhere = client(trusted, peer="10.0.0.9")
    assert elsewhere.get(RUN, headers=named).status_code == 401


def test_a_proxys_user_needs_a_form_token_too() -> None:
    """The proxy would add the name to a foreign form as well."""
    world = World(console_token=None, console_proxy_header="X-User", console_proxy_addresses="10.0.0.1")
    asking = client(world, peer="10.0.0.1")
    fields = {"kind": "process", "dataset": "ecommerce", "request_id": "4a1e6b0e-8f0c-4f5c-9f6e-0d5f3c1b2a00"}
    assert send(asking, "/actions", fields, **{"X-User": "bob"}).status_code == 403
    assert nothing_happened(world)


@pytest.mark.parametrize(
    ("name", "may"),
    [
        ("bob@shop.example", True),
        ("BOB@shop.example", True),
        ("eve@evil.example", False),
        ("carol@ops.example", True),
        ("shop.example", False),
    ],
)
def test_who_may_act_of_those_signed_in(name: str, may: bool) -> None:
    """By name or domain; the others look."""
    world = World(
        console_token=None, console_proxy_header="X-User", console_proxy_addresses="10.0.0.1",
        console_actors="bob@shop.example, @ops.example",
    )  # fmt: skip
    asking = client(world, peer="10.0.0.1")
    assert asking.get(RUN, headers={"X-User": name}).status_code == (200 if may else 403)
    assert ("looks only" in asking.get("/", headers={"X-User": name}).text) is not may


def test_beyond_this_machine_nobody_looks_without_signing_in() -> None:
    """Pages lead to the sign-in, data and streams are refused; what the sign-in itself needs is there."""
    world = World(console_url=ADDRESS)
    asking = TestClient(world.app, base_url=ADDRESS, follow_redirects=False)
    assert (asking.get("/").status_code, asking.get("/").headers["Location"]) == (303, "/sign-in")
    assert [asking.get(path).status_code for path in ("/api/overview", "/live", "/part/audit")] == [401, 401, 401]
    assert asking.get("/sign-in").status_code == 200
    assert asking.get("/static/x/console.css").status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"console_token": "short"},
        {"console_host": "0.0.0.0"},  # noqa: S104 - it is refused
        {"console_url": ADDRESS},
        {"console_oidc_issuer": "https://idp.example"},
        {"console_proxy_header": "X-User", "console_proxy_addresses": "somewhere"},
    ],
    ids=str,
)
def test_settings_that_would_leave_a_door_open_are_refused(wrong: dict[str, str]) -> None:
    """Before anything listens."""
    with pytest.raises(ValidationError):
        AccessSettings(**wrong)  # type: ignore[arg-type]


def test_a_token_may_stand_in_a_file(tmp_path: Path) -> None:
    """As the lab and mounted Secrets have it; a file that cannot be read is said before anything listens."""
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    world = World(console_token=None, console_token_file=file)
    assert client(world, signed_in=True).get(RUN).status_code == 200
    with pytest.raises(ValidationError, match="cannot be read"):
        AccessSettings(console_token_file=tmp_path / "none")


def test_a_form_has_a_length_and_an_end() -> None:
    """What is endless is not read."""
    asking = client(World(), signed_in=True)
    assert asking.post("/actions", content=b"x" * 2_100_000, headers=OURS).status_code == 413
    assert asking.post("/actions", content=iter([b"x"]), headers=OURS).status_code == 413
    many = "&".join(f"f{n}=x" for n in range(100))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert asking.post("/actions", content=many, headers=OURS | form).status_code == 403


def test_secrets_are_compared_whole() -> None:
    """Also where somebody sends what is no text."""
    assert same_secret("abc", "abc")
    assert not same_secret("ab\udcff", "abc")
    assert not same_secret("", "abc")
