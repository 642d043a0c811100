"""Waiting for what other processes bring about."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from tenacity import RetryCallState, Retrying, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed

from tidemark.errors import Retryable

T = TypeVar("T")
_PAUSE = wait_fixed(0.2)


def until(holds: Callable[[], T], what: str, seconds: float = 120) -> T:
    """What `holds` says once that is true; what does not answer (Retryable) is asked again."""

    def give_up(state: RetryCallState) -> T:
        raise AssertionError(f"not within {seconds:.0f} s: {what}; at the end: {state.outcome}")

    wanted = retry_if_exception_type(Retryable) | retry_if_result(lambda found: not found)
    return Retrying(stop=stop_after_delay(seconds), wait=_PAUSE, retry=wanted, retry_error_callback=give_up)(holds)


def until_done(work: Callable[[], T], *also: type[Exception]) -> T:
    """What the runner does with a Retryable, and here with `also`."""
    again = retry_if_exception_type((Retryable, *also))
    return Retrying(stop=stop_after_delay(120), wait=_PAUSE, retry=again, reraise=True)(work)


def until_answered(url: str, log: Path) -> None:
    """Until something answers there without an error of its own. `log`: of the process that is to answer."""
    try:
        until(lambda: _answers(url), f"{url} answers", 90)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{log.read_text()[-2000:]}") from error


def _answers(url: str) -> bool:
    try:
        urlopen(url, timeout=2).close()  # noqa: S310
    except HTTPError as error:
        return error.code < 500
    except (URLError, OSError):
        return False
    return True
