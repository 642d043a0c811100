"""Debian's Prometheus on the services of a lab, and what the boards ask of it."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from unused_ports import unused_port

from tidemark_lab import prometheus

BOARDS = Path(__file__).parents[2] / "helm" / "tidemark" / "boards"
VARIABLES = {"$__rate_interval": "5m", "$__range": "1h", "$dataset": ".*"}


class Watch:
    """A running Prometheus."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=30)

    def ask(self, path: str, **query: Any) -> Any:
        """The data of an answer of its API; a query that it refuses fails."""
        answer = self._client.get(f"/api/v1/{path}", params=query).json()
        assert answer["status"] == "success", (query, answer)
        return answer["data"]

    def finite(self, query: str, seconds: float = 3600) -> int:
        """How many series of a board's query have a value that is a number, over the time in view."""
        for name, value in VARIABLES.items():
            query = query.replace(name, value)
        now = time.time()
        found = self.ask("query_range", query=query, start=now - seconds, end=now, step=5)["result"]
        return sum(any(value not in ("NaN", "+Inf", "-Inf") for _, value in series["values"]) for series in found)

    def is_ready(self) -> bool:
        try:
            return self._client.get("/-/ready").is_success
        except httpx.HTTPError:
            return False


def board_queries() -> dict[str, str]:
    """Every query of every board, by board, panel and letter."""
    return {
        f"{path.stem} / {panel['title']} / {target['refId']}": target["expr"]
        for path in sorted(BOARDS.glob("*.json"))
        for panel in json.loads(path.read_text())["panels"]
        for target in panel["targets"]
    }


@contextmanager
def watching(folder: Path, services: Mapping[str, int]) -> Iterator[Watch | None]:
    """A Prometheus that asks these ports for as long as the block lasts, set up as the lab's own is; None without."""
    if shutil.which(prometheus.NAME) is None:
        yield None
        return
    port = unused_port()
    prometheus.prepare(folder, services)
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(prometheus.command(folder, port), stdout=log, stderr=log)
    try:
        watch = Watch(f"http://127.0.0.1:{port}")
        deadline = time.monotonic() + 60
        while not watch.is_ready():
            assert process.poll() is None and time.monotonic() < deadline, (folder / "prometheus.log").read_text()
            time.sleep(0.2)
        yield watch
    finally:
        process.terminate()
        process.wait(30)


def trace_ids_of_exemplars(watch: Watch) -> set[str]:
    """The traces to which the diamonds of the stage's seconds lead."""
    now = time.time()
    found = watch.ask("query_exemplars", query="tidemark_stage_seconds_bucket", start=now - 3600, end=now)
    return {one["labels"]["trace_id"] for series in found for one in series["exemplars"]}
