"""The lab's trace store: receives OTLP over HTTP, keeps spans in a SQLite file, answers questions about them.

Run as `python -m tidemark_lab.traces --port 4318 --data DIR [--zipkin http://127.0.0.1:9411]`; ready when GET /healthz
answers 200.
    POST /v1/traces            OTLP, protobuf or JSON, plain or gzip
    GET  /api/traces/{id}      the spans of a trace, oldest first
    GET  /api/runs[?run_id=]   runs (spans with the attribute tidemark.run_id), newest first
In a cluster the same exporter points at a collector instead.
"""

import argparse
from pathlib import Path

import uvicorn
from google.protobuf.json_format import ParseError
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tidemark_lab.traces_store import SpanStore, decode
from tidemark_lab.traces_zipkin import Forwarder


def application(store: SpanStore, forwarder: Forwarder | None) -> Starlette:
    """The web application on a store; without a forwarder spans are only kept."""

    def keep(body: bytes, content_type: str, encoding: str | None) -> None:
        spans = decode(body, content_type, encoding)
        store.put(spans)
        if forwarder:
            forwarder.offer(spans)

    async def receive(request: Request) -> Response:
        content_type = request.headers.get("content-type", "")
        try:
            await run_in_threadpool(keep, await request.body(), content_type, request.headers.get("content-encoding"))
        except (ValueError, OSError, EOFError, DecodeError, ParseError) as error:
            return PlainTextResponse(f"no OTLP trace request: {error}", 400)
        if content_type.startswith("application/json"):
            return JSONResponse({})
        return Response(ExportTraceServiceResponse().SerializeToString(), media_type="application/x-protobuf")

    async def trace(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(store.trace, request.path_params["trace_id"]))

    async def runs(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(store.runs, request.query_params.get("run_id")))

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok")

    routes = [
        Route("/v1/traces", receive, methods=["POST"]),
        Route("/api/traces/{trace_id}", trace),
        Route("/api/runs", runs),
        Route("/healthz", health),
    ]
    return Starlette(routes=routes)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="the lab's trace store")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--zipkin", help="forward spans to the Zipkin at this address")
    arguments = parser.parse_args()
    store = SpanStore(arguments.data)
    forwarder = Forwarder(arguments.zipkin, store.recent) if arguments.zipkin else None
    uvicorn.run(application(store, forwarder), host="127.0.0.1", port=arguments.port, log_level="warning")


if __name__ == "__main__":
    main()
