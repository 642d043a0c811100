"""Waiting for runs: what a command does that has asked for one."""

from collections.abc import Callable

from tidemark.errors import Retryable
from tidemark_cli.chain import until_told


def looks(*answers: str | Retryable | None) -> Callable[[], str | None]:
    """Gives these answers in turn, and raises what is an outage."""
    left = iter(answers)

    def look() -> str | None:
        answer = next(left)
        if isinstance(answer, Retryable):
            raise answer
        return answer

    return look


def test_a_broker_that_is_away_is_waited_for() -> None:
    """The chain goes on when its broker starts again; so does who waits for a run."""
    pauses: list[float] = []
    look = looks(None, Retryable("offsets are not known: Leader epoch is newer than broker epoch"), "a run")
    assert until_told(look, 60, pauses.append) == "a run"
    assert pauses == [0.5, 0.5]


def test_nothing_is_waited_for_without_end() -> None:
    """After its time there is no answer."""
    assert until_told(looks("too late"), 0) is None
