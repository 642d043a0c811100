"""Where a handler runs: on one thread of its own (the runner), or in place (the in-process bus)."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

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
    """Runs one call at a time on a thread of its own."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="handler")
        self._future: Future[Outcome] | None = None

    @property
    def busy(self) -> bool:
        """Whether a call is still running; such a thread keeps a process from ending."""
        return self._future is not None and not self._future.done()

    def start(self, call: Call) -> None:
        """Begin a call; the one before it has been concluded."""
        self._future = self._executor.submit(call)

    def result(self, seconds: float) -> Outcome | None:
        """The outcome if it comes in time. Raises what the call raised."""
        if self._future is None or not wait([self._future], timeout=seconds).done:
            return None
        future, self._future = self._future, None
        return future.result()
