"""`/live?views=runs,run&key=...`: tells an open page by server-sent events that what it shows is old.

One word (`changed`) for all that happened in a moment: the page then reads itself again.
"""

import asyncio
from collections.abc import AsyncIterator

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response

from console.feed import Feed
from console.pages.site import Site
from console.records import Changed

MOMENT_SECONDS = 0.5
PING_SECONDS = 15


async def words(feed: Feed, views: frozenset[str], key: str, moment: float = MOMENT_SECONDS) -> AsyncIterator[str]:
    """`changed`, at most once a moment, for changes of these views (of this key, if one is given)."""
    woken = asyncio.Event()

    async def hear() -> None:
        async for changed in feed.listen():
            if _concerns(changed, views, key):
                woken.set()

    hearing = asyncio.create_task(hear())
    try:
        while True:
            await woken.wait()
            await asyncio.sleep(moment)
            woken.clear()
            yield "changed"
    finally:
        hearing.cancel()


def _concerns(changed: Changed, views: frozenset[str], key: str) -> bool:
    return changed.view == "all" or (changed.view in views and key in ("", changed.key))


def stream(site: Site, request: Request) -> Response:
    """The stream of one page."""
    views = frozenset(request.query_params.get("views", "").split(","))
    key = request.query_params.get("key", "")

    async def events() -> AsyncIterator[ServerSentEvent]:
        async for word in words(site.ports.feed, views, key):
            yield ServerSentEvent(data="", event=word)

    return EventSourceResponse(events(), ping=PING_SECONDS)
