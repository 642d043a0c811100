"""Signing in with an OpenID Connect provider that really answers: who is let in, under which name, and who is not."""

import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from console_world import World
from joserfc.jwk import RSAKey
from oidc_provider import Provider
from served_console import listening, served

pytestmark = pytest.mark.lab
ACTION = "/actions/confirm?kind=process&dataset=ecommerce"


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    with listening(made.app) as made.issuer:
        yield made


def signed_in(provider: Provider, **more: Any) -> tuple[httpx.Client, httpx.Response]:
    """A browser's way through the provider and back; its last answer."""
    world = World(
        console_token=None, console_oidc_issuer=provider.issuer, console_oidc_client="tidemark",
        console_oidc_secret="the-secret", **more,
    )  # fmt: skip
    with served(world) as address, httpx.Client(base_url=address, timeout=20) as browser:
        begun = browser.get("/sign-in/oidc/start")
        assert begun.status_code == 302, begun.text
        answer = browser.get(browser.get(begun.headers["Location"]).headers["Location"])
        answer.extensions["action"] = browser.get(ACTION)
        return browser, answer


def test_whom_the_provider_vouches_for_may_act_under_their_address(provider: Provider) -> None:
    """By code with PKCE, state and nonce; the session that comes of it is one that no other site can send."""
    provider.claims = {"email": "bob@shop.example", "email_verified": True}
    _, answer = signed_in(provider)
    assert answer.status_code == 200
    assert "bob@shop.example (console, oidc)" in answer.extensions["action"].text
    session = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("tidemark_session="))
    assert "samesite=strict" in session.lower()
    assert "httponly" in session.lower()
    assert provider.asked["code_challenge_method"] == "S256"
    assert {"code_verifier", "state", "nonce"} <= set(provider.asked)


@pytest.mark.parametrize(
    "claims", [{"email": "boss@shop.example"}, {"email": "boss@shop.example", "email_verified": False}, {}]
)
def test_an_address_that_nobody_vouches_for_is_no_name(provider: Provider, claims: dict[str, Any]) -> None:
    """It could be anybody's: the user is known by the provider's own name, and may not act as that address may."""
    provider.claims = claims
    _, answer = signed_in(provider, console_actors="boss@shop.example")
    assert answer.extensions["action"].status_code == 403
    assert "u-17" in answer.extensions["action"].text


@pytest.mark.parametrize(
    "claims", [{"nonce": "another"}, {"aud": "somebody-else"}, {"iss": "https://evil.example"}, {"exp": 1}], ids=str
)
def test_a_token_that_is_not_for_this_sign_in_lets_nobody_in(provider: Provider, claims: dict[str, Any]) -> None:
    """Of another sign-in, client or provider, or out of date."""
    provider.claims = claims
    _, answer = signed_in(provider)
    assert answer.headers["Location"] == "/sign-in?refused=oidc"
    assert answer.extensions["action"].status_code == 401


def test_a_token_signed_by_another_key_lets_nobody_in(provider: Provider) -> None:
    """Only the keys that the provider tells count."""
    provider.key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})
    _, answer = signed_in(provider)
    assert answer.headers["Location"] == "/sign-in?refused=oidc"
    assert answer.extensions["action"].status_code == 401


def test_an_answer_to_nobodys_question_lets_nobody_in(provider: Provider) -> None:
    """Without the cookie of the sign-in's beginning, a code is worth nothing (sign-in CSRF)."""
    world = World(
        console_token=None, console_oidc_issuer=provider.issuer, console_oidc_client="tidemark", console_oidc_secret="x"
    )
    with served(world) as address, httpx.Client(base_url=address, timeout=20) as browser:
        answer = browser.get("/sign-in/oidc/back?code=the-code&state=guessed")
        assert answer.headers["Location"] == "/sign-in?refused=oidc"
        assert browser.get(ACTION).status_code == 401


def test_a_provider_that_is_away_is_said() -> None:
    """The page comes again and says so."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        issuer = f"http://127.0.0.1:{probe.getsockname()[1]}"
    world = World(
        console_token=None, console_oidc_issuer=issuer, console_oidc_client="tidemark", console_oidc_secret="x"
    )
    with served(world) as address, httpx.Client(base_url=address, timeout=20, follow_redirects=True) as browser:
        assert "did not let you in" in browser.get("/sign-in/oidc/start").text
