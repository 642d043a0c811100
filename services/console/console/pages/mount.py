"""`mount(app, site)`: the pages' addresses on the application of api.py, and the guard before all of it."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from console.access import sign_in
from console.access.guard import App, Guard
from console.pages import acts, asked, forms, letters, live, read, static
from console.pages.site import Site

Page = Callable[[Site, Request], Response | Awaitable[Response]]
READ: dict[str, Page] = {
    "/": read.overview,
    "/runs": read.runs,
    "/runs/{run_id:path}/reconciliation": asked.report,
    "/runs/{run_id:path}": read.run,
    "/alerts": read.alerts,
    "/dead-letters": letters.listed,
    "/dead-letters/{place:path}": letters.one,
    "/rows": asked.rows,
    "/reconciliation": asked.reconciliation,
    "/quality": read.quality,
    "/lineage": asked.lineage_page,
    "/audit": asked.audit_page,
    "/kpis": asked.kpis_page,
    "/costs": asked.costs_page,
    "/actions": acts.overview,
    "/actions/confirm": acts.confirm,
    "/requests/{request_id:path}": acts.requested,
    "/part/{name}": asked.part,
    "/live": live.stream,
}
ACT: dict[str, Page] = {
    "/actions": acts.act,
    "/dead-letters/{place:path}/confirm": letters.confirm,
    "/dead-letters/{place:path}": letters.settle,
}


def mount(app: FastAPI, site: Site) -> App:
    """The whole application; it starts nothing and listens nowhere."""
    routes: list[BaseRoute] = [Route("/static/{mark}/{name}", static.serve)]
    routes += _sign_in(site)
    routes += [Route(path, _bound(site, page)) for path, page in READ.items()]
    routes += [Route(path, _bound(site, page), methods=["POST"]) for path, page in ACT.items()]
    routes.append(Route("/{path:path}", _bound(site, _nothing)))
    app.router.routes.extend(routes)
    return Guard(app, site.settings, site.identity)


def _bound(site: Site, page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        found = page(site, request)
        return found if isinstance(found, Response) else await found

    return endpoint


def _nothing(site: Site, request: Request) -> Response:
    return site.problem(request, 404, "No such page", "The address may be mistyped.")


def _sign_in(site: Site) -> list[BaseRoute]:
    def show(request: Request, status: int = 200, problem: str = "", name: str = "") -> Response:
        ways, provider = site.settings.ways_in, site.settings.console_oidc_issuer
        return site.shown(request, "sign_in.html.j2", status, ways=ways, problem=problem, name=name, provider=provider)

    async def page(request: Request) -> Response:
        refused = "The provider did not let you in; the console's log says why." if request.query_params else ""
        return show(request, problem=refused)

    async def enter(request: Request) -> Response:
        return sign_in.token_given(request, await forms.read_form(request), site.settings, site.identity, show)

    async def leave(request: Request) -> Response:
        return sign_in.signed_out(request, await forms.read_form(request), site.identity)

    routes: list[BaseRoute] = [Route("/sign-in", page), Route("/sign-in", enter, methods=["POST"])]
    routes.append(Route("/sign-out", leave, methods=["POST"]))
    if "oidc" in site.settings.ways_in:
        # here, because the provider's client would make the console larger for all who do without
        from console.access.oidc import mounted

        routes.append(mounted(site.settings, site.identity))
    return routes
