"""Named places at which a test can stop a process: `failpoint("loader.after-copy")`. Free when nothing is armed.

TIDEMARK_FAILPOINTS="loader.after-commit=kill,loader.before-commit=raise" arms them. Actions: `kill` (SIGKILL to the own
process), `raise` (FailpointError, a crash), `log` (nothing else). Each hit is first appended to the file named by
TIDEMARK_FAILPOINT_LOG and synced. With such a file `kill` and `raise` happen once each, so that the restarted process
gets past the place; `kill*3` makes it three times.
"""

import os
import signal
import threading
from functools import lru_cache
from pathlib import Path

from tidemark.errors import SettingsError

ARMED = "TIDEMARK_FAILPOINTS"
LOG = "TIDEMARK_FAILPOINT_LOG"
ACTIONS = ("kill", "raise", "log")
_one_hit_at_a_time = threading.Lock()  # else two threads both count the other's hit, and neither acts


class FailpointError(Exception):
    """An armed failpoint was reached; no handler maps it, so it is a crash."""


def failpoint(name: str) -> None:
    """Do what is armed for this place, if anything is."""
    armed = os.environ.get(ARMED)
    if armed and (found := _parsed(armed).get(name)):
        _act(name, *found)


@lru_cache(maxsize=8)
def _parsed(armed: str) -> dict[str, tuple[str, int]]:
    found = {}
    for part in filter(None, (p.strip() for p in armed.split(","))):
        name, _, action = part.partition("=")
        action, _, times = action.partition("*")
        if action not in ACTIONS or not (times or "1").isdigit():
            raise SettingsError(f"{ARMED}: {part!r} is not name=action with an action of {', '.join(ACTIONS)}")
        found[name] = (action, int(times or "1"))
    return found


def _act(name: str, action: str, times: int) -> None:
    hits = _record(name)
    if action == "log" or (hits is not None and hits > times):
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise FailpointError(name)


def _record(name: str) -> int | None:
    """Append the hit and say the how manieth it is; None when no log is kept."""
    path = os.environ.get(LOG)
    if not path:
        return None
    with _one_hit_at_a_time, Path(path).open("a+") as log:
        log.write(name + "\n")
        log.flush()
        os.fsync(log.fileno())
        log.seek(0)
        return log.read().splitlines().count(name)
