"""Spans as the lab keeps them: OTLP requests in, rows of one SQLite file out.

A span's row is `Span`; `decode` makes rows of a request body, `SpanStore` keeps and finds them. To answer another
question about traces, add a query to `SpanStore` and a route to traces.py.
"""

import base64
import gzip
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan

RUN_ATTRIBUTE = "tidemark.run_id"
SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS span (trace_id TEXT, span_id TEXT, parent_id TEXT, service TEXT, name TEXT, kind INTEGER,
    start_ns INTEGER, end_ns INTEGER, status INTEGER, message TEXT, run_id TEXT, attributes TEXT, links TEXT,
    events TEXT, PRIMARY KEY (trace_id, span_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS span_start ON span (start_ns);
CREATE INDEX IF NOT EXISTS span_run ON span (run_id) WHERE run_id IS NOT NULL;
"""
PUT = "INSERT OR REPLACE INTO span VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
TRACE = "SELECT * FROM span WHERE trace_id = ? ORDER BY start_ns, span_id"
RUNS = """
WITH run AS (SELECT DISTINCT run_id, trace_id FROM span WHERE run_id IS NOT NULL AND (?1 IS NULL OR run_id = ?1))
SELECT run.run_id, run.trace_id, min(start_ns) AS start_ns, max(end_ns) AS end_ns, count(*) AS spans,
    (max(end_ns) - min(start_ns)) / 1e9 AS seconds, group_concat(DISTINCT service) AS services,
    max(status) = 2 AS failed
FROM run JOIN span ON span.trace_id = run.trace_id
GROUP BY run.run_id, run.trace_id ORDER BY start_ns DESC LIMIT 500
"""
RECENT = "SELECT * FROM (SELECT * FROM span ORDER BY start_ns DESC LIMIT ?) ORDER BY start_ns"


class Span(NamedTuple):
    """One row. `kind` and `status` are OTLP's numbers; `attributes`, `links` and `events` are JSON text."""

    trace_id: str
    span_id: str
    parent_id: str | None
    service: str
    name: str
    kind: int
    start_ns: int
    end_ns: int
    status: int
    message: str
    run_id: str | None
    attributes: str
    links: str
    events: str


class SpanStore:
    """The SQLite file; safe from any thread."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(home / "spans.db", check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.executescript(SCHEMA)

    def put(self, spans: Sequence[Span]) -> None:
        """Keeps spans; one that comes again replaces itself."""
        with self._lock:
            self._connection.execute("BEGIN")
            self._connection.executemany(PUT, spans)
            self._connection.execute("COMMIT")

    def trace(self, trace_id: str) -> list[dict[str, Any]]:
        """All spans of a trace by start, with attributes, links and events as objects."""
        rows = [dict(row) for row in self._rows(TRACE, trace_id)]
        parsed = ("attributes", "links", "events")
        return [row | {name: json.loads(row[name]) for name in parsed} for row in rows]

    def runs(self, run_id: str | None = None) -> list[dict[str, Any]]:
        """The newest runs, or the traces of one: run_id, trace_id, start_ns, end_ns, spans, seconds, services,
        failed."""
        rows = [dict(row) for row in self._rows(RUNS, run_id)]
        return [row | {"services": sorted(row["services"].split(",")), "failed": bool(row["failed"])} for row in rows]

    def recent(self, limit: int) -> list[Span]:
        """The newest spans, oldest first."""
        return [Span(*row) for row in self._rows(RECENT, limit)]

    def _rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()


def decode(body: bytes, content_type: str, encoding: str | None) -> list[Span]:
    """The spans of an OTLP/HTTP request body. ValueError or DecodeError: it is none."""
    plain = gzip.decompress(body) if encoding == "gzip" else body
    request = ExportTraceServiceRequest()
    if content_type.startswith("application/json"):
        json_format.ParseDict(_with_base64_ids(json.loads(plain)), request, ignore_unknown_fields=True)
    else:
        request.ParseFromString(plain)
    return list(_spans(request))


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource in request.resource_spans:
        service = str(_attributes(resource.resource.attributes).get("service.name", "unknown"))
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield _span(service, span)


def _span(service: str, span: ProtoSpan) -> Span:
    attributes = _attributes(span.attributes)
    run_id = attributes.get(RUN_ATTRIBUTE)
    events = [
        {"name": e.name, "time_ns": e.time_unix_nano, "attributes": _attributes(e.attributes)} for e in span.events
    ]
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() or None,
        service=service,
        name=span.name,
        kind=int(span.kind),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        status=int(span.status.code),
        message=span.status.message,
        run_id=None if run_id is None else str(run_id),
        attributes=json.dumps(attributes),
        links=json.dumps([{"trace_id": link.trace_id.hex(), "span_id": link.span_id.hex()} for link in span.links]),
        events=json.dumps(events),
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _plain(pair.value) for pair in pairs}


def _plain(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    if kind == "bytes_value":
        return value.bytes_value.hex()
    return getattr(value, kind) if kind else None


def _with_base64_ids(node: Any) -> Any:
    """OTLP's JSON writes ids as hex, protobuf's JSON reads base64."""
    if isinstance(node, list):
        return [_with_base64_ids(item) for item in node]
    if not isinstance(node, dict):
        return node
    ids = {"traceId", "spanId", "parentSpanId"}
    return {
        name: base64.b64encode(bytes.fromhex(item)).decode()
        if name in ids and isinstance(item, str)
        else _with_base64_ids(item)
        for name, item in node.items()
    }
