"""The watch at work: what waits for the stages is asked, and what is due is said, every few seconds.

Nothing is said before everything that was written has been read: what the alert topic holds decides what is news.
"""

import asyncio
from functools import partial

from console import kafka_reading
from console.ports import Ports
from console.records import Changed
from console.settings import ConsoleSettings
from console.stream import Console
from console.watch import conditions, due, unsure
from tidemark import telemetry
from tidemark.errors import Retryable
from tidemark.lag import Waiting
from tidemark.tables import registry

log = telemetry.logger(__name__)
EVERY_SECONDS = 15.0


async def watch(settings: ConsoleSettings, console: Console, ports: Ports) -> None:
    """Until cancelled. A broker that is away is asked again the next time."""
    waiting = await asyncio.to_thread(Waiting, settings)
    while True:
        try:
            await _look(settings, console, ports, waiting)
        except Retryable as error:
            log.warning("the watch could not ask or tell: %s", error)
        await asyncio.sleep(EVERY_SECONDS)


async def _look(settings: ConsoleSettings, console: Console, ports: Ports, waiting: Waiting) -> None:
    state = console.state
    state.lag.samples.append((ports.now_ms(), await asyncio.to_thread(kafka_reading.lag, waiting)))
    console.feed.tell(Changed(view="lag", dataset="", key="", at_ms=ports.now_ms()))
    if console.behind() != 0:
        return
    found = conditions(state, settings, registry(), ports.now_ms())
    for alert in due(state, found, unsure(state, settings)):
        await asyncio.to_thread(partial(kafka_reading.tell, settings, alert))
        log.info("said", extra={"incident": alert.incident, "resolved": alert.resolved})
