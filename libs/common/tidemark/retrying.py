"""One policy for adapters' retries: named transient errors, growing pauses, for minutes; then Retryable.

    @retry_transient(OperationalError, seconds=300)
    def copy(...): ...

Only adapters use it, each with the client's own transient errors; `when` narrows an error family by its code. What is
still failing after `seconds` becomes Retryable, and the runner tries the whole event again without end.
"""

import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from tidemark import telemetry
from tidemark.errors import Retryable

P = ParamSpec("P")
R = TypeVar("R")
log = telemetry.logger(__name__)

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 20.0


def retry_transient(
    *errors: type[Exception],
    seconds: float = 300.0,
    when: Callable[[BaseException], bool] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorator: try again on these errors for about `seconds`, then raise Retryable from the last one."""

    def transient(error: BaseException) -> bool:
        return isinstance(error, errors) and (when is None or when(error))

    policy = Retrying(
        retry=retry_if_exception(transient),
        wait=wait_random_exponential(multiplier=FIRST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS),
        stop=stop_after_delay(seconds),
        sleep=sleep,
        before_sleep=_say,
        retry_error_callback=_give_up,
    )
    return policy.wraps


def _say(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    name = getattr(state.fn, "__qualname__", "call")
    log.warning("%s failed, trying again: %s", name, error, extra={"attempt": state.attempt_number})


def _give_up(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    name = getattr(state.fn, "__qualname__", "call")
    raise Retryable(f"{name} still fails after {state.attempt_number} attempts: {error}") from error
