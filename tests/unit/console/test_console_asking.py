"""Asking the command line: one process for those who ask the same, kept until a run ends, bounded in time."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable

import pytest

from console.asking import KEPT_SECONDS, MOST_KEPT, Asker, Question, run_command

ADVICE = Question("Advice", ("advise", "--json"))
Said = tuple[int, bytes, bytes]


class Commands:
    """Counts what is asked; answers when it is let."""

    def __init__(self, said: Said = (0, b"{}", b"")) -> None:
        self.said, self.count, self.now_ms, self.at_once, self.most = said, 0, 0, 0, 0
        self.let = asyncio.Event()
        self.let.set()

    async def __call__(self, arguments: tuple[str, ...], seconds: float) -> Said:
        self.count += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(0)
        await self.let.wait()
        self.at_once -= 1
        return self.said


def asking(scenario: Callable[[Asker, Commands], Awaitable[None]], said: Said = (0, b"{}", b"")) -> None:
    async def run() -> None:
        commands = Commands(said)
        await scenario(Asker(lambda: commands.now_ms, commands), commands)

    asyncio.run(run())


def test_an_answer_is_kept_until_the_next_run_or_for_minutes() -> None:
    """Asked again once the mark is another one, or it has grown old."""

    async def scenario(asker: Asker, commands: Commands) -> None:
        for mark, now_ms, count in (
            ("1", 0, 1),
            ("1", 1000, 1),
            ("2", 1000, 2),
            ("2", int(KEPT_SECONDS * 1000) + 1001, 3),
        ):
            commands.now_ms = now_ms
            assert (await asker.answer(ADVICE, mark)).text == b"{}"
            assert commands.count == count

    asking(scenario)


def test_two_who_ask_the_same_wait_for_one_process_and_one_that_leaves_stops_nobody() -> None:
    """A browser that goes away takes no answer from another."""

    async def scenario(asker: Asker, commands: Commands) -> None:
        commands.let.clear()
        first, second = (asyncio.create_task(asker.answer(ADVICE, "1")) for _ in range(2))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        first.cancel()
        commands.let.set()
        assert (await second).text == b"{}"
        assert commands.count == 1

    asking(scenario)


def test_only_a_few_run_at_once_and_only_so_many_are_kept() -> None:
    """Each costs memory."""

    async def scenario(asker: Asker, commands: Commands) -> None:
        questions = [Question("x", (str(n),)) for n in range(MOST_KEPT + 10)]
        await asyncio.gather(*(asker.answer(question, "1") for question in questions))
        assert commands.most == 2
        assert sum(asker.kept(question, "1") is not None for question in questions) == MOST_KEPT

    asking(scenario)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ((2, b"", b"Retryable: away\n"), "Retryable: away"),
        ((1, b"no run has published", b""), "no run has published"),
        ((3, b"", b""), "it ended with 3 and said nothing"),
        ((-14, b"half", b""), "no answer within 90 s"),
    ],
)
def test_what_fails_is_told_in_its_own_words_and_soon_asked_again(said: Said, problem: str) -> None:
    """And what it wrote before is no answer."""

    async def scenario(asker: Asker, commands: Commands) -> None:
        answer = await asker.answer(ADVICE, "1")
        assert (answer.problem, answer.text) == (problem, b"")
        commands.now_ms = 6000
        await asker.answer(ADVICE, "1")
        assert commands.count == 2

    asking(scenario, said)


def test_a_real_command_answers_or_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of its own, without a terminal and with the settings of this one."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    code, out, said = asyncio.run(run_command(("--help",), 60))
    assert (code, said) == (0, b"")
    assert b"tidemark: the batch layer" in out
    code, out, said = asyncio.run(run_command(("replay",), 60))
    assert (code, out) == (2, b"")
    assert b"Missing argument" in said


def test_a_command_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own alarm, so also where the console itself has died."""
    monkeypatch.setattr("console.asking.PROGRAM", "import signal, time; signal.alarm({seconds}); time.sleep(60)")
    code, out, _ = asyncio.run(run_command((), 1))
    assert (code, out) == (-14, b"")


def test_what_was_asked_is_told_as_one_would_type_it() -> None:
    """Without what is for programs alone."""
    assert (
        Question("x", ("reconcile", "show", "--json", "--", "events-1")).command == "tidemark reconcile show events-1"
    )
