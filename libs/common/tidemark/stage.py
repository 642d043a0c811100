"""What a service gives the runner: its name and, per event type, the function that handles it.

The runner (runner.py) and the in-process bus (memory_bus.py) both run stages; neither is known here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidemark.events import Event


@dataclass(frozen=True)
class Stage:
    """One stage of the chain.

    `name` is the traces' service.name, the consumer group and the transactional id. A handler returns its outgoing
    events, or raises (errors.py). `tick` is called when idle, about every `tick_seconds`. `parks`: an Invalid event is
    parked and halts its dataset here (False for the watcher, which has nothing to park). `committed` is told the events
    of each transaction once it stands (the runner and the bus call it), for a stage whose memory is its own topic.
    """

    name: str
    handlers: Mapping[type[Event], Callable[[Any], Sequence[Event]]]
    tick: Callable[[], Sequence[Event]] | None = None
    tick_seconds: float = 1.0
    parks: bool = True
    committed: Callable[[Sequence[Event]], None] | None = None
