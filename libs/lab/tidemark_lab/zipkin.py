"""The lab's Zipkin: the stock server with its page, small, in memory, on 127.0.0.1 only.

The trace store (traces.py) forwards spans to it and replays them when it has come up again.
"""

from pathlib import Path

from tidemark_lab import jars
from tidemark_lab.java import QUICK_START

MAX_SPANS = 20_000
FLAGS = ("-Xmx192m", "-Xms32m", *QUICK_START, "-XX:MaxDirectMemorySize=64m")


def command(java: str, folder: Path, port: int) -> list[str]:
    """How Zipkin is started."""
    (jar,) = jars.locked("zipkin")
    return [
        *("nice", "-n", "10"),  # it only shows: Spark and the chain come first
        java,
        *FLAGS,
        "-jar",
        str(folder / jar.name),
        f"--armeria.ports[0].port={port}",
        "--armeria.ports[0].address=127.0.0.1",
        "--armeria.ports[0].protocols[0]=http",
        f"--zipkin.storage.mem.max-spans={MAX_SPANS}",
        "--zipkin.self-tracing.enabled=false",
        "--logging.level.root=WARN",
    ]
