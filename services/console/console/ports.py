"""What the console's pages need besides the State. kafka_reading.py does it for real, tests give their own."""

from collections.abc import Callable
from dataclasses import dataclass, field

from console.feed import Feed
from tidemark.clock import SystemClock
from tidemark.records import Record


def _none(place: str) -> Record | None:
    return None


@dataclass(frozen=True)
class Ports:
    """`record`: the record at a place (`topic/partition/offset`) in Kafka, None if it has it no more; Retryable if the
    broker is away. It waits for the broker, so it is called off the loop. `now_ms`: epoch ms."""

    feed: Feed = field(default_factory=Feed)
    record: Callable[[str], Record | None] = _none
    now_ms: Callable[[], int] = SystemClock().now_ms
