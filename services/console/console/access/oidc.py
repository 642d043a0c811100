"""Signing in by an OpenID Connect provider, by Authlib: code flow with PKCE, state and nonce; the id token is verified
against the provider's keys. Only imported where it is switched on.

A sign-in under way stands in a cookie of its own, which the provider's answer may bring (SameSite=Lax); the session
that comes of it is one that other sites cannot send (identity.py).
"""

from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth
from httpx2 import HTTPError
from joserfc.errors import JoseError
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, Router

from console.access.identity import Identity
from console.settings import AccessSettings
from tidemark import telemetry

log = telemetry.logger(__name__)
PATH = "/sign-in/oidc"
MINUTES = 10
# the provider says no, is away, vouches for somebody else, or answers what is no answer
FAILURES = (OAuthError, HTTPError, JoseError, ValueError)
# The browser followed the provider here, so a redirect would not bring the session; a page of ours that moves on does.
MOVE_ON = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/"><title>Signed in</title>'


def mounted(settings: AccessSettings, identity: Identity) -> Mount:
    """Where a sign-in begins (`start`) and comes back to (`back`)."""
    secret = settings.console_oidc_secret
    issuer = (settings.console_oidc_issuer or "").rstrip("/")
    oauth = OAuth()
    oauth.register(
        "provider",
        client_id=settings.console_oidc_client,
        client_secret=secret.get_secret_value() if secret else None,
        server_metadata_url=f"{issuer}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256"},
    )

    async def start(request: Request) -> Response:
        base = (settings.console_url or f"http://{request.headers['host']}").rstrip("/")
        try:
            answer: Response = await oauth.provider.authorize_redirect(request, f"{base}{PATH}/back")
        except FAILURES as error:
            return _refused(f"The provider does not answer: {type(error).__name__}")
        return answer

    async def back(request: Request) -> Response:
        try:
            token = await oauth.provider.authorize_access_token(request)
        except FAILURES as error:
            return _refused(f"The provider's answer was not accepted: {type(error).__name__}")
        name = name_of(token.get("userinfo") or {})
        if not name:
            return _refused("The provider names nobody")
        response = HTMLResponse(MOVE_ON)
        identity.sign_in(response, name, "oidc")
        return response

    routes = [Route("/start", start), Route("/back", back)]
    app = SessionMiddleware(
        Router(routes), identity.key, "tidemark_sign_in", MINUTES * 60, PATH, "lax", https_only=settings.is_https
    )  # fmt: skip
    return Mount(PATH, app=app)


def name_of(claims: dict[str, object]) -> str:
    """The address, where the provider vouches for it; else its own, unchanging name for the user."""
    email, subject = claims.get("email"), claims.get("sub")
    if isinstance(email, str) and claims.get("email_verified") is True:
        return email
    return subject if isinstance(subject, str) else ""


def _refused(text: str) -> Response:
    log.warning("a sign-in was refused", extra={"reason": text})
    return RedirectResponse("/sign-in?refused=oidc", 303)
