"""What every page that acts goes through: who may, the form's token, and publishing.

No POST without a signed-in user who may act and their form's token; guard.py has turned away other sites before.
"""

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from console.access.identity import User
from console.pages.site import Site
from tidemark.errors import Retryable
from tidemark.events import Event
from tidemark.records import Message

Form = dict[str, str]
LONGEST_REASON = 500
MOST_FIELDS = 20
SEE_OTHER = 303


async def allowed(site: Site, request: Request, then: Callable[[User, Form], Awaitable[Response]]) -> Response:
    """Go on for a user who may act, with the form, if it is theirs."""
    user = site.user(request)
    if user is None or not user.may_act:
        return refused(site, request, user)
    form = await read_form(request)
    if not site.identity.is_form_of(user, form.get("form_token", "")):
        return site.problem(request, 403, "Not done", "The form is not of this sign-in; open it again.")
    return await then(user, form)


def refused(site: Site, request: Request, user: User | None) -> Response:
    if user is None and site.settings.ways_in:
        return site.problem(request, 401, "Sign in first", "Nothing was done: only who has signed in may act.")
    text = (
        "Your sign-in may look, not act."
        if user
        else "The console is read-only: no way to sign in has been switched on."
    )
    return site.problem(request, 403, "Not allowed", f"Nothing was done. {text}")


async def read_form(request: Request) -> Form:
    """The form's fields; the last one of a name counts. Empty where it is no form."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {}
    try:
        body = (await request.body()).decode("ascii")
        return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="replace"))
    except ValueError:
        return {}


async def done(
    site: Site, request: Request, address: str, *, events: list[Event], messages: list[Message] | None = None
) -> Response:  # fmt: skip
    """Publish, then show what became of it."""

    def publish() -> None:
        for message in messages or []:
            site.publisher.send(message)
        for event in events:
            site.publisher.publish(event)

    try:
        await asyncio.to_thread(publish)
    except Retryable as error:
        return site.problem(request, 503, "Not published", f"The broker does not answer; try again. {error}")
    return RedirectResponse(address, SEE_OTHER)
