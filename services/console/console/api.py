"""`create(state, settings, ports) -> app`: the JSON API, described at /api/openapi.json, and where the pages hang.

Every answer is a record of records.py, made anew from the State at each request. Nothing here changes anything. Pages
are mounted by `pages.mount(app, ...)`. To add an answer: a view, a line in ANSWERS, a route.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, HTTPException, Query
from fastapi.responses import PlainTextResponse
from sse_starlette import EventSourceResponse, ServerSentEvent

from console import records, views
from console.openapi import Answer, answered, describe
from console.ports import Ports
from console.settings import ConsoleSettings
from console.state import State
from tidemark.errors import Retryable
from tidemark.tables import registry

ANSWERS: list[Any] = [
    records.Overview,
    records.Runs,
    records.RunPage,
    list[records.LetterLine],
    records.LetterPage,
    records.Alerts,
    list[records.PairPage],
    list[records.QualityRule],
    list[records.Hour],
    list[records.LagLine],
    records.Changed,
]
PING_SECONDS = 15
Dataset = Annotated[str | None, Query(description="Only this dataset.")]


def create(state: State, settings: ConsoleSettings, ports: Ports | None = None) -> FastAPI:
    """The application; it starts nothing and listens nowhere."""
    ports = ports or Ports()
    app = FastAPI(
        title="tidemark console",
        version="1",
        description="How the chain stands, read from its topics. Times are epoch milliseconds, durations seconds.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        default_response_class=Answer,
    )
    describe(app, ANSWERS)
    _overviews(app, state, settings, ports)
    _details(app, state, settings, ports)
    _live(app, state, ports)
    return app


def _overviews(app: FastAPI, state: State, settings: ConsoleSettings, ports: Ports) -> None:
    @app.get("/api/overview", responses=answered(records.Overview, "How each dataset is"))
    async def overview() -> Answer:
        return Answer(views.overview(state, ports.now_ms()))

    @app.get("/api/alerts", responses=answered(records.Alerts, "Incidents, open and over"))
    async def alerts(dataset: Dataset = None) -> Answer:
        return Answer(views.alerts(state, _known(dataset)))

    @app.get("/api/reconciliation", responses=answered(list[records.PairPage], "How the layers agree, per pair"))
    async def reconciliation(dataset: Dataset = None) -> Answer:
        return Answer(views.reconciliation(state, _known(dataset)))

    @app.get("/api/quality", responses=answered(list[records.QualityRule], "Each rule over the newest runs"))
    async def quality(dataset: Dataset = None) -> Answer:
        return Answer(views.quality(state, _known(dataset)))

    @app.get("/api/hours", responses=answered(list[records.Hour], "Runs, rows and seconds per stage per hour"))
    async def hours(
        dataset: Dataset = None, back: Annotated[int, Query(ge=1, le=24 * 31, description="Hours.")] = 24
    ) -> Answer:
        return Answer(views.hours(state, ports.now_ms(), back, _known(dataset)))

    @app.get("/api/lag", responses=answered(list[records.LagLine], "Records that wait for each stage"))
    async def lag() -> Answer:
        return Answer(views.lag(state))


def _details(app: FastAPI, state: State, settings: ConsoleSettings, ports: Ports) -> None:
    @app.get("/api/runs", responses=answered(records.Runs, "Runs, the newest first"))
    async def runs(
        dataset: Dataset = None,
        status: Annotated[str | None, Query(description="What the status begins with: failed, at, DIVERGED.")] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> Answer:
        return Answer(views.runs(state, _known(dataset), status, limit, offset))

    @app.get("/api/runs/{run_id}", responses=answered(records.RunPage, "One run, whole"))
    async def run(run_id: str) -> Answer:
        return _found(views.run(state, run_id, settings.trace_page), f"no run {run_id} is known")

    @app.get("/api/dead-letters", responses=answered(list[records.LetterLine], "What was refused, the newest first"))
    async def letters(dataset: Dataset = None) -> Answer:
        return Answer(views.letters(state, _known(dataset)))

    @app.get("/api/dead-letters/{place:path}", responses=answered(records.LetterPage, "One dead letter, whole"))
    async def letter(place: str) -> Answer:
        if place not in state.dead_letters:
            raise HTTPException(404, f"no dead letter {place} is known")
        try:
            record = await asyncio.to_thread(ports.record, place)
        except Retryable as error:
            raise HTTPException(503, str(error)) from error
        return _found(views.letter(state, place, record), f"no dead letter {place} is known")


def _live(app: FastAPI, state: State, ports: Ports) -> None:
    @app.get("/api/ready", include_in_schema=False)
    async def ready() -> PlainTextResponse:
        known = state.behind is not None
        return PlainTextResponse("ready\n" if known else "not ready\n", status_code=200 if known else 503)

    async def events() -> AsyncIterator[ServerSentEvent]:
        async for changed in ports.feed.listen():
            yield ServerSentEvent(data=msgspec.json.encode(changed).decode(), event="changed")

    said = {"description": "Server-sent events `changed`, each a Changed as JSON", "content": {"text/event-stream": {}}}

    @app.get("/api/changes", response_class=EventSourceResponse, responses={200: said})
    async def changes() -> EventSourceResponse:
        return EventSourceResponse(events(), ping=PING_SECONDS)


def _known(dataset: str | None) -> str | None:
    if dataset is not None and dataset not in registry().datasets:
        raise HTTPException(404, f"the registry knows no dataset {dataset}")
    return dataset


def _found(record: records.Record | None, otherwise: str) -> Answer:
    if record is None:
        raise HTTPException(404, otherwise)
    return Answer(record)
