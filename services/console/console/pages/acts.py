"""The pages that act: what will happen stands on a page first (GET), then it is published (POST)."""

from typing import Any
from uuid import uuid4

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from console import views
from console.access.identity import User
from console.acting import GRAVE, NEEDS_REASON, TITLES, Wish, preview
from console.acting import request as asked
from console.pages.forms import LONGEST_REASON, Form, allowed, done, refused
from console.pages.site import DATASETS, Site, word
from tidemark.events import SnapshotCommitted

RECENT = 20


def overview(site: Site, request: Request) -> Response:
    """Every action of every dataset."""
    now = site.ports.now_ms()
    chosen = word(request, "dataset", lambda name: name in DATASETS)
    lines = [line for line in views.overview(site.state, now).datasets if chosen in ("", line.dataset)]
    targets = {
        name: [run for run in views.runs(site.state, name, None, 200).runs if run.ended_ms and run.kind != "maintain"]
        for name in DATASETS
    }
    requests = sorted(site.state.requests.values(), key=lambda one: -one.at_ms)[:RECENT]
    return site.shown(
        request, "actions.html.j2", datasets=lines, targets=targets, requests=requests,
        kinds=[(kind, *texts) for kind, texts in TITLES.items()],
    )  # fmt: skip


def confirm(site: Site, request: Request) -> Response:
    """What an action will do."""
    user = site.user(request)
    if user is None or not user.may_act:
        return refused(site, request, user)
    wish = _wish(dict(request.query_params))
    return _confirmation(site, request, wish, word(request, "reason"))


def _wish(form: Form) -> Wish:
    names = {field.name for field in msgspec.structs.fields(Wish)}
    return Wish(**{"kind": "", "dataset": ""} | {name: value for name, value in form.items() if name in names})


def _confirmation(site: Site, request: Request, wish: Wish, reason: str, problem: str = "") -> Response:
    told = preview(site.state, wish, site.ports.now_ms())
    fields = {"request_id": str(uuid4())} | {n: v for n, v in msgspec.structs.asdict(wish).items() if v}
    return site.shown(
        request, "confirm.html.j2", 422 if problem or told.problems else 200,
        title=told.title, verb=told.verb, steps=told.steps, problems=told.problems, problem=problem, runs=told.runs,
        command=told.command, fields=fields, action="/actions", back="/actions", reason=reason,
        reason_needed=wish.kind in NEEDS_REASON, grave=wish.kind in GRAVE, body=None, differing=[],
    )  # fmt: skip


async def act(site: Site, request: Request) -> Response:
    """Publish an action."""

    async def published(user: User, form: Form) -> Response:
        wish, reason = _wish(form), form.get("reason", "").strip()[:LONGEST_REASON]
        if preview(site.state, wish, site.ports.now_ms()).problems:
            return _confirmation(site, request, wish, reason)
        if wish.kind in NEEDS_REASON and not reason:
            return _confirmation(site, request, wish, reason, "This needs a reason.")
        try:
            event = asked(wish, form.get("request_id", ""), user.asks_as, reason)
        except ValueError:
            return site.problem(request, 400, "Not understood", "The form's request has no id; open it again.")
        return await done(site, request, f"/requests/{event.request_id}", events=[event])

    return await allowed(site, request, published)


def requested(site: Site, request: Request) -> Response:
    """What became of a request."""
    request_id = request.path_params["request_id"]
    found = site.state.requests.get(request_id)
    standing = None
    if found is not None:
        lines = views.overview(site.state, site.ports.now_ms()).datasets
        standing = next((line for line in lines if line.dataset == found.dataset), None)
    return site.shown(
        request, "request.html.j2", live="overview,runs,alerts", asked=found, request_id=request_id, standing=standing,
        run=_run_of(site, request_id),
        answer=site.state.alerts.get(f"{found.dataset}/request/{request_id}") if found else None,
    )  # fmt: skip


def _run_of(site: Site, request_id: str) -> Any:
    """The run that a request led to."""
    found = site.state.requests.get(request_id)
    if found is None or found.kind == "resume":
        return None
    for run in views.runs(site.state, found.dataset, None, 200).runs:
        body = site.state.receipts.get(f"{run.run_id}/{SnapshotCommitted.stage}")
        if body and request_id.encode() in body:
            cut = msgspec.json.decode(body, type=SnapshotCommitted)
            if cut.request_id == request_id:
                return run
    return None
