"""What stands before every request: a Host that is ours, an origin that is ours for what changes something, a body that
is not endless; and after it the headers that keep a browser from doing what no page of ours wants."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from console.access.identity import Identity
from console.settings import AccessSettings

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_BYTES = 2_000_000
OPEN = ("/static/", "/sign-in", "/api/ready")
READING = ("GET", "HEAD", "OPTIONS")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}


class Guard:
    """The outermost layer of the application. An answer that sets one of HEADERS itself keeps it."""

    def __init__(self, app: App, settings: AccessSettings, identity: Identity) -> None:
        self._app, self._settings, self._identity = app, settings, identity
        self._headers = dict(HEADERS)
        if settings.is_https:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # no websocket is ours

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        problem = refusal(scope["method"], Headers(scope=scope), self._settings)
        answer = PlainTextResponse(problem[1], problem[0]) if problem else self._unknown(Request(scope))
        await (answer or self._app)(scope, receive, sending)

    def _unknown(self, request: Request) -> Response | None:
        """Beyond this machine nobody looks without signing in; None: go on."""
        path = request.url.path
        if self._settings.is_local or path.startswith(OPEN) or self._identity.user(request):
            return None
        if path.startswith(("/api/", "/live", "/part/")) or request.method not in READING:
            return PlainTextResponse("Sign in first.", 401)
        return RedirectResponse("/sign-in", 303)


def refusal(method: str, headers: Headers, settings: AccessSettings) -> tuple[int, str] | None:
    """Why a request goes no further: status and sentence; None if it may."""
    host = headers.get("host", "")
    if _name(host) not in settings.hosts:
        return 421, "This console is not asked for under that name; TIDEMARK_CONSOLE_URL says under which it is."
    if method in READING:
        return None
    if not _is_ours(headers, host, settings):
        return 403, "The request comes from another site."
    length = headers.get("content-length")
    if length is None or not length.isdecimal() or int(length) > MOST_BYTES:
        return 413, f"A form has a length, and at most {MOST_BYTES:,} bytes."
    return None


def _is_ours(headers: Headers, host: str, settings: AccessSettings) -> bool:
    """Whether a request that changes something comes from a page of ours. Browsers say so; who does not is none."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        return False
    if origin is None:
        return site is not None
    allowed = {f"http://{host}", f"https://{host}"}
    return origin in ({settings.console_url.rstrip("/")} | allowed if settings.console_url else allowed)


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
