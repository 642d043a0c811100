"""The lab's Kafka: one real broker in KRaft mode, small, on 127.0.0.1.

`prepare` writes its properties and formats its storage once; `command` is how it is started. To change a setting, edit
`broker.properties`.
"""

import base64
import subprocess
import uuid
from importlib import resources
from pathlib import Path

from tidemark_lab.errors import LabError
from tidemark_lab.java import QUICK_START

FORMAT_SECONDS = 120
FLAGS = (
    "-Xmx256m",
    "-Xms64m",
    *QUICK_START,
    "-XX:MaxDirectMemorySize=64m",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
)


def prepare(java: str, jars: Path, data: Path, port: int, controller_port: int) -> None:
    """Writes server.properties for these ports; formats the storage when it is new. LabError: that failed."""
    data.mkdir(parents=True, exist_ok=True)
    template = resources.files("tidemark_lab").joinpath("broker.properties").read_text()
    text = template.replace("{port}", str(port)).replace("{controller_port}", str(controller_port))
    (data / "server.properties").write_text(text.replace("{logs}", str(data / "logs")))
    if not (data / "logs" / "meta.properties").is_file():
        _format(java, jars, data)


def command(java: str, jars: Path, data: Path) -> list[str]:
    """How the broker is started."""
    return _java(java, jars, "kafka.Kafka", str(data / "server.properties"))


def _format(java: str, jars: Path, data: Path) -> None:
    """StorageTool, not a hand-written meta.properties: with that, transactions would stay at version 0."""
    tool = _java(java, jars, "kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c")
    done = subprocess.run(
        [*tool, str(data / "server.properties")], capture_output=True, text=True, timeout=FORMAT_SECONDS, check=False
    )
    if done.returncode != 0:
        raise LabError("broker", "its storage cannot be formatted", (done.stdout + done.stderr)[-3000:])


def _java(java: str, jars: Path, main: str, *arguments: str) -> list[str]:
    return [java, *FLAGS, "-cp", f"{jars}/*", main, *arguments]


def _cluster_id() -> str:
    text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return text if not text.startswith("-") else f"A{text[1:]}"
