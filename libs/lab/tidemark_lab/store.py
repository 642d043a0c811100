"""The lab's S3 and Glue: moto's server with the mends of store_objects.py and store_catalog.py.

Run as `python -m tidemark_lab.store --port 5000 --data DIR`; ready when GET / answers 200. What it is asked to keep
lies in DIR and outlives the process. `AWS_*` credentials may be anything.
"""

import argparse
import logging
import os
import tempfile
from functools import cache
from pathlib import Path

from werkzeug.serving import make_server

PART_BUFFER_BYTES = 262_144  # an upload's parts wait in files once they are larger


def serve(port: int, data: Path) -> None:
    """Serves until the process ends."""
    os.environ.setdefault("MOTO_S3_DEFAULT_KEY_BUFFER_SIZE", str(PART_BUFFER_BYTES))
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    data.mkdir(parents=True, exist_ok=True)
    parts = data / "parts"
    parts.mkdir(exist_ok=True)
    tempfile.tempdir = str(parts)
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app

    from tidemark_lab import store_calls, store_catalog, store_index, store_objects

    # a host's backend is asked for with every request, and moto lists its package's folder each time
    DomainDispatcherApplication.get_backend_for_host = cache(DomainDispatcherApplication.get_backend_for_host)
    index = store_index.Index(data)
    store_catalog.install(index)
    store_objects.install(index)
    calls = store_calls.Calls(data / "calls.json")
    application = calls.noting(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", port, application, threaded=True, request_handler=MotoRequestHandler)
    server.daemon_threads = True  # type: ignore[attr-defined]
    server.serve_forever()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="the lab's object store and catalog")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    serve(arguments.port, arguments.data)


if __name__ == "__main__":
    main()
