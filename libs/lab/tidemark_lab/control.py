"""The keeper's control channel: a Unix socket on which one JSON line is asked and one answered.

    {"do": "start", "name": "loader", "environment": {...}}
    {"do": "stop", "name": "loader"}      {"do": "kill", "name": "loader"}      {"do": "ping"}
The answer is {"ok": true} or {"error": "why"}. Only the lab's own user can reach it: the socket's folder is private.
"""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tidemark_lab.errors import LabError

Handler = Callable[[dict[str, Any]], Awaitable[None]]


class RefusedError(Exception):
    """The keeper cannot do what it was asked; the message says why."""


async def listen(path: Path, handle: Handler) -> asyncio.Server:
    """Serves requests with `handle`, which raises RefusedError to decline."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(json.loads(await reader.readline()))
            said: dict[str, Any] = {"ok": True}
        except (RefusedError, ValueError, KeyError) as error:
            said = {"error": str(error) or type(error).__name__}
        writer.write(json.dumps(said).encode() + b"\n")
        writer.close()

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    return await asyncio.start_unix_server(answer, path)


def ask(path: str, request: dict[str, Any], seconds: float = 60.0) -> None:
    """Asks the keeper and waits for its answer. LabError: it declined, or it is not there."""
    name = str(request.get("name", "keeper"))
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(seconds)
            connection.connect(path)
            connection.sendall(json.dumps(request).encode() + b"\n")
            said = json.loads(connection.makefile().readline() or "{}")
    except OSError as error:
        raise LabError(name, f"the keeper does not answer: {error}") from error
    if "ok" not in said:
        raise LabError(name, said.get("error", "the keeper ended before it answered"))
