"""`tidemark trace`: every span under its parent, from the lab's store and from Zipkin alike."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from terminal import printed

from tidemark.errors import Retryable, SettingsError
from tidemark_cli.trace import Span, fetch, ordered, waterfall
from tidemark_lab.traces_store import Span as StoredSpan
from tidemark_lab.traces_store import SpanStore
from tidemark_lab.traces_zipkin import to_zipkin

HOSTILE = "\x1b[2J[bold]x[/]\u202eab\x9b"


def span(name: str, start: float, end: float, parent: str | None = None, failed: bool = False) -> Span:
    """A span whose id is its name; seconds."""
    return Span(name, parent, "loader", name, int(start * 1e9), int(end * 1e9), failed)


def test_children_stand_under_their_parents_by_start() -> None:
    """Depth first, each once; a lost parent's child is a root, and a circle does not hang."""
    spans = [
        span("b", 2, 3, "root"),
        span("root", 0, 9),
        span("a", 1, 5, "root"),
        span("a1", 1, 2, "a"),
        span("lost", 4, 5, "gone"),
        span("self", 5, 6, "self"),
    ]
    expected = [("root", 0), ("a", 1), ("a1", 2), ("b", 1), ("lost", 0), ("self", 0)]
    assert [(found.name, depth) for found, depth in ordered(spans)] == expected


def test_a_bar_lies_where_the_span_was() -> None:
    """Over the whole trace's width; short spans are left out, failed ones never."""
    shown = printed(
        waterfall(
            [
                span("root", 0, 10),
                span("last", 5, 10, "root"),
                span("short", 5, 5.01, "root"),
                span("failed", 9, 9.01, "root", failed=True),
            ],
            0.05,
            "run",
        )
    )
    lines = {line.split()[0]: line for line in shown.splitlines() if line.strip()}
    assert "short" not in shown
    assert lines["root"].count("█") == 24
    assert lines["last"].count("█") == 12
    assert lines["failed"].count("█") == 1
    assert lines["last"].index("█") == lines["root"].index("█") + 12


def test_hostile_names_stay_text() -> None:
    """A span's name and service neither style the terminal nor move its cursor."""
    shown = printed(waterfall([Span("1", None, HOSTILE, HOSTILE, 0, 10**9, False)], 0, HOSTILE))
    assert [c for c in shown if not c.isprintable() and c != "\n"] == []


class _Backend(BaseHTTPRequestHandler):
    answers: dict[str, bytes]

    def do_GET(self) -> None:
        body = self.server.answers.get(self.path)  # type: ignore[attr-defined]
        self.send_response(404 if body is None else 200)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Quiet."""


@contextmanager
def backend(answers: dict[str, bytes]) -> Iterator[str]:
    """A server on 127.0.0.1 with these answers; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Backend)
    server.answers = answers  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_store_and_zipkin_tell_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The lab's own JSON and Zipkin's, of one span; a trace that neither has is no span."""
    stored = StoredSpan("t", "1", None, "loader", "copy into", 1, 5_000_000, 9_000_000, 2, "no", None, "{}", "[]", "[]")
    store = SpanStore(tmp_path)
    store.put([stored])
    answers = {
        "/api/traces/t": json.dumps(store.trace("t")).encode(),
        "/zipkin/api/v2/trace/t": json.dumps([to_zipkin(stored)]).encode(),
    }
    expected = [Span("1", None, "loader", "copy into", 5_000_000, 9_000_000, True)]
    with backend(answers) as url:
        for variable, other in (("TRACES", "ZIPKIN"), ("ZIPKIN", "TRACES")):
            monkeypatch.setenv(f"TIDEMARK_{variable}_URL", url)
            monkeypatch.delenv(f"TIDEMARK_{other}_URL", raising=False)
            assert expected == fetch("t")
            assert fetch("other") == []


def test_without_a_backend_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """None named: which variables there are; one that is away: an outage."""
    monkeypatch.delenv("TIDEMARK_ZIPKIN_URL", raising=False)
    monkeypatch.delenv("TIDEMARK_TRACES_URL", raising=False)
    with pytest.raises(SettingsError, match="TIDEMARK_TRACES_URL"):
        fetch("t")
    monkeypatch.setenv("TIDEMARK_TRACES_URL", "http://127.0.0.1:9")
    with pytest.raises(Retryable, match="does not answer"):
        fetch("t")
