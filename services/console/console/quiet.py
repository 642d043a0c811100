"""Keeps a client's chatter down: the same line again and again is said once in a while.

While the broker is away Faust and its client write the same error every 50 ms.
"""

import logging
import time
from collections.abc import Callable

EVERY_SECONDS = 30.0
OURS = "tidemark"


class Seldom(logging.Filter):
    """Lets each kind of line (logger, level, text before its values) pass once in EVERY_SECONDS; ours always."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == OURS or record.name.startswith(f"{OURS}."):
            return True
        kind = (record.name, record.levelno, str(record.msg)[:80])
        said_at, kept_back = self._said.get(kind, (float("-inf"), 0))
        if self._clock() - said_at < EVERY_SECONDS:
            self._said[kind] = said_at, kept_back + 1
            return False
        self._said[kind] = self._clock(), 0
        if kept_back:
            record.msg = f"{record.msg} (and {kept_back} like it)"
        return True


def hush() -> None:
    """On every handler of the root logger."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(Seldom())
