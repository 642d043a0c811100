"""How often in a row the job of a run has raised: one that raises each time stops its run.

An adapter of the job lets JobRaised out of `with failures.of(run_id):` when the job itself is at fault, and Retryable
when something around it is. Whatever else ends the block ends the row.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tidemark.errors import CheckFailed, Retryable

MOST_FAILURES = 3


class JobRaised(Exception):
    """The job was run and raised; its message tells what."""


class Failures:
    """The rows of failures of runs, each counted on its own. A new process begins to count anew, as a resume does."""

    def __init__(self) -> None:
        self._in_a_row: Counter[str] = Counter()

    @contextmanager
    def of(self, run_id: str) -> Iterator[None]:
        """One try of the run. JobRaised leaves it as Retryable, the third time in a row as CheckFailed."""
        before = self._in_a_row.pop(run_id, 0)
        try:
            yield
        except JobRaised as raised:
            if before + 1 == MOST_FAILURES:
                raise CheckFailed(f"{raised} ({MOST_FAILURES} times in a row)") from raised
            self._in_a_row[run_id] = before + 1
            raise Retryable(str(raised)) from raised
