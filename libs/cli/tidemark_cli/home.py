"""Where the settings come from: the environment, or the lab in this folder (`.tidemark/lab.env`) where there is one."""

import os
from pathlib import Path

FOLDER = ".tidemark"


def home() -> Path:
    """The lab's folder: TIDEMARK_HOME, else `.tidemark` here."""
    return Path(os.environ.get("TIDEMARK_HOME", FOLDER)).absolute()


def enter() -> None:
    """Take the lab's settings where the environment names no broker of its own."""
    file = home() / "lab.env"
    if "TIDEMARK_KAFKA_BOOTSTRAP" in os.environ or not file.exists():
        return
    for line in file.read_text().splitlines():
        name, separator, value = line.partition("=")
        if separator:
            os.environ.setdefault(name, value)


def trace_address(trace_id: str) -> str:
    """The trace's page, if the environment names a trace page."""
    page = os.environ.get("TIDEMARK_ZIPKIN_URL")
    return f"{page}/zipkin/traces/{trace_id}" if page else ""
