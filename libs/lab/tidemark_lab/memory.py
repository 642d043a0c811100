"""How much memory the lab takes: proportional set size (shared pages counted once) summed over each component.

Every component leads a session of its own, so what it starts is counted with it. Where the system does not tell the
proportional size, the resident size is taken.
"""

import os
import time
from collections.abc import Mapping
from typing import Any

import psutil

MOVED_BYTES = 4_194_304

Measured = dict[int, tuple[int, int]]  # by pid: resident and proportional bytes when it was last measured


def by_session(sessions: set[int], measured: Measured | None = None) -> dict[int, int]:
    """Bytes per session, for those given; a session that has gone is not in the answer.

    Measuring makes the kernel walk a process's pages. Whoever samples often passes the same `measured` each time: a
    process is then measured again only once its resident size, which is cheap to read, has moved.
    """
    known, seen, found = measured if measured is not None else {}, set[int](), dict[int, int]()
    for pid in psutil.pids():
        try:
            session = os.getsid(pid)
            if session in sessions:
                found[session] = found.get(session, 0) + _of_process(psutil.Process(pid), known)
                seen.add(pid)
        except (OSError, psutil.Error):
            continue
    for gone in set(known) - seen:
        del known[gone]
    return found


def _of_process(process: psutil.Process, known: Measured) -> int:
    resident = int(process.memory_info().rss)
    before, size = known.get(process.pid, (-MOVED_BYTES, 0))
    if abs(resident - before) >= MOVED_BYTES:
        size = int(getattr(process.memory_full_info(), "pss", 0) or resident)
        known[process.pid] = (resident, size)
    return size


class Peaks:
    """Keeps the highest sample of each component and of all together."""

    def __init__(self) -> None:
        self._began = time.time()
        self._peaks: dict[str, int] = {}
        self._measured: Measured = {}
        self._total: dict[str, Any] = {"now": 0, "peak": 0, "peak_at": self._began, "then": {}}

    def sample(self, sessions: Mapping[str, int]) -> dict[str, Any]:
        """Takes one sample of components by name and session; returns what memory.json says, sizes in bytes."""
        bytes_of = by_session(set(sessions.values()), self._measured)
        now = {name: bytes_of.get(session, 0) for name, session in sessions.items()}
        for name, size in now.items():
            self._peaks[name] = max(size, self._peaks.get(name, 0))
        self._total["now"] = sum(now.values())
        if self._total["now"] > self._total["peak"]:
            self._total |= {"peak": self._total["now"], "peak_at": time.time(), "then": now}
        components = {name: {"now": now.get(name, 0), "peak": peak} for name, peak in self._peaks.items()}
        return {"began_at": self._began, "sampled_at": time.time(), "total": self._total, "components": components}
