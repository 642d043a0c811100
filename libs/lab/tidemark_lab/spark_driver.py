"""The lab's resident Spark driver: one session, one run at a time, so that a run costs no cold start.

Run as `python -m tidemark_lab.spark_driver --port P --data DIR [--heap 1g]`; where the lake is comes from TIDEMARK_*
and AWS_* like everywhere.
    POST /runs {"manifest": uri}   runs the job to its end: 200 {"result": uri}, or 500 {"error", "message"}; a
                                   manifest that is being run already is waited for, not run twice
    GET  /healthz                  200 once Spark is warm
A driver that is killed in the middle leaves a branch that nobody publishes.
"""

import argparse
import json
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from curate_job.main import curate
from curate_job.session import CATALOG
from curate_job.session import session as run_session
from tidemark.settings import LakeSettings, load
from tidemark_lab import jars, java


def session(data: Path, heap: str, lake: LakeSettings) -> SparkSession:
    """A run's Spark (curate_job/session.py) with two cores, one for many runs; nothing listens but itself."""
    folder = jars.ensure("spark")
    os.environ["JAVA_HOME"] = str(java.java_home(jars.cache_folder()))
    builder = SparkSession.builder.appName("tidemark").master("local[2]")
    return run_session(builder, {**_engine(folder, data, heap), **_catalog(lake)})


def _engine(folder: Path, data: Path, heap: str) -> dict[str, str]:
    local = data / "local"
    return {
        "spark.driver.extraClassPath": f"{folder}/*",  # there from the start: `spark.jars` would copy them first
        "spark.driver.memory": heap,
        "spark.driver.extraJavaOptions": " ".join(
            (*java.QUICK_START, "-XX:ReservedCodeCacheSize=240m", f"-Djava.io.tmpdir={_made(data / 'tmp')}")
        ),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.local.dir": str(_made(local)),
        "spark.sql.warehouse.dir": str(data / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.retainedJobs": "200",
        "spark.ui.retainedStages": "400",
        "spark.ui.retainedTasks": "2000",
        "spark.sql.ui.retainedExecutions": "20",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.codegen.cache.maxEntries": "2000",  # a run's compiled code serves the next one
    }


def _catalog(lake: LakeSettings) -> dict[str, str]:
    prefix = f"spark.sql.catalog.{CATALOG}"
    settings = {f"{prefix}.warehouse": lake.lake_warehouse, f"{prefix}.client.region": lake.aws_region}
    if lake.glue_endpoint:
        settings[f"{prefix}.glue.endpoint"] = lake.glue_endpoint
    if lake.s3_endpoint:
        settings |= {f"{prefix}.s3.endpoint": lake.s3_endpoint, f"{prefix}.s3.path-style-access": "true"}
    return settings


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def warm_up(spark: SparkSession) -> None:
    """Have the JVM load what every run needs, so that the first one is not the slow one."""
    rows = spark.range(1000).selectExpr("id", "id % 7 AS k", "cast(id AS string) AS v")
    rows.groupBy("k").count().join(rows, "k").collect()


class Runs:
    """Runs manifests one after the other; the same manifest twice at once is one run."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark
        self._worker = ThreadPoolExecutor(1)
        self._lock = threading.Lock()
        self._under_way: dict[str, Future[str]] = {}

    def run(self, manifest: str) -> str:
        """The result's URI, once the run has ended; raises what the job raised."""
        with self._lock:
            future = self._under_way.get(manifest)
            if future is None:
                future = self._under_way[manifest] = self._worker.submit(curate, self._spark, manifest, CATALOG)
                future.add_done_callback(lambda _: self._forget(manifest))
        return future.result()

    def _forget(self, manifest: str) -> None:
        with self._lock:
            self._under_way.pop(manifest, None)


def handler(runs: Runs) -> type[BaseHTTPRequestHandler]:
    """The HTTP side of `runs`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200 if self.path in ("/", "/healthz") else 404, {"status": "ready"})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            try:
                manifest = str(json.loads(body)["manifest"])
            except (ValueError, KeyError, TypeError) as error:
                return self._answer(400, {"error": "BadRequest", "message": f"no manifest in the request: {error!r}"})
            try:
                return self._answer(200, {"result": runs.run(manifest)})
            except (PySparkException, Py4JError, ValueError, KeyError, RuntimeError, AssertionError) as error:
                return self._answer(500, {"error": type(error).__name__, "message": str(error)[:4000]})

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            pass

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    return Handler


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="the lab's resident Spark driver")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--heap", default="1g")
    arguments = parser.parse_args()
    spark = session(arguments.data, arguments.heap, load(LakeSettings))
    warm_up(spark)
    server = ThreadingHTTPServer(("127.0.0.1", arguments.port), handler(Runs(spark)))
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
