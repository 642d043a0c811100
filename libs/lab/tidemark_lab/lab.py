"""The lab as the command line and the tests see it: up, down, status, and single components.

Everything takes the lab's folder (None: TIDEMARK_HOME, else .tidemark here). Between the calls a detached keeper
(keeper.py) runs the components; what they are stands in stack.py.
"""

import fcntl
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidemark_lab import control, jars, memory, ports, stack
from tidemark_lab.components import Component, with_needs
from tidemark_lab.errors import LabError
from tidemark_lab.home import Home, keeper_pid, read_json
from tidemark_lab.keeping import Progress, end_keeper, keep, wait_for

Folder = Path | str | None


@dataclass(frozen=True)
class ComponentStatus:
    """One component. `memory`: bytes, with all it has started; `seconds`: how long it took until it was ready."""

    name: str
    state: str
    pid: int | None
    port: int
    memory: int
    restarts: int
    seconds: float | None


def up(
    home: Folder = None,
    progress: Progress = lambda *_: None,
    only: Sequence[str] | None = None,
    also: Sequence[str] = (),
) -> dict[str, str]:
    """Starts what does not run and returns the lab's environment once all is ready. Idempotent.

    `progress(name, state, seconds)` is called at each change. `only`: these components and what they need;
    `also`: beside them, of those that are there only on demand (stack.OPTIONAL).
    LabError: a component is not to be had or does not become ready; what was started has been stopped again.
    """
    where = Home.at(home)
    where.path.mkdir(parents=True, exist_ok=True)
    wanted = [*(stack.NAMES if only is None else only), *also]
    with _alone(where):
        running = set(read_json(where.state)["components"]) if _answers(where) else set[str]()
        if running and running.issuperset(wanted):
            _start_missing(where)
        else:
            end_keeper(where)
            chosen = ports.choose(stack.PORTS, read_json(where.plan).get("ports", {}))
            keep(where, _components(where, chosen, [*wanted, *running], progress), chosen)
        try:
            _wait_all(where, progress)
        except LabError:
            end_keeper(where)
            raise
    return environment(where.path)


def down(home: Folder = None) -> None:
    """Stops everything, dependents first, and ends what a killed keeper may have left. Data stay."""
    where = Home.at(home)
    if where.path.is_dir():
        with _alone(where):
            end_keeper(where)


def destroy(home: Folder = None) -> None:
    """`down`, and the folder is gone."""
    down(home)
    shutil.rmtree(Home.at(home).path, ignore_errors=True)


def status(home: Folder = None) -> list[ComponentStatus]:
    """Every component, in order; "stopped" where nothing runs."""
    where = Home.at(home)
    alive, shown = keeper_pid(where) is not None, read_json(where.state).get("components", {})
    sizes = memory.by_session({said["pid"] for said in shown.values() if alive and said["pid"]})
    return [
        _status(name, said if alive else said | {"state": "stopped", "pid": None}, sizes)
        for name, said in shown.items()
    ]


def environment(home: Folder = None) -> dict[str, str]:
    """What lab.env says: the variables that services and clients need. LabError: the lab was never up."""
    file = Home.at(home).environment
    if not file.is_file():
        raise LabError("lab", f"there is none at {file.parent}: `tidemark up` makes one")
    return dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)


def peak_memory(home: Folder = None) -> dict[str, Any]:
    """Bytes, sampled every second since the keeper began: total (now, peak, then: each component at that moment) and
    components (now, peak)."""
    return read_json(Home.at(home).memory)


def start_service(name: str, extra_env: Mapping[str, str] | None = None, home: Folder = None) -> None:
    """Starts a component with more environment; one that runs otherwise is stopped first. Returns when it is ready."""
    where = Home.at(home)
    _ask(where, {"do": "start", "name": name, "environment": dict(extra_env or {})})
    wait_for([name], where, lambda *_: None)


def stop_service(name: str, home: Folder = None) -> None:
    """SIGTERM, then SIGKILL; it stays stopped. Returns when it has ended."""
    _ask(Home.at(home), {"do": "stop", "name": name})


def kill(name: str, home: Folder = None) -> None:
    """SIGKILL for a component and all it has started; the keeper starts it again unless it was told not to."""
    _ask(Home.at(home), {"do": "kill", "name": name})


def state(name: str, home: Folder = None) -> dict[str, Any]:
    """What lab.json says of a component: state, pid, restarts, exit_code, ports."""
    return dict(read_json(Home.at(home).state)["components"][name])


def _components(where: Home, chosen: stack.Ports, wanted: Sequence[str], progress: Progress) -> list[Component]:
    """The wanted components with all they need, ready to be kept: jars fetched, files in place."""
    components = with_needs(stack.stack(where, chosen), list(wanted))
    names = [component.name for component in components]
    for name in stack.jar_sets(names):
        began = time.monotonic()
        jars.ensure(name, lambda text: progress("jars", text, 0.0))
        progress("jars", f"{name} complete", time.monotonic() - began)
    stack.prepare(where, chosen, names)
    lines = "".join(f"{name}={value}\n" for name, value in stack.environment(chosen, names).items())
    where.environment.write_text(lines)
    return components


def _answers(where: Home) -> bool:
    """Whether the keeper lives: one that was killed this very moment still has a process, but answers no more."""
    if keeper_pid(where) is None:
        return False
    try:
        _ask(where, {"do": "ping"})
    except LabError:
        return False
    return True


def _start_missing(where: Home) -> None:
    for name, said in read_json(where.state)["components"].items():
        if said["state"] == "stopped":
            _ask(where, {"do": "start", "name": name})


def _wait_all(where: Home, progress: Progress) -> None:
    wait_for(list(read_json(where.state)["components"]), where, progress)


def _status(name: str, said: Mapping[str, Any], sizes: Mapping[int, int]) -> ComponentStatus:
    return ComponentStatus(
        name=name,
        state=said["state"],
        pid=said["pid"],
        port=next(iter(said["ports"].values()), 0),
        memory=sizes.get(said["pid"] or 0, 0),
        restarts=said["restarts"],
        seconds=said.get("seconds"),
    )


def _ask(where: Home, request: dict[str, Any]) -> None:
    if keeper_pid(where) is None:
        raise LabError(str(request.get("name", "keeper")), "the lab is not up")
    control.ask(str(read_json(where.state)["socket"]), request)


@contextmanager
def _alone(where: Home) -> Iterator[None]:
    """One `up` or `down` of a lab at a time."""
    with (where.path / "up.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
