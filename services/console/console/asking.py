"""Answers of the command line, asked in a process of its own: the clients of lake and warehouse never come into the
console's. Bounded in time, a few at once, and kept until the next run ends.

What fails is an answer too: the command's own words, for the page.
"""

import asyncio
import os
import signal
import sys
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress

from msgspec import Struct

SECONDS = 90.0
AT_ONCE = 2
MOST_KEPT = 64
KEPT_SECONDS = 600.0  # what no run changes (what is held, who was told) grows old all the same
PROBLEM_KEPT_SECONDS = 5.0
MOST_BYTES = 32_000_000
LONGEST_PROBLEM = 2000
# The alarm ends it even where nobody is left to do so.
PROGRAM = "import signal; signal.alarm({seconds}); from tidemark_cli.main import run; run()"


class Question(Struct, frozen=True):
    """A command of `tidemark` with its arguments, and what to call its answer."""

    what: str
    arguments: tuple[str, ...]

    @property
    def command(self) -> str:
        """As one would type it."""
        return " ".join(("tidemark", *(a for a in self.arguments if a not in ("--json", "--html", "--"))))


class Answer(Struct, frozen=True):
    """What it said, or why it did not. `mark`: what the console knew when it was asked."""

    what: str
    command: str
    text: bytes
    problem: str
    at_ms: int
    seconds: float
    mark: str


Run = Callable[[tuple[str, ...], float], Awaitable[tuple[int, bytes, bytes]]]


class Asker:
    """Asks, and keeps answers. Two who ask the same at once wait for one process."""

    def __init__(self, now_ms: Callable[[], int], run: Run | None = None, seconds: float = SECONDS) -> None:
        self._now_ms, self._run, self._seconds = now_ms, run or run_command, seconds
        self._kept: OrderedDict[Question, Answer] = OrderedDict()
        self._under_way: dict[Question, asyncio.Task[Answer]] = {}
        self._turn = asyncio.Semaphore(AT_ONCE)

    def kept(self, question: Question, mark: str) -> Answer | None:
        """The answer that still holds, if there is one."""
        answer = self._kept.get(question)
        if answer is None or answer.mark != mark:
            return None
        limit = PROBLEM_KEPT_SECONDS if answer.problem else KEPT_SECONDS
        return answer if self._now_ms() - answer.at_ms <= limit * 1000 else None

    async def answer(self, question: Question, mark: str) -> Answer:
        """The answer, kept or asked for."""
        found = self.kept(question, mark)
        if found is not None:
            return found
        task = self._under_way.get(question)
        if task is None:
            task = asyncio.create_task(self._ask(question, mark))
            self._under_way[question] = task
            task.add_done_callback(lambda _: self._under_way.pop(question, None))
        return await asyncio.shield(task)

    async def _ask(self, question: Question, mark: str) -> Answer:
        async with self._turn:
            began = time.monotonic()
            status, out, said = await self._run(question.arguments, self._seconds)
            seconds = time.monotonic() - began
        problem = "" if status == 0 else _problem(status, said or out, self._seconds)
        text = b"" if problem else out
        answer = Answer(question.what, question.command, text, problem, self._now_ms(), seconds, mark)
        self._kept[question] = answer
        self._kept.move_to_end(question)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return answer


def _problem(status: int, said: bytes, seconds: float) -> str:
    if status in (-signal.SIGALRM, -signal.SIGKILL):
        return f"no answer within {seconds:.0f} s"
    text = said.decode("utf-8", "replace").strip()
    return text[-LONGEST_PROBLEM:] or f"it ended with {status} and said nothing"


async def run_command(arguments: tuple[str, ...], seconds: float) -> tuple[int, bytes, bytes]:
    """The command in a process of its own: its exit status (negative: the signal), what it wrote, what it said."""
    program = PROGRAM.format(seconds=max(1, round(seconds)))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"NO_COLOR": "1", "COLUMNS": "200"}, start_new_session=True, limit=MOST_BYTES,
    )  # fmt: skip
    try:
        out, said = await asyncio.wait_for(process.communicate(), seconds + 5)
    except (TimeoutError, asyncio.CancelledError):
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        return -signal.SIGKILL, b"", b""
    return process.returncode or 0, out, said
