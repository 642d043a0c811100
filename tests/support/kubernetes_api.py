"""The few calls of the Kubernetes API that the submitter makes, played by a small stateful server.

`operator` is told of each new SparkApplication and plays what the Spark Operator and the cluster make of it: it changes
the object (`stands`), adds pods (`pods`) and their logs (`logs`). `answers` are statuses given before all that, one a
request, 200 lets it through; `refusals` are given to creations of applications; with `loses_answer` the next creation
is done and answered by a 503.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Thing = dict[str, Any]
OOM: Thing = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
LISTED = re.compile(r"/(?:api|apis)/(?:[^/]+/)?v1(?:beta2)?/namespaces/(?P<namespace>[^/]+)/(?P<kind>[a-z]+)")
PATH = re.compile(LISTED.pattern + r"(?:/(?P<name>[^/]+))?(?:/(?P<part>log))?")


class Cluster:
    """What the API server knows of one namespace."""

    def __init__(self) -> None:
        self.operator: Callable[[Thing], None] = lambda application: None
        self.applications: dict[str, Thing] = {}
        self.pods: dict[str, Thing] = {}
        self.logs: dict[str, str] = {}
        self.answers: list[int] = []
        self.refusals: list[tuple[int, str]] = []
        self.loses_answer = False
        self.made: list[str] = []
        self.deleted: list[str] = []

    def of(self, kind: str) -> dict[str, Thing]:
        return {"sparkapplications": self.applications, "pods": self.pods}[kind]


def stands(application: Thing, state: str, message: str = "") -> None:
    """The operator's word for an application."""
    told = {"state": state, **({"errorMessage": message} if message else {})}
    driver = {"podName": f"{application['metadata']['name']}-driver"}
    application["status"] = {"applicationState": told, "driverInfo": driver}


def pod(name: str, status: Thing, labels: Thing | None = None) -> Thing:
    """A pod in a state."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels or {}}, "status": status}


def container(state: Thing, phase: str = "Failed", **more: Any) -> Thing:
    """The status of a pod whose one container is so."""
    image = {"image": "spark:1", "imageID": "", "name": "spark", "ready": False, "restartCount": 0}
    return {"phase": phase, "containerStatuses": [{**image, "state": state}], **more}


class Server(ThreadingHTTPServer):
    """Listens on a free port of loopback."""

    daemon_threads = True

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.cluster = cluster


class Handler(BaseHTTPRequestHandler):
    """Answers for `server.cluster`."""

    server: "Server"

    def do_GET(self) -> None:
        if not (found := self._found()):
            return None
        things, name, part, query = found
        if part == "log":
            text = self.server.cluster.logs.get(name)
            return self._no(400, "container is waiting to start") if text is None else self._text(text)
        if name:
            thing = things.get(name)
            return self._no(404, f"{name} not found") if thing is None else self._send(200, thing)
        wanted = [pair.split("=", 1) for pair in query.get("labelSelector", "").split(",") if pair]
        items = [t for t in things.values() if all(t["metadata"]["labels"].get(k) == v for k, v in wanted)]
        return self._send(200, {"kind": "List", "metadata": {"resourceVersion": "1"}, "items": items})

    def do_POST(self) -> None:
        thing = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if not (found := self._found()):
            return None
        if self.server.cluster.refusals:
            return self._no(*self.server.cluster.refusals.pop(0))
        name = thing["metadata"]["name"]
        if name in found[0]:
            return self._no(409, f"{name} already exists", "AlreadyExists")
        found[0][name] = thing
        self.server.cluster.made.append(name)
        self.server.cluster.operator(thing)
        if self.server.cluster.loses_answer:
            self.server.cluster.loses_answer = False
            return self._no(503, "the answer is lost")
        return self._send(201, thing)

    def do_DELETE(self) -> None:
        if not (found := self._found()):
            return None
        things, name, *_ = found
        if things.pop(name, None) is None:
            return self._no(404, f"{name} not found")
        self.server.cluster.deleted.append(name)
        return self._send(200, {"kind": "Status", "status": "Success"})

    def _found(self) -> tuple[dict[str, Thing], str, str, dict[str, str]] | None:
        """What the path names; None: an answer has been given."""
        if self.server.cluster.answers and (status := self.server.cluster.answers.pop(0)) != 200:
            return self._no(status, "not now")
        parts = urlsplit(self.path)
        match = PATH.fullmatch(parts.path)
        if match is None or match["namespace"] != "tidemark":
            return self._no(404, "the server could not find the requested resource")
        return (
            self.server.cluster.of(match["kind"]),
            match["name"] or "",
            match["part"] or "",
            dict(parse_qsl(parts.query)),
        )

    def _no(self, status: int, message: str, reason: str = "") -> None:
        self._send(status, {"kind": "Status", "code": status, "message": message, "reason": reason})

    def _send(self, status: int, body: Thing) -> None:
        self._write(status, "application/json", json.dumps(body).encode())

    def _text(self, text: str) -> None:
        self._write(200, "text/plain", text.encode())

    def _write(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


@contextmanager
def kubernetes_api(folder: Path) -> Iterator[tuple[Cluster, Path]]:
    """A cluster without anything in it, and the file to name in KUBECONFIG."""
    cluster = Cluster()
    server = Server(cluster)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    config = {
        "clusters": [{"name": "test", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "test", "user": {"token": "test"}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }
    file = folder / "kubeconfig.json"  # JSON is YAML
    file.write_text(json.dumps(config))
    try:
        yield cluster, file
    finally:
        server.shutdown()
        server.server_close()
