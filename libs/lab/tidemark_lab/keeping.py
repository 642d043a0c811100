"""Starts and ends the keeper, and waits for what it keeps."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import psutil

from tidemark_lab.components import Component, is_ready
from tidemark_lab.errors import LabError
from tidemark_lab.home import MARK, Home, birth, keeper_pid, processes_of, read_json, write_json

Progress = Callable[[str, str, float], None]
LOOK_SECONDS = 0.1
KEEPER_SECONDS = 60.0
DOWN_SECONDS = 90.0
LONGEST_SECONDS = 900.0
CRASHES = 4  # so often may a component crash while the lab comes up
READY = ("ready", "done")


def keep(where: Home, components: list[Component], chosen: Mapping[str, Mapping[str, int]] | None = None) -> None:
    """Starts the keeper on these components and returns when it runs. `chosen`: all ports, to be kept for next time."""
    plan = {"ports": chosen or {}, "components": [component.as_dict() for component in components]}
    write_json(where.plan, plan)
    log = where.log("keeper")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        command = [sys.executable, "-m", "tidemark_lab.keeper", str(where.path)]
        mine = os.environ | {MARK: str(where.path), "MALLOC_ARENA_MAX": "2"}
        keeper = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, env=mine
        )
    deadline = time.monotonic() + KEEPER_SECONDS
    while keeper_pid(where) != keeper.pid:
        if keeper.poll() is not None or time.monotonic() > deadline:
            raise LabError("keeper", "it did not start", where.tail("keeper"))
        time.sleep(LOOK_SECONDS)


def end_stale(where: Home) -> None:
    """Ends what a killed keeper may have left: processes that carry this lab's mark."""
    stale = processes_of(where)
    for process in stale:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    wait_until_gone(stale, 10)


def wait_until_gone(processes: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that have ended in time. (psutil's own wait_procs opens a process's pidfd, which newer Linux kernels refuse
    with an error that it does not expect while the process is just ending.)"""
    deadline = time.monotonic() + seconds
    while (left := [one for one in processes if _runs(one)]) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    return [one for one in processes if one not in left]


def _runs(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def end_keeper(where: Home) -> None:
    """Ends the keeper, which ends its children, and whatever else carries the lab's mark."""
    pid = keeper_pid(where)
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + DOWN_SECONDS
        while birth(pid) is not None and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
    end_stale(where)


def wait_for(names: Sequence[str], where: Home, progress: Progress) -> None:
    """Until each is ready. LabError: it crashes again and again, or takes too long."""
    plans = {plain["name"]: Component.from_dict(plain) for plain in read_json(where.plan)["components"]}
    began, shown = time.monotonic(), dict.fromkeys(names, "")
    before = {name: said["restarts"] for name, said in read_json(where.state)["components"].items()}
    while True:
        said = read_json(where.state)["components"]
        for name in names:
            if said[name]["state"] != shown[name]:
                shown[name] = said[name]["state"]
                progress(name, shown[name], time.monotonic() - began)
            _judge(where, plans[name], said[name], before[name])
        settled = all(now in READY for now in shown.values())
        # one that was killed this very moment is still said to be ready
        if settled and all(is_ready(plans[name]) for name in names if shown[name] == "ready"):
            return
        if keeper_pid(where) is None:
            raise LabError("keeper", "it has ended", where.tail("keeper"))
        if time.monotonic() - began > LONGEST_SECONDS:
            slow = [name for name, now in shown.items() if now not in READY]
            raise LabError(slow[0], f"it is still {shown[slow[0]]} after {LONGEST_SECONDS:.0f} s", where.tail(slow[0]))
        time.sleep(LOOK_SECONDS)


def _judge(where: Home, component: Component, said: Mapping[str, Any], before: int) -> None:
    name = component.name
    if said["state"] in (*READY, "waiting", "stopped"):
        return
    if said["restarts"] - before >= CRASHES:
        raise LabError(name, f"it ended {said['restarts']} times, last with {said['exit_code']}", where.tail(name))
    if said["state"] == "starting" and time.time() - said["since"] > component.start_seconds:
        raise LabError(name, f"it was not ready after {component.start_seconds:.0f} s", where.tail(name))
