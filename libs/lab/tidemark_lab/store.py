"""The lab's S3 and Glue: moto's server with the mends of store_objects.py and store_catalog.py.

Run as `python -m tidemark_lab.store --port 5000 --data DIR`; ready when GET / answers 200. What it is asked to keep
lies in DIR and outlives the process. `AWS_*` credentials may be anything.
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from cheroot.wsgi import Server

from tidemark_lab.store_calls import Application, Calls

THREADS = 32  # more requests at once wait; a connection without one takes no thread
PART_BUFFER_BYTES = 262_144  # an upload's parts wait in files once they are larger


def serve(port: int, data: Path) -> None:
    """Serves until the process ends."""
    os.environ.setdefault("MOTO_S3_DEFAULT_KEY_BUFFER_SIZE", str(PART_BUFFER_BYTES))
    data.mkdir(parents=True, exist_ok=True)
    parts = data / "parts"
    parts.mkdir(exist_ok=True)
    tempfile.tempdir = str(parts)
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    from tidemark_lab import store_catalog, store_index, store_objects

    # a host's backend is asked for with every request, and moto lists its package's folder each time
    DomainDispatcherApplication.get_backend_for_host = cache(DomainDispatcherApplication.get_backend_for_host)
    index = store_index.Index(data)
    store_catalog.install(index)
    store_objects.install(index)
    calls = Calls(data / "calls.json")
    application = calls.noting(DomainDispatcherApplication(create_backend_app))
    # moto's own server closes every connection: a thread and a connect for each request
    Server(("127.0.0.1", port), with_raw_path(application), THREADS, request_queue_size=128, timeout=120).start()


def with_raw_path(application: Application) -> Application:
    """Moto tells an encoded slash or question mark in a key by the path as it arrived."""

    def passed_on(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["RAW_URI"] = environ["REQUEST_URI"]
        return application(environ, start_response)

    return passed_on


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="the lab's object store and catalog")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    serve(arguments.port, arguments.data)


if __name__ == "__main__":
    main()
