"""One port for liveness (/livez), readiness (/readyz) and Prometheus metrics (/metrics).

Alive means that the loop itself has come round lately, not that the process exists. Ready means that it has its
partitions and knows what is parked.
"""

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder

STALE_SECONDS = 60.0


class Health:
    """What the loop says about itself."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._beat = clock()
        self.ready = False

    def beat(self) -> None:
        """The loop has come round."""
        self._beat = self._clock()

    @property
    def alive(self) -> bool:
        """Whether it has done so lately."""
        return self._clock() - self._beat < STALE_SECONDS

    def answer(self, path: str, accept: str = "") -> tuple[int, str, bytes]:
        """Status, content type and body for a path; metrics with exemplars for who accepts OpenMetrics."""
        match path.partition("?")[0]:
            case "/metrics":
                encode, content_type = choose_encoder(accept)
                return 200, content_type, encode(REGISTRY)
            case "/livez":
                return _plain(self.alive, "alive", f"the loop has not come round for {STALE_SECONDS:.0f} s")
            case "/" | "/readyz":
                return _plain(self.alive and self.ready, "ready", "not ready")
        return 404, "text/plain", b"/livez, /readyz or /metrics\n"


def _plain(good: bool, yes: str, no: str) -> tuple[int, str, bytes]:
    return (200, "text/plain", f"{yes}\n".encode()) if good else (503, "text/plain", f"{no}\n".encode())


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], health: Health) -> None:
        self.health = health
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        status, content_type, body = self.server.health.answer(self.path, self.headers.get("Accept", ""))
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Probes are no news."""


def serve(health: Health, host: str, port: int) -> ThreadingHTTPServer:
    """Answer on a thread of its own; port 0 takes a free one (see `server_port`). OSError if the port is taken."""
    server = _Server((host, port), health)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server
