"""The command `ping`: is the chain's first stage there? A request that changes nothing, and its answer.

It asks to resume a dataset that nothing holds up, which the watcher only notes in its state. A dataset that is halted
is never asked for: there the request would not be harmless.
"""

import time
from collections.abc import Iterable
from typing import Annotated

import typer
from rich.console import Console

from tidemark import kafka
from tidemark.codec import decode
from tidemark.errors import TidemarkError
from tidemark.events import RunRequested, WatcherState
from tidemark.settings import KafkaSettings, load
from tidemark.tables import registry
from tidemark_cli.chain import asking, request

console = Console()
LOOK_SECONDS = 0.5


class NoAnswerError(TidemarkError):
    """Nobody answered."""


def ping(seconds: Annotated[float, typer.Option(help="How long to wait for the answer.")] = 120.0) -> None:
    """Publish a request that changes nothing, and wait until the watcher has answered it."""
    settings = load(KafkaSettings)
    event = harmless(states(settings))
    request(event)
    deadline = time.monotonic() + seconds
    while not is_answered(event, states(settings)):
        if time.monotonic() > deadline:
            raise NoAnswerError(
                f"the watcher has not answered {event.request_id} in {seconds:.0f} s; its log and /readyz tell more"
            )
        time.sleep(LOOK_SECONDS)
    console.print(f"{event.dataset}: the watcher has answered {event.request_id}", markup=False)


def states(settings: KafkaSettings) -> list[WatcherState]:
    """The watcher's states, oldest first."""
    return [e for e in map(decode, kafka.read_topic(settings, WatcherState.topic)) if isinstance(e, WatcherState)]


def harmless(known: Iterable[WatcherState]) -> RunRequested:
    """A request that changes nothing. NoAnswerError: every dataset is held up."""
    halted = {state.dataset: state.halted for state in known}
    free = [dataset for dataset in registry().datasets if not halted.get(dataset)]
    if not free:
        reasons = "; ".join(f"{dataset}: {reason}" for dataset, reason in halted.items())
        raise NoAnswerError(f"nothing can be asked without resuming a dataset that is held up: {reasons}")
    return asking(free[0], "resume", reason="ping")


def is_answered(event: RunRequested, known: Iterable[WatcherState]) -> bool:
    """Whether a state says that the request was accepted."""
    return any(event.request_id in state.accepted for state in known)
