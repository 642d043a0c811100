"""Signing in by token, and signing out."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from console.access.identity import Identity, cleaned, same_secret
from console.settings import AccessSettings

SEE_OTHER = 303
Show = Callable[[Request, int, str, str], Response]
Form = dict[str, str]


def token_given(
    request: Request, form: Form, settings: AccessSettings, identity: Identity, show: Show
) -> Response:  # fmt: skip
    """A session for whoever knows the token and says their name; the page again for who does not."""
    name, wanted = cleaned(form.get("name", "")), settings.token
    if wanted is None or not same_secret(form.get("token", ""), wanted):
        return show(request, 401, "That is not the token.", name)
    if not name:
        return show(request, 422, "Your name is needed, for the audit.", name)
    response = RedirectResponse("/", SEE_OTHER)
    identity.sign_in(response, name, "token")
    return response


def signed_out(request: Request, form: Form, identity: Identity) -> Response:
    """The session is over in this browser, if the form is of this session."""
    user = identity.user(request)
    response = RedirectResponse("/", SEE_OTHER)
    if user is not None and identity.is_form_of(user, form.get("form_token", "")):
        identity.sign_out(response)
    return response
