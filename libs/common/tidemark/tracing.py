"""Traces: one per run, propagated by hand over Kafka headers (list of (str, bytes)), exported by OTLP over HTTP.

Names of spans and attributes stand in signals.py. A trace backend that is away costs nothing: spans wait in a bounded
queue on a thread of their own and are dropped when it is full.
"""

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tidemark import signals
from tidemark.records import Headers, Record

EXPORT_TIMEOUT_SECONDS = 2
QUEUE_SPANS = 4096
_propagator = TraceContextTextMapPropagator()


class _QuietTicks(SpanProcessor):
    """Holds back the spans of a tick's trace until it is known whether the tick did anything."""

    def __init__(self, onward: SpanProcessor) -> None:
        self._onward = onward
        self._held: dict[int, list[ReadableSpan]] = {}

    def hold(self, trace_id: int) -> None:
        self._held[trace_id] = []

    def release(self, trace_id: int, keep: bool) -> None:
        spans = self._held.pop(trace_id, [])
        for span in spans if keep else []:
            self._onward.on_end(span)

    def on_end(self, span: ReadableSpan) -> None:
        held = self._held.get(span.context.trace_id)
        if held is None:
            self._onward.on_end(span)
        else:
            held.append(span)

    def shutdown(self) -> None:
        self._onward.shutdown()

    def force_flush(self, timeout_millis: int = 2000) -> bool:
        return self._onward.force_flush(timeout_millis)


class _State:
    """This process's tracer; a no-op one until set_up() is called."""

    tracer: Tracer = trace.NoOpTracer()
    provider: TracerProvider | None = None
    ticks: _QuietTicks | None = None
    exporter: OTLPSpanExporter | None = None


def set_up(service_name: str, endpoint: str | None, processor: SpanProcessor | None = None) -> None:
    """Send spans to an OTLP/HTTP endpoint (or to `processor`); with neither, tracing stays off."""
    shut_down()
    if processor is None and endpoint is None:
        return
    # a dead endpoint is a normal state; the exporter's tracebacks would drown the service's own lines
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    _State.ticks = _QuietTicks(processor or _batches(endpoint))
    _State.provider = TracerProvider(
        resource=Resource.create({"service.name": service_name, "service.namespace": "tidemark"}),
        shutdown_on_exit=False,
    )
    _State.provider.add_span_processor(_State.ticks)
    _State.tracer = _State.provider.get_tracer("tidemark")


def _batches(endpoint: str | None) -> SpanProcessor:
    _State.exporter = OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_TIMEOUT_SECONDS)
    return BatchSpanProcessor(
        _State.exporter, max_queue_size=QUEUE_SPANS, schedule_delay_millis=500, max_export_batch_size=256
    )


def shut_down() -> None:
    """Send what is queued, for at most about two seconds, and turn tracing off."""
    provider, exporter = _State.provider, _State.exporter
    if provider is not None:
        # the SDK's own time-out of a flush is per batch, so the wait is bounded here
        flush = threading.Thread(target=provider.force_flush, daemon=True)
        flush.start()
        flush.join(EXPORT_TIMEOUT_SECONDS)
        if exporter is not None:
            exporter.shutdown()  # type: ignore[no-untyped-call]
        provider.shutdown()
    _State.tracer, _State.provider, _State.ticks, _State.exporter = trace.NoOpTracer(), None, None, None


@contextmanager
def span(name: str, **attributes: Any) -> Iterator[Span]:
    """A child of the current span; an exception that passes marks it as failed. None attributes are left out."""
    with _State.tracer.start_as_current_span(name, attributes=_clean(attributes)) as current:
        yield current


def record_span(name: str, start_ns: int, end_ns: int, **attributes: Any) -> None:
    """A finished child of the current span, for work that was measured elsewhere. Times are epoch nanoseconds."""
    finished = _State.tracer.start_span(name, start_time=start_ns, attributes=_clean(attributes))
    finished.end(end_time=max(start_ns, end_ns))


def start_consuming(group: str, record: Record, about: Mapping[str, Any]) -> Span:
    """Begin the span of handling one record, under its producer's span, so that a run is one trace."""
    attributes = {
        signals.MESSAGING_SYSTEM: "kafka",
        signals.OPERATION_TYPE: "process",
        signals.OPERATION_NAME: "process",
        signals.DESTINATION: record.topic,
        signals.PARTITION: str(record.partition),
        signals.OFFSET: record.offset,
        signals.CONSUMER_GROUP: group,
        **about,
    }
    return _State.tracer.start_span(
        signals.PROCESS.format(topic=record.topic),
        context=from_headers(record.headers),
        kind=SpanKind.CONSUMER,
        attributes=_clean(attributes),
    )


def start_tick(stage: str) -> Span:
    """Begin the root span of a tick; finish_tick() decides whether it and its children leave a trace behind."""
    started = _State.tracer.start_span(signals.TICK.format(stage=stage), context=Context())
    if _State.ticks is not None:
        _State.ticks.hold(started.get_span_context().trace_id)
    return started


def finish_tick(started: Span, keep: bool) -> None:
    """End a tick's span; an idle tick (keep False) is forgotten with all below it."""
    started.end()
    if _State.ticks is not None:
        _State.ticks.release(started.get_span_context().trace_id, keep)


def inside(started: Span) -> AbstractContextManager[Span]:
    """Make a started span the current one; it is neither ended nor marked on the way out."""
    return trace.use_span(started, end_on_exit=False, record_exception=False, set_status_on_exception=False)


def producer_headers(
    topic: str, partition: int, message_id: str, about: Mapping[str, Any], new_trace: bool = False
) -> list[tuple[str, bytes]]:
    """Record the span of sending one event and return the headers that make its consumer a child of it.

    `new_trace` starts a trace of its own that links back to the current span: a run that was begun by another's event.
    """
    attributes = {
        signals.MESSAGING_SYSTEM: "kafka",
        signals.OPERATION_TYPE: "send",
        signals.OPERATION_NAME: "send",
        signals.DESTINATION: topic,
        signals.PARTITION: str(partition),
        signals.MESSAGE_ID: message_id,
        **about,
    }
    here = trace.get_current_span().get_span_context()
    sent = _State.tracer.start_span(
        signals.SEND.format(topic=topic),
        context=Context() if new_trace else None,
        kind=SpanKind.PRODUCER,
        attributes=_clean(attributes),
        links=[Link(here)] if new_trace and here.is_valid else None,
    )
    sent.end()
    return to_headers(trace.set_span_in_context(sent, Context()))


def to_headers(context: Context | None = None) -> list[tuple[str, bytes]]:
    """The context as Kafka headers."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, context)
    return [(name, value.encode()) for name, value in carrier.items()]


def from_headers(headers: Headers) -> Context:
    """The context that a record's headers carry; an empty one if they carry none."""
    carrier = {name: value.decode("ascii", "replace") for name, value in headers if value is not None}
    return _propagator.extract(carrier, Context())


def current_trace_id() -> str | None:
    """The current trace as 32 hex digits, None outside any."""
    found = trace.get_current_span().get_span_context()
    return format(found.trace_id, "032x") if found.is_valid else None


def mark(current: Span, outcome: str, error: BaseException | None = None) -> None:
    """Say on a span how its work ended."""
    current.set_attribute(signals.OUTCOME, outcome)
    if error is not None:
        current.record_exception(error)
        current.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))


def _clean(attributes: Mapping[str, Any]) -> dict[str, Any]:
    plain = (str, bool, int, float)
    return {n: v if isinstance(v, plain) else str(v) for n, v in attributes.items() if v is not None}
