"""What the keeper keeps: `Component`, a description of one process of the lab, and how readiness is asked.

The lab's own components are listed in stack.py. To ask for readiness in another way, add a branch to `is_ready`.
"""

import http.client
import socket
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

ASK_SECONDS = 2.0
OK = 200


@dataclass(frozen=True)
class Component:
    """One process. `ready`: an HTTP path that answers 200 on `port`, "kafka", "tcp", "" (once it runs) or, for a
    process that ends, "exit" (once it has ended with 0). `needs`: components that must be ready first. `memory_mib`:
    what it is expected to take at the default scale. `stop_seconds`: from SIGTERM until it is killed.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    ready: str = ""
    needs: tuple[str, ...] = ()
    memory_mib: int = 0
    start_seconds: float = 400.0
    stop_seconds: float = 15.0

    @property
    def port(self) -> int:
        """The port people and `is_ready` ask; 0 without any."""
        return next(iter(self.ports.values()), 0)

    @property
    def ends(self) -> bool:
        return self.ready == "exit"

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)

    @staticmethod
    def from_dict(plain: dict[str, Any]) -> "Component":
        """The inverse of `as_dict`."""
        return Component(**plain | {"command": tuple(plain["command"]), "needs": tuple(plain["needs"])})


def with_needs(components: list[Component], names: list[str]) -> list[Component]:
    """The named components and all they need, in their order."""
    known = {component.name: component for component in components}
    wanted, ahead = set[str](), list(names)
    while ahead:
        name = ahead.pop()
        if name not in wanted:
            wanted.add(name)
            ahead += known[name].needs
    return [component for component in components if component.name in wanted]


def is_ready(component: Component) -> bool:
    """Whether a running process answers. It may take `ASK_SECONDS`."""
    try:
        match component.ready:
            case "":
                return True
            case "exit":
                return False
            case "tcp":
                socket.create_connection(("127.0.0.1", component.port), ASK_SECONDS).close()
                return True
            case "kafka":
                return _answers_kafka(component.port)
            case path:
                return _answers_http(component.port, path)
    except (OSError, http.client.HTTPException):
        return False


def _answers_http(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ASK_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == OK
    finally:
        connection.close()


def _answers_kafka(port: int) -> bool:
    """Sends ApiVersions: the port is open before the broker serves, so a connection alone says nothing."""
    api_versions, version, correlation, no_client = 18, 0, 1, -1
    with socket.create_connection(("127.0.0.1", port), ASK_SECONDS) as connection:
        connection.sendall(struct.pack(">ihhih", 10, api_versions, version, correlation, no_client))
        return len(connection.recv(8)) == 8
