"""An OpenID Connect provider of a test: everybody who comes is let in, with the claims that the test has chosen."""

import time
from typing import Any
from urllib.parse import parse_qs, urlencode

from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route


class Provider:
    """`claims` go into the id token over the right ones; `key` signs it, `published` is what it tells others."""

    def __init__(self) -> None:
        self.issuer, self.claims = "", dict[str, Any]()
        self.published = self.key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})
        self.asked: dict[str, Any] = {}
        self.app = Starlette(routes=[
            Route("/.well-known/openid-configuration", self._configuration),
            Route("/authorize", self._authorize),
            Route("/token", self._token, methods=["POST"]),
            Route("/keys", self._keys),
        ])  # fmt: skip

    async def _configuration(self, request: Request) -> Response:
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        told = {name: f"{self.issuer}/{path}" for name, path in names.items()}
        return JSONResponse(told | {"issuer": self.issuer, "id_token_signing_alg_values_supported": ["RS256"]})

    async def _authorize(self, request: Request) -> Response:
        self.asked = dict(request.query_params)
        answer = urlencode({"code": "the-code", "state": self.asked["state"]})
        return RedirectResponse(f"{self.asked['redirect_uri']}?{answer}")

    async def _token(self, request: Request) -> Response:
        self.asked |= {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        now = int(time.time())
        right = {
            "iss": self.issuer,
            "aud": "tidemark",
            "sub": "u-17",
            "iat": now,
            "exp": now + 60,
            "nonce": self.asked["nonce"],
        }
        token = jwt.encode({"alg": "RS256", "kid": "1"}, right | self.claims, self.key)
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": token})

    async def _keys(self, request: Request) -> Response:
        return JSONResponse({"keys": [self.published.as_dict(private=False)]})
