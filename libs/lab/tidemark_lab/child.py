"""One child of the keeper: started in a session of its own, bound to the keeper's life, ended with all it started."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from tidemark_lab.components import Component

PR_SET_PDEATHSIG = 1
LOG_BYTES = 20_000_000
LOOK_SECONDS = 0.1

Process = subprocess.Popen[bytes]


def start(component: Component, extra: Mapping[str, str], log: Path, folder: Path) -> Process:
    """Starts the component's process; its output is appended to the log. OSError: it cannot be started.

    Must run on the keeper's main thread: the bond to a parent's life is a bond to the thread that forked.
    """
    _rotate(log)
    with log.open("ab") as output:
        return subprocess.Popen(
            component.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            env={**component.environment, **extra},
            start_new_session=True,
            preexec_fn=_bind_to_parent(),  # noqa: PLW1509  it only makes two system calls
        )


async def wait(process: Process) -> int:
    """Its exit code, once it has ended; minus the signal's number if one ended it."""
    while (code := process.poll()) is None:
        await asyncio.sleep(LOOK_SECONDS)
    return code


async def end(process: Process, seconds: float) -> None:
    """SIGTERM, and SIGKILL for whatever of the session is left after `seconds`."""
    if process.poll() is None:
        process.terminate()
        with suppress(TimeoutError):
            await asyncio.wait_for(wait(process), seconds)
    kill(process)
    await wait(process)


def kill(process: Process) -> None:
    """SIGKILL for the process and for all it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _bind_to_parent() -> Callable[[], None] | None:
    """The kernel kills the child when the keeper dies, however it dies."""
    if not sys.platform.startswith("linux"):
        return None
    libc, parent = ctypes.CDLL(None, use_errno=True), os.getpid()

    def bind() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the bond was made
            os._exit(1)

    return bind


def _rotate(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.is_file() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
