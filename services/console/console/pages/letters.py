"""The dead letters: those that wait, one whole with its history, and what becomes of it: replayed, mended, dropped."""

import asyncio
import difflib
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from console import views
from console.access.identity import User
from console.pages.forms import LONGEST_REASON, Form, allowed, done
from console.pages.site import Site
from console.pages.wording import editable
from tidemark.codec import decode
from tidemark.desk import replayed, settled
from tidemark.errors import DecodeError, Retryable
from tidemark.records import Message, Record


def listed(site: Site, request: Request) -> Response:
    """The dead letters: those that wait, and what became of the others."""
    found = views.letters(site.state)
    settled = sorted(
        (letter for letter in found if letter.settled), key=lambda line: -(line.settled.at_ms if line.settled else 0)
    )
    return site.shown(
        request, "letters.html.j2", live="dead-letters",
        open=[letter for letter in found if not letter.settled], settled=settled[:100],
    )  # fmt: skip


async def one(site: Site, request: Request) -> Response:
    """One dead letter, whole."""
    place, found = request.path_params["place"], None
    if place in site.state.dead_letters:
        try:
            record = await asyncio.to_thread(site.ports.record, place)
        except Retryable as error:
            return site.problem(request, 503, "The broker is away", str(error))
        found = views.letter(site.state, place, record)
    if found is None:
        return site.problem(request, 404, "No such dead letter", "None lies at this place.")
    history = sorted([*found.history, found.letter], key=lambda line: (line.at_ms, line.place))
    return site.shown(
        request, "letter.html.j2", live="dead-letters", page=found, history=history if found.history else [],
        shown_body=editable(found.body), body_rows=max(6, min(24, found.body.count("\n") + len(found.body) // 100 + 3)),
    )  # fmt: skip


async def confirm(site: Site, request: Request) -> Response:
    """What a replay or a drop of a dead letter will do; the form brings the mended body."""

    async def confirmed(user: User, form: Form) -> Response:
        record = await _record(site, request)
        if isinstance(record, Response):
            return record
        return _confirmation(site, request, record, form)

    return await allowed(site, request, confirmed)


def _confirmation(site: Site, request: Request, record: Record, form: Form, problem: str = "") -> Response:
    what, place, mended = form.get("what", ""), record.place, _mended(record, form)
    if what not in ("replay", "drop"):
        return site.problem(request, 400, "Not understood", "A dead letter is replayed or dropped.")
    message = replayed(record, mended)
    steps = _steps(what, message, mended)
    back = f"/dead-letters/{quote(place, safe='')}"
    return site.shown(
        request, "confirm.html.j2", 422 if problem else 200,
        title=f"{what.capitalize()} a dead letter", verb=what.capitalize(),
        steps=steps, problems=[], problem=problem, runs=[], command=f"tidemark {what} NUMBER", fields={"what": what},
        action=back, back=back, reason=form.get("reason", "")[:LONGEST_REASON], reason_needed=what == "drop",
        grave=what == "drop", body=None if mended is None else mended.decode(), differing=_differing(record, mended),
    )  # fmt: skip


def _steps(what: str, message: Message, mended: bytes | None) -> list[str]:
    if what == "drop":
        return [
            "The record stays where it lies, marked as dropped, with your name and the reason.",
            "Nothing is sent. If its dataset is halted on it, it stays so until somebody resumes it.",
        ]
    which = "The record" if mended is None else "The record with the mended body"
    where = f"`{message.topic}`, partition {message.partition}"
    steps = [f"{which} goes to {where}, with its key and headers; its stage reads it next."]
    try:
        event = decode(Record(message.topic, message.partition, 0, message.key, message.value, message.headers, 0))
        return [*steps, f"It can be read: {type(event).__name__} of {event.dataset}, `{event.event_id}`."]
    except DecodeError as error:
        return [*steps, f"It still cannot be read: {error}. It would be refused again."]


def _mended(record: Record, form: Form) -> bytes | None:
    """The body that the form brings, where it is another one; browsers write line breaks in two characters."""
    if "body" not in form:
        return None
    body = editable(form["body"].replace("\r\n", "\n"))
    old = editable((record.value or b"").decode("utf-8", "replace").replace("\r\n", "\n"))
    return None if body == old else body.encode()


def _differing(record: Record, mended: bytes | None) -> list[tuple[str, str]]:
    if mended is None:
        return []
    old, new = ((body or b"").decode("utf-8", "replace").splitlines() for body in (record.value, mended))
    marks = {"+": "added", "-": "removed", " ": "same", "?": "hint"}
    lines = difflib.unified_diff(list(old), list(new), lineterm="", n=3)
    return [(marks.get(line[:1], "hint"), line) for number, line in enumerate(lines) if number > 1]


async def settle(site: Site, request: Request) -> Response:
    """Send a dead letter back where it lay, or mark it dropped."""

    async def settling(user: User, form: Form) -> Response:
        record = await _record(site, request)
        if isinstance(record, Response):
            return record
        what, reason, mended = form.get("what"), form.get("reason", "").strip()[:LONGEST_REASON], _mended(record, form)
        address = f"/dead-letters/{quote(record.place, safe='')}"
        if what == "replay":
            event = settled(record, "replayed", user.asks_as, mended=mended is not None, reason=reason)
            return await done(site, request, address, messages=[replayed(record, mended)], events=[event])
        if what == "drop" and reason:
            return await done(site, request, address, events=[settled(record, "dropped", user.asks_as, reason=reason)])
        return _confirmation(site, request, record, form, "This needs a reason.")

    return await allowed(site, request, settling)


async def _record(site: Site, request: Request) -> Record | Response:
    place = request.path_params["place"]
    try:
        record = await asyncio.to_thread(site.ports.record, place) if place in site.state.dead_letters else None
    except Retryable as error:
        return site.problem(request, 503, "The broker is away", f"Nothing was done. {error}")
    if record is None:
        return site.problem(request, 404, "No such dead letter", "None lies at this place.")
    if place in site.state.settlements:
        return site.problem(request, 409, "It is settled", "Somebody has replayed or dropped it already.")
    return record
