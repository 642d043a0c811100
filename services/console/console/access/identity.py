"""Who asks: from the session cookie, or from a proxy that has been switched on as trusted.

A session is a signed text in a cookie that scripts cannot read and other sites cannot send. What a form must carry to
be believed (CSRF) is made from the session, or from the proxy's name for the user, by the same key.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Literal

import msgspec
from itsdangerous import BadSignature, URLSafeTimedSerializer
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from console.settings import AccessSettings

COOKIE = "tidemark_session"
LASTS_SECONDS = 12 * 3600
LONGEST_NAME = 120
Way = Literal["token", "oidc", "proxy"]


class User(Struct, frozen=True):
    """Somebody who has signed in. `session` tells two sessions of one person apart; `may_act`: look only, or more."""

    name: str
    way: Way
    session: str
    may_act: bool

    @property
    def asks_as(self) -> str:
        """As events and audit name them."""
        return f"{self.name} (console, {self.way})"


class Identity:
    """Makes sessions and knows them again."""

    def __init__(self, settings: AccessSettings) -> None:
        self._settings = settings
        given = settings.console_session_key
        self._key = given.get_secret_value() if given else secrets.token_urlsafe(32)
        self._signer = URLSafeTimedSerializer(self._key, salt="tidemark console session")

    @property
    def key(self) -> str:
        """What signs; a sign-in under way is kept with it too."""
        return self._key

    def sign_in(self, response: Response, name: str, way: Way) -> None:
        """Give the browser a session."""
        value = self._signer.dumps({"name": cleaned(name), "way": way, "session": secrets.token_urlsafe(16)})
        text = value if isinstance(value, str) else value.decode()
        response.set_cookie(
            COOKIE, text, max_age=LASTS_SECONDS, httponly=True, samesite="strict", secure=self._settings.is_https
        )  # fmt: skip

    def sign_out(self, response: Response) -> None:
        """Take it back."""
        response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=self._settings.is_https)

    def user(self, request: Request) -> User | None:
        """Who asks; None: nobody that is known."""
        return self._by_cookie(request.cookies) or self._by_proxy(request)

    def _by_cookie(self, cookies: Mapping[str, str]) -> User | None:
        try:
            said = msgspec.convert(self._signer.loads(cookies.get(COOKIE, ""), max_age=LASTS_SECONDS), _Session)
        except (BadSignature, msgspec.ValidationError):
            return None
        if said.way not in self._settings.ways_in:  # it has been switched off since
            return None
        return User(said.name, said.way, said.session, said.way == "token" or self._may_act(said.name))

    def _by_proxy(self, request: Request) -> User | None:
        header = self._settings.console_proxy_header
        if not header or request.client is None or request.client.host not in self._settings.proxies:
            return None
        said = request.headers.getlist(header)
        name = cleaned(said[0]) if len(said) == 1 else ""
        return User(name, "proxy", f"proxy/{name}", self._may_act(name)) if name else None

    def _may_act(self, name: str) -> bool:
        actors, mine = self._settings.actors, name.lower()
        return not actors or mine in actors or f"@{mine.rpartition('@')[2]}" in actors

    def form_token(self, user: User) -> str:
        """What a form of this user must bring back."""
        return hmac.new(self._key.encode(), f"form/{user.session}".encode(), hashlib.sha256).hexdigest()

    def is_form_of(self, user: User, token: str) -> bool:
        """Whether it did."""
        return hmac.compare_digest(self.form_token(user).encode(), token.encode())


class _Session(Struct, frozen=True):
    name: str
    way: Way
    session: str


def same_secret(given: str, wanted: str) -> bool:
    """Compared in the same time whatever is given, also in its length."""
    one, other = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (given, wanted))
    return hmac.compare_digest(one, other)


def cleaned(name: str) -> str:
    """A name without what does not print."""
    return "".join(c for c in name if c.isprintable()).strip()[:LONGEST_NAME]
