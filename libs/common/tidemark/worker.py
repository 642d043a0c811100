"""Where a handler runs: on one thread of its own (the runner), or in place (the in-process bus)."""

import queue
import threading
from collections.abc import Callable

from tidemark.endings import Outcome

Call = Callable[[], Outcome]


class InlineWorker:
    """Runs the call at once; for one process without a broker."""

    def __init__(self) -> None:
        self._outcome: Outcome | None = None

    def start(self, call: Call) -> None:
        """Run it; what it raises passes through."""
        self._outcome = call()

    def result(self, seconds: float) -> Outcome | None:
        """The outcome, once."""
        outcome, self._outcome = self._outcome, None
        return outcome


class ThreadWorker:
    """Runs one call at a time on a daemon thread, so that a process can end without waiting for it."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Call] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="handler", daemon=True).start()

    def start(self, call: Call) -> None:
        """Begin a call; the one before it has been concluded."""
        self._calls.put(call)

    def result(self, seconds: float) -> Outcome | None:
        """The outcome if it comes in time. Raises what the call raised."""
        try:
            result = self._results.get(timeout=seconds) if seconds > 0 else self._results.get_nowait()
        except queue.Empty:
            return None
        if isinstance(result, BaseException):
            raise result
        return result

    def _work(self) -> None:
        while True:
            call = self._calls.get()
            try:
                self._results.put(call())
            except BaseException as error:  # noqa: BLE001 - handed to the loop, which raises it again
                self._results.put(error)
