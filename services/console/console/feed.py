"""Who has a page open hears what changes: a Changed goes to every listener, at once and without waiting for any."""

import asyncio
from collections.abc import AsyncIterator

from console.records import Changed

MOST_WAITING = 1000


class Feed:
    """One loop, many listeners. A listener that does not keep up is told to read everything again (view `all`)."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[Changed]] = set()

    def tell(self, changed: Changed) -> None:
        """To every listener."""
        for queue in self._listeners:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(Changed(view="all", dataset="", key="", at_ms=changed.at_ms))
            else:
                queue.put_nowait(changed)

    async def listen(self) -> AsyncIterator[Changed]:
        """What changes from now on, until the listener goes."""
        queue: asyncio.Queue[Changed] = asyncio.Queue(MOST_WAITING)
        self._listeners.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.discard(queue)
