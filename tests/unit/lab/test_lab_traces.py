"""The trace store: what it takes in, what it answers, and what it hands to Zipkin."""

import gzip
import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan
from starlette.testclient import TestClient

from tidemark_lab.traces import application
from tidemark_lab.traces_store import SpanStore, decode
from tidemark_lab.traces_zipkin import Forwarder, to_zipkin

TRACE, PARENT, CHILD = "0a" * 16, "01" * 8, "02" * 8
SECOND = 1_000_000_000


def text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def request() -> ExportTraceServiceRequest:
    """A producer span of one service and a failed consumer span of another, of one run."""
    built = ExportTraceServiceRequest()
    for service, identity, parent, kind, start in (
        ("ingest-watcher", PARENT, "", ProtoSpan.SPAN_KIND_PRODUCER, 1),
        ("loader", CHILD, PARENT, ProtoSpan.SPAN_KIND_CONSUMER, 2),
    ):
        resource = built.resource_spans.add()
        resource.resource.attributes.append(text("service.name", service))
        span = resource.scope_spans.add().spans.add()
        span.trace_id, span.span_id = bytes.fromhex(TRACE), bytes.fromhex(identity)
        span.parent_span_id, span.name, span.kind = bytes.fromhex(parent), f"{service} work", kind
        span.start_time_unix_nano, span.end_time_unix_nano = start * SECOND, (start + 2) * SECOND
        span.attributes.append(text("messaging.destination.name", "tidemark.raw.loaded"))
        span.attributes.append(text("tidemark.run_id", "run-1"))
    span.status.code = 2
    span.status.message = "boom"
    return built


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    return TestClient(application(SpanStore(tmp_path), None))


def test_protobuf_and_gzip_are_understood(client: TestClient) -> None:
    """A span sent twice is kept once."""
    body = request().SerializeToString()
    kinds = {"content-type": "application/x-protobuf"}
    assert client.post("/v1/traces", content=body, headers=kinds).status_code == 200
    zipped = client.post("/v1/traces", content=gzip.compress(body), headers=kinds | {"content-encoding": "gzip"})
    assert zipped.status_code == 200
    spans = client.get(f"/api/traces/{TRACE}").json()
    assert [(span["span_id"], span["parent_id"], span["service"]) for span in spans] == [
        (PARENT, None, "ingest-watcher"),
        (CHILD, PARENT, "loader"),
    ]
    assert spans[0]["attributes"]["tidemark.run_id"] == "run-1"


def test_json_with_hexadecimal_ids_is_understood() -> None:
    """OTLP's JSON differs from protobuf's JSON in the ids."""
    span = {"traceId": TRACE, "spanId": CHILD, "name": "n", "startTimeUnixNano": "1", "endTimeUnixNano": "2"}
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    (found,) = decode(body, "application/json", None)
    assert (found.trace_id, found.span_id, found.service, found.end_ns) == (TRACE, CHILD, "unknown", 2)


def test_runs_are_found_by_their_attribute(client: TestClient) -> None:
    """A run spans its whole trace: seconds from the first start to the last end, failed if any span is."""
    client.post("/v1/traces", content=request().SerializeToString())
    expected = {
        "run_id": "run-1",
        "trace_id": TRACE,
        "start_ns": SECOND,
        "end_ns": 4 * SECOND,
        "spans": 2,
        "seconds": 3.0,
        "services": ["ingest-watcher", "loader"],
        "failed": True,
    }
    assert client.get("/api/runs").json() == [expected]
    assert client.get("/api/runs?run_id=run-1").json() == [expected]
    assert client.get("/api/runs?run_id=other").json() == []


def test_what_is_no_otlp_is_a_client_error(client: TestClient) -> None:
    """The sender is told, the store lives on."""
    assert client.post("/v1/traces", content=b"\xff\xffno").status_code == 400
    assert client.get("/healthz").status_code == 200


def test_zipkin_sees_topics_as_remote_ends() -> None:
    """So that its dependency graph shows the chain through Kafka."""
    producer, consumer = (to_zipkin(span) for span in decode(request().SerializeToString(), "", None))
    assert producer["remoteEndpoint"] == consumer["remoteEndpoint"] == {"serviceName": "kafka:tidemark.raw.loaded"}
    assert (consumer["kind"], consumer["parentId"], consumer["tags"]["error"]) == ("CONSUMER", PARENT, "boom")
    assert (consumer["timestamp"], consumer["duration"]) == (2_000_000, 2_000_000)


class FakeZipkin(BaseHTTPRequestHandler):
    received: queue.Queue[list[dict[str, Any]]]

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_POST(self) -> None:
        self.received.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(202)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def zipkin() -> Iterator[tuple[str, "queue.Queue[list[dict[str, Any]]]"]]:
    class Handler(FakeZipkin):
        received = queue.Queue()

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", Handler.received
    server.shutdown()
    server.server_close()


def test_spans_are_forwarded_and_older_ones_replayed(
    tmp_path: Path, zipkin: tuple[str, "queue.Queue[list[dict[str, Any]]]"]
) -> None:
    """What was kept while Zipkin was away reaches it when it is there."""
    url, received = zipkin
    store = SpanStore(tmp_path)
    first, second = decode(request().SerializeToString(), "", None)
    store.put([first])
    Forwarder(url, store.recent).offer([second])
    assert [span["id"] for span in received.get(timeout=20)] == [PARENT]
    assert [span["id"] for span in received.get(timeout=20)] == [CHILD]


def test_a_dead_zipkin_costs_nothing(tmp_path: Path) -> None:
    """offer() never waits, however many batches pile up."""
    store = SpanStore(tmp_path)
    spans = decode(request().SerializeToString(), "", None)
    forwarder = Forwarder("http://127.0.0.1:1", store.recent)
    for _ in range(2000):
        forwarder.offer(spans)
