"""Is all there that a cluster needs? Each thing that is missing comes with what to do about it, all at once."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tidemark_cli.kind.execute import Answer

Ask = Callable[[Sequence[str]], Answer]
GIB = 2**30
MEMORY_GIB = 6.5  # 5 for the pods, the rest for Kubernetes itself

INSTALL = {
    "docker": "install Docker Desktop (https://docs.docker.com/desktop), on Linux Docker Engine",
    "kind": "winget install Kubernetes.kind | brew install kind | https://kind.sigs.k8s.io",
    "kubectl": "winget install Kubernetes.kubectl | brew install kubectl | https://kubernetes.io/docs/tasks/tools",
    "helm": "winget install Helm.Helm | brew install helm | https://helm.sh/docs/intro/install",
}
START_DOCKER = {
    "windows": "start Docker Desktop and wait until it says that it runs; in WSL also switch on Settings > Resources > "
    "WSL integration for this distribution",
    "darwin": "start Docker Desktop and wait until it says that it runs",
    "linux": "start it (`sudo systemctl start docker`) and be in the group docker (`sudo usermod -aG docker $USER`, "
    "then log in again); in WSL start Docker Desktop and switch on its WSL integration",
}
MORE_MEMORY = {
    "windows": "write `[wsl2]` and `memory=8GB` into %UserProfile%\\.wslconfig, run `wsl --shutdown`, "
    "start Docker Desktop",
    "darwin": "Docker Desktop > Settings > Resources > Memory limit: 8 GB",
    "linux": "Docker Desktop > Settings > Resources; in WSL `memory=8GB` under `[wsl2]` in %UserProfile%\\.wslconfig; "
    "without Docker Desktop the machine itself has too little",
}
LINUX_CONTAINERS = "right-click Docker Desktop's icon: Switch to Linux containers"


@dataclass(frozen=True)
class Tool:
    """A program: how it is asked for its version, and the oldest that will do."""

    name: str
    ask: tuple[str, ...]
    least: tuple[int, int]


TOOLS = (
    Tool("docker", ("docker", "--version"), (24, 0)),
    Tool("kind", ("kind", "version"), (0, 27)),
    Tool("kubectl", ("kubectl", "version", "--client"), (1, 30)),
    Tool("helm", ("helm", "version", "--short"), (3, 14)),
)


def problems(ask: Ask, system: str) -> list[str]:
    """What is missing and what to do, one sentence each. `system`: platform.system() in lower case."""
    found = [problem for tool in TOOLS if (problem := _tool_problem(ask, tool))]
    return found if any(problem.startswith("docker ") for problem in found) else found + _docker_problems(ask, system)


def _tool_problem(ask: Ask, tool: Tool) -> str | None:
    answer = ask(tool.ask)
    if answer.code == 127:
        return f"{tool.name} is not installed: {INSTALL[tool.name]}"
    version = re.search(r"v?(\d+)\.(\d+)\.\d+", answer.output)
    if answer.code != 0 or version is None:
        return f"{tool.name} does not tell its version: {answer.output[:200]}"
    if (int(version[1]), int(version[2])) < tool.least:
        least = ".".join(map(str, tool.least))
        return f"{tool.name} {version[0].removeprefix('v')} is too old, {least} is needed: {INSTALL[tool.name]}"
    return None


def _docker_problems(ask: Ask, system: str) -> list[str]:
    answer = ask(("docker", "info", "--format", "{{json .}}"))
    about = _json(answer.output) if answer.code == 0 else {}
    if not about.get("ServerVersion"):
        return [f"Docker does not run: {START_DOCKER.get(system, START_DOCKER['linux'])}"]
    found = []
    if about.get("OSType") != "linux":
        found.append(f"Docker runs {about.get('OSType')} containers: {LINUX_CONTAINERS}")
    memory = int(str(about.get("MemTotal") or 0)) / GIB
    if memory < MEMORY_GIB:
        more = MORE_MEMORY.get(system, MORE_MEMORY["linux"])
        found.append(f"Docker has {memory:.1f} GiB of memory, {MEMORY_GIB} are needed: {more}")
    return found


def _json(text: str) -> dict[str, object]:
    try:
        found = json.loads(text.splitlines()[0])
    except (ValueError, IndexError):
        return {}
    return found if isinstance(found, dict) else {}
