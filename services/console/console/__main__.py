"""`python -m console`: every topic in; pages, a JSON API and the watch's alerts out.

Faust, the web server and the watch share one loop. The port of health and metrics is another one, as every service's.
Exit codes: 0 stopped, 1 crashed (to be started again), 2 settings are missing or wrong.
"""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import uvicorn

from console import kafka_reading, watching
from console.access.identity import Identity
from console.api import create
from console.asking import Asker
from console.feed import Feed
from console.pages.mount import mount
from console.pages.site import Site
from console.ports import Ports
from console.publishing import KafkaPublisher
from console.quiet import hush
from console.settings import ConsoleSettings
from console.stream import Console
from tidemark import health as health_port
from tidemark import telemetry
from tidemark.errors import Retryable, SettingsError
from tidemark.health import Health
from tidemark.settings import load

log = telemetry.logger(__name__)
BEAT_SECONDS = 0.5
START_SECONDS = 10.0  # for one try to reach the broker
GRACE_SECONDS = 5  # for open pages, after SIGTERM


class WebServer(uvicorn.Server):
    """The web server; signals are handled here, for all three."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def run(settings: ConsoleSettings, health: Health) -> int:
    """Until SIGTERM or a crash; the exit code."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if not await _reached(partial(kafka_reading.prepare, settings, START_SECONDS), health, stop):
        return 0
    console = Console(settings, Feed())
    ports = Ports(feed=console.feed, record=partial(kafka_reading.record, settings))
    server = _web(settings, console, ports)
    tasks = [asyncio.create_task(server.serve()), asyncio.create_task(console.app.start())]
    tasks.append(asyncio.create_task(watching.watch(settings, console, ports)))
    try:
        return await _until(stop, console, health, tasks)
    finally:
        server.should_exit = True
        await console.app.stop()
        for task in tasks[1:]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _web(settings: ConsoleSettings, console: Console, ports: Ports) -> WebServer:
    asker, publisher = Asker(ports.now_ms), KafkaPublisher(settings)
    site = Site(console.state, settings, ports, Identity(settings), asker, publisher)
    config = uvicorn.Config(
        mount(create(console.state, settings, ports), site),
        host=settings.console_host,
        port=settings.console_port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # who asks is whoever is connected: identity.py decides which proxy to believe
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return WebServer(config)


async def _until(stop: asyncio.Event, console: Console, health: Health, tasks: list[asyncio.Task[Any]]) -> int:
    """Beat until stopped or crashed."""
    while not stop.is_set():
        health.beat()
        console.state.behind = console.behind()
        health.ready = console.recovered
        for task in tasks:
            if task.done() and task.exception() is not None:
                log.error("crashed", exc_info=task.exception())
                return 1
        if console.app.crashed:
            log.error("the stream has crashed: %r", console.app.crash_reason)
            return 1
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), BEAT_SECONDS)
    return 0


async def _reached(call: Callable[[], None], health: Health, stop: asyncio.Event) -> bool:
    """Call until the broker answers; False: stopped before it did."""
    while not stop.is_set():
        health.beat()
        try:
            await asyncio.to_thread(call)
        except Retryable as error:
            log.warning("the broker is away: %s", error)
            await asyncio.sleep(BEAT_SECONDS)
        else:
            return True
    return False


def main() -> int:
    """Run until stopped; the exit code."""
    try:
        settings = load(ConsoleSettings)
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a person starts the process and reads this
        return 2
    telemetry.setup("console", settings)
    hush()
    health = Health()
    server = health_port.serve(health, settings.health_host, settings.health_port)
    log.info("started", extra={"health_port": server.server_port})
    code = asyncio.run(run(settings, health))
    telemetry.shut_down()
    return code


if __name__ == "__main__":
    sys.exit(main())
