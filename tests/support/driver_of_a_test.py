"""The lab's Spark driver as a test's own process, with two doors more than the lab's.

    POST /sql {"sql"}      the rows of a statement, in a session of its own
    POST /meddle {"sql"}   a statement that the next run meets on its branch, between its writes and its checks
`python driver_of_a_test.py PORT DATA`; `driver` starts it and stops it.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from unused_ports import unused_port

from tidemark_lab.components import Component, is_ready


class Driver:
    """The process as a test sees it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=300)

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._asked("/sql", statement)["rows"]]

    def meddle(self, statement: str) -> None:
        self._asked("/meddle", statement)

    def _asked(self, path: str, statement: str) -> dict[str, Any]:
        answer = self._client.post(path, json={"sql": statement})
        assert answer.status_code == httpx.codes.OK, answer.text
        told: dict[str, Any] = answer.json()
        return told


@contextmanager
def driver(data: Path) -> Iterator[Driver]:
    """A driver on the lake that the environment names, warm."""
    port = unused_port()
    command = (sys.executable, str(Path(__file__)), str(port), str(data))
    process = subprocess.Popen(command)
    asked, deadline = Component("driver", command, ports={"driver": port}, ready="/healthz"), time.monotonic() + 240
    try:
        while not is_ready(asked):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield Driver(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """The process."""
    from curate_job import checks
    from tidemark.settings import LakeSettings, load
    from tidemark_lab import spark_driver

    spark = spark_driver.session(Path(sys.argv[2]), "700m", load(LakeSettings))
    others = spark.newSession()  # sees what the publisher has moved since
    others.conf.set(f"spark.sql.catalog.{spark_driver.CATALOG}.cache-enabled", "false")
    armed: list[str] = []
    all_of, lock = checks.all_of, threading.Lock()

    def meddled(*arguments: Any) -> Any:
        with lock:
            if armed:
                spark.sql(armed.pop())
        return all_of(*arguments)

    checks.all_of = meddled

    class Handler(spark_driver.handler(spark_driver.Runs(spark))):  # type: ignore[misc]
        def do_POST(self) -> None:  # noqa: N802 - the base class's name
            if self.path == "/runs":
                return super().do_POST()
            statement = json.loads(self.rfile.read(int(self.headers["content-length"])))["sql"]
            if self.path == "/meddle":
                armed.append(statement)
                return self._answer(200, {})
            try:
                return self._answer(200, {"rows": [[str(v) for v in row] for row in others.sql(statement).collect()]})
            except Exception as error:  # noqa: BLE001 - whatever it is, the test shall see it
                return self._answer(500, {"message": str(error)})

    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
