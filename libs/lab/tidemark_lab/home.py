"""The lab's folder: where everything lies, and what lab.json says.

.tidemark/                (TIDEMARK_HOME, else in the current folder)
    plan.json             the ports chosen and the components as `up` wants them; read by the keeper
    lab.json              the keeper's state: its process, ports, and each component's state; replaced atomically
    memory.json           memory now and at its peak
    lab.env               KEY=value lines for services and the command line
    data/<component>/     what outlives a stop
    logs/<component>.log
"""

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

MARK = "TIDEMARK_LAB_HOME"  # in the environment of every process of the lab: whose it is


@dataclass(frozen=True)
class Home:
    """Paths of one lab."""

    path: Path

    @staticmethod
    def at(path: Path | str | None = None) -> "Home":
        """The given folder, else TIDEMARK_HOME, else .tidemark in the current folder."""
        return Home(Path(path or os.environ.get("TIDEMARK_HOME") or ".tidemark").expanduser().resolve())

    @property
    def plan(self) -> Path:
        return self.path / "plan.json"

    @property
    def state(self) -> Path:
        return self.path / "lab.json"

    @property
    def memory(self) -> Path:
        return self.path / "memory.json"

    @property
    def environment(self) -> Path:
        return self.path / "lab.env"

    @property
    def console_token(self) -> Path:
        """What a person of this machine signs in to the console with."""
        return self.path / "console.token"

    @property
    def socket(self) -> Path:
        """The keeper's control channel. A socket's path may have about 100 characters, so it is not in the folder."""
        folder = Path(tempfile.gettempdir()) / f"tidemark-{os.getuid()}"
        return folder / f"{hashlib.sha256(str(self.path).encode()).hexdigest()[:16]}.sock"

    def data(self, component: str) -> Path:
        return self.path / "data" / component

    def log(self, component: str) -> Path:
        return self.path / "logs" / f"{component}.log"

    def tail(self, component: str, characters: int = 3000) -> str:
        """The end of a component's log."""
        log = self.log(component)
        return log.read_text(errors="replace")[-characters:] if log.is_file() else ""


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file's object; empty when there is none."""
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replaces a file atomically. For its owner alone: a plan holds the whole environment of who started the lab."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps(content, indent=1) + "\n")
    temporary.replace(path)


def birth(pid: int) -> float | None:
    """When the process began, epoch seconds; None if it does not run. Pid and birth name a process for ever."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def keeper_pid(home: Home) -> int | None:
    """The keeper's process, if it runs."""
    said = read_json(home.state).get("keeper") or {}
    return int(said["pid"]) if said and birth(said["pid"]) == said["birth"] else None


def processes_of(home: Home) -> list[psutil.Process]:
    """Every process that carries the lab's mark, children of components included; the keeper and the caller not."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(home.path) and process.pid != os.getpid():
                found.append(process)
        except psutil.Error:
            continue
    return found
