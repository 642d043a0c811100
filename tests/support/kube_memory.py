"""What pods take of a node's memory, read from its control groups while something runs.

A pod's figure is what the kubelet goes by: its group's usage less the file pages that can be dropped at once. Both
versions of control groups and both drivers are known; the check must run on the node itself.
"""

import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from kube_cluster import OPERATOR_NAMESPACE, run

from tidemark_cli.kind.credentials import NAMESPACE

PLACES = ("kubepods/pod*", "kubepods/*/pod*", "kubepods.slice/*pod*.slice", "kubepods.slice/*/*pod*.slice")
UID = re.compile(r"pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})")
NODE = re.compile(r"^(etcd|kube-\w+|kubelet|containerd|coredns)")  # containerd's shims too
EVERY_SECONDS = 0.5
MIB = 2**20


class Memory:
    """The highest sums seen, in bytes. `parts`: each of the project's pods at the moment of the highest sum."""

    def __init__(self) -> None:
        self.peak, self.parts, self.node = 0, dict[str, int](), 0
        self.highest: dict[str, int] = {}
        self._pods: dict[str, tuple[str, str]] = {}

    def look(self, root: Path) -> None:
        """One sample."""
        found = dict(_sizes(root))
        if set(found) - set(self._pods):
            self._pods |= _pods()
        ours = {self._pods[uid][1]: size for uid, size in found.items() if self._is_ours(uid)}
        self.highest |= {pod: max(size, self.highest.get(pod, 0)) for pod, size in ours.items()}
        if sum(ours.values()) > self.peak:
            self.peak, self.parts, self.node = sum(ours.values()), ours, _node()

    def report(self) -> str:
        """In MiB, the largest first."""
        parts = sorted(self.parts.items(), key=lambda part: -part[1])
        listed = ", ".join(f"{name} {size // MIB}" for name, size in parts)
        alone = ", ".join(f"{name} {size // MIB}" for name, size in sorted(self.highest.items()))
        return (
            f"project's pods {self.peak // MIB} MiB at most ({listed}); node processes {self.node // MIB} MiB beside; "
            f"each pod's own peak: {alone}"
        )

    def _is_ours(self, uid: str) -> bool:
        return self._pods.get(uid, ("", ""))[0] in (NAMESPACE, OPERATOR_NAMESPACE)


@contextmanager
def measured() -> Iterator[Memory]:
    """Sample for as long as the block lasts."""
    memory, ended, root = Memory(), threading.Event(), _root()

    def sample() -> None:
        while not ended.wait(EVERY_SECONDS):
            memory.look(root)

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        ended.set()
        thread.join()


def _root() -> Path:
    named = os.environ.get("KUBE_CHECK_CGROUP")
    first = Path("/sys/fs/cgroup/memory")
    return Path(named) if named else first if first.is_dir() else first.parent


def _sizes(root: Path) -> Iterator[tuple[str, int]]:
    """Each pod's uid and working set."""
    for folder in (folder for place in PLACES for folder in root.glob(place)):
        if uid := UID.search(folder.name):
            try:
                yield uid[1].replace("_", "-"), _working_set(folder)
            except OSError:  # it has just ended
                continue


def _working_set(folder: Path) -> int:
    second = (folder / "memory.current").is_file()
    usage = int((folder / ("memory.current" if second else "memory.usage_in_bytes")).read_text())
    stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    return max(0, usage - int(stat["inactive_file" if second else "total_inactive_file"]))


def _pods() -> dict[str, tuple[str, str]]:
    """Namespace and name of every pod, by uid."""
    items = json.loads(run("kubectl", "get", "pods", "-A", "-o", "json"))["items"]
    return {p["metadata"]["uid"]: (p["metadata"]["namespace"], p["metadata"]["name"]) for p in items}


def _node() -> int:
    """Resident bytes of the control plane, kubelet and container runtime, where they run on this machine."""
    sizes = (p.info for p in psutil.process_iter(["name", "memory_info"]) if NODE.match(p.info["name"] or ""))
    return sum(info["memory_info"].rss for info in sizes if info["memory_info"])
