"""Forwards spans to Zipkin, whose page shows them; a Zipkin that is away costs the receiver nothing.

Zipkin keeps spans in memory only: whenever it has come up, the newest spans of the store are sent again. What is sent
is made by `to_zipkin`.
"""

import json
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from tidemark_lab.traces_store import Span

KINDS = {2: "SERVER", 3: "CLIENT", 4: "PRODUCER", 5: "CONSUMER"}
MESSAGING = ("PRODUCER", "CONSUMER")
FAILED = 2
QUEUED_BATCHES = 256
REPLAYED_SPANS = 10_000
BATCH_SPANS = 500
LOOK_SECONDS = 2.0


def to_zipkin(span: Span) -> dict[str, Any]:
    """Zipkin's JSON of a span. A topic is the remote end of its producers and consumers, so that the graph shows it."""
    attributes = json.loads(span.attributes)
    tags = {name: value if isinstance(value, str) else json.dumps(value) for name, value in attributes.items()}
    if span.status == FAILED:
        tags["error"] = span.message or "true"
    made: dict[str, Any] = {
        "traceId": span.trace_id,
        "id": span.span_id,
        "name": span.name,
        "timestamp": span.start_ns // 1000,
        "duration": max(1, (span.end_ns - span.start_ns) // 1000),
        "localEndpoint": {"serviceName": span.service},
        "tags": tags,
        "annotations": [{"timestamp": e["time_ns"] // 1000, "value": e["name"]} for e in json.loads(span.events)],
    }
    if span.parent_id:
        made["parentId"] = span.parent_id
    if span.kind in KINDS:
        made["kind"] = KINDS[span.kind]
    topic = attributes.get("messaging.destination.name")
    if topic and made.get("kind") in MESSAGING:
        made["remoteEndpoint"] = {"serviceName": f"kafka:{topic}"}
    return made


class Forwarder:
    """A thread that sends what it is offered to Zipkin at `url`; `recent` gives the newest spans for a replay."""

    def __init__(self, url: str, recent: Callable[[int], list[Span]]) -> None:
        self._client = httpx.Client(base_url=url, timeout=5.0)
        self._recent = recent
        self._batches: queue.Queue[Sequence[Span]] = queue.Queue(QUEUED_BATCHES)
        self._up = False
        threading.Thread(target=self._run, name="zipkin", daemon=True).start()

    def offer(self, spans: Sequence[Span]) -> None:
        """Never waits: what does not fit is left to the replay."""
        try:
            self._batches.put_nowait(spans)
        except queue.Full:
            self._up = False

    def _run(self) -> None:
        while True:
            try:
                batch = self._batches.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                batch = ()
            if self._is_healthy() and (self._up or self._replay()):
                self._up = self._send(batch)
            else:
                self._up = False

    def _replay(self) -> bool:
        spans = self._recent(REPLAYED_SPANS)
        return all(self._send(spans[at : at + BATCH_SPANS]) for at in range(0, len(spans), BATCH_SPANS))

    def _is_healthy(self) -> bool:
        try:
            return self._client.get("/health").is_success
        except httpx.HTTPError:
            return False

    def _send(self, spans: Sequence[Span]) -> bool:
        if not spans:
            return True
        try:
            return self._client.post("/api/v2/spans", json=[to_zipkin(span) for span in spans]).is_success
        except httpx.HTTPError:
            return False
