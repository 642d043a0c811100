"""What every page needs: the read side, who asks, and how an answer is made."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from console import views
from console.access.identity import Identity, User
from console.asking import Asker
from console.pages.render import page
from console.ports import Ports
from console.publishing import Publisher
from console.settings import ConsoleSettings
from console.state import State
from tidemark.tables import registry

DATASETS = tuple(registry().datasets)


@dataclass(frozen=True)
class Site:
    """All that the pages are made of."""

    state: State
    settings: ConsoleSettings
    ports: Ports
    identity: Identity
    asker: Asker
    publisher: Publisher

    def user(self, request: Request) -> User | None:
        """Who asks."""
        return self.identity.user(request)

    def shown(self, request: Request, template: str, status: int = 200, *, live: str = "", **values: Any) -> Response:
        """A whole page. `live`: the views after whose changes the page is read again, as the feed names them."""
        user, here = self.user(request), request.url.path
        letters = len(views.open_letters(self.state))
        alerts = len(views.open_alerts(self.state))
        text = page(
            template,
            now=self.ports.now_ms(),
            user=user,
            form_token=self.identity.form_token(user) if user else "",
            can_sign_in=bool(set(self.settings.ways_in) - {"proxy"}),
            menu=_menu(letters, alerts),
            here=f"/{here.split('/')[1]}",
            address=f"{here}?{request.url.query}" if request.url.query else here,
            live=live,
            letters=letters,
            datasets_known=DATASETS,
            **values,
        )
        return HTMLResponse(text, status)

    def problem(self, request: Request, status: int, title: str, text: str) -> Response:
        """A page that says why there is no other."""
        return self.shown(request, "problem.html.j2", status, title=title, text=text)


def _menu(letters: int, alerts: int) -> list[tuple[str, list[tuple[str, str, int, str]]]]:
    """The menu's groups: address, text, a number beside it, how that is to be seen."""
    return [
        ("Chain", [
            ("/", "Overview", 0, ""), ("/runs", "Runs", 0, ""), ("/alerts", "Alerts", alerts, "bad"),
            ("/dead-letters", "Dead letters", letters, "care"), ("/rows", "Held and quarantined", 0, ""),
        ]),
        ("Truth", [
            ("/reconciliation", "Reconciliation", 0, ""), ("/quality", "Quality", 0, ""),
            ("/lineage", "Lineage", 0, ""), ("/audit", "Audit", 0, ""),
        ]),
        ("Business", [("/kpis", "KPIs", 0, ""), ("/costs", "Costs and advice", 0, "")]),
        ("Act", [("/actions", "Actions", 0, "")]),
    ]  # fmt: skip


def word(request: Request | FormData, name: str, known: Callable[[str], bool] | None = None, longest: int = 500) -> str:
    """A word of the address or the form; empty where it is missing, too long, or not `known`."""
    given = request.query_params.get(name) if isinstance(request, Request) else request.get(name)
    text = given if isinstance(given, str) and len(given) <= longest else ""
    return text if not text or known is None or known(text) else ""
