"""Chooses the lab's ports once and keeps them for as long as nobody else takes them."""

import random
import socket
from collections.abc import Mapping, Sequence

from tidemark_lab.errors import LabError

# Below the range from which systems take the ports of outgoing connections.
LOWEST, HIGHEST = 15_000, 31_999
TRIES = 500


def choose(wanted: Mapping[str, Sequence[str]], kept: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """A free port on 127.0.0.1 for every name of every component; the kept one where it is still free."""
    taken: set[int] = set()
    chosen: dict[str, dict[str, int]] = {}
    for component, names in wanted.items():
        chosen[component] = {name: _one(kept.get(component, {}).get(name), taken) for name in names}
    return chosen


def _one(kept: int | None, taken: set[int]) -> int:
    tries = [kept] if kept else []
    tries += random.sample(range(LOWEST, HIGHEST), TRIES)
    for port in tries:
        if port not in taken and is_free(port):
            taken.add(port)
            return port
    raise LabError("ports", "no free port on 127.0.0.1")


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1 at this port now."""
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
