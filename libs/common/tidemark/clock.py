"""Time, injected: the system's, or one that tests move by hand."""

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """What a loop asks of time."""

    def monotonic(self) -> float:
        """Seconds that only grow."""

    def now_ms(self) -> int:
        """Epoch milliseconds."""


class SystemClock:
    """The machine's time."""

    def monotonic(self) -> float:
        return time.monotonic()

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


@dataclass
class ManualClock:
    """A clock that stands still until somebody moves it."""

    seconds: float = 0.0
    start_ms: int = 1_700_000_000_000

    def monotonic(self) -> float:
        return self.seconds

    def now_ms(self) -> int:
        return self.start_ms + int(self.seconds * 1000)

    def advance(self, seconds: float) -> None:
        """Move on."""
        self.seconds += seconds
