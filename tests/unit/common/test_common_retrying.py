"""Adapters try named transient errors again for minutes, then hand over to the runner."""

import pytest

from tidemark.errors import Retryable
from tidemark.retrying import retry_transient


class Away(Exception):
    """The store is away."""


def test_a_named_error_is_tried_again() -> None:
    """The call succeeds once the store is back; the pauses are the policy's."""
    answers = iter([Away("1"), Away("2"), "done"])
    pauses: list[float] = []

    @retry_transient(Away, sleep=pauses.append)
    def call() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert call() == "done"
    assert len(pauses) == 2


def test_another_error_passes_through() -> None:
    """What was not named is not retried, nor what `when` rules out."""

    @retry_transient(Away, when=lambda error: "x" in str(error), sleep=lambda _: None)
    def call(error: Exception) -> None:
        raise error

    with pytest.raises(KeyError):
        call(KeyError("x"))
    with pytest.raises(Away):
        call(Away("y"))


def test_what_keeps_failing_becomes_retryable() -> None:
    """After the time is up the runner takes over."""

    @retry_transient(Away, seconds=0, sleep=lambda _: None)
    def call() -> None:
        raise Away("gone")

    with pytest.raises(Retryable, match="gone"):
        call()
