"""ClickHouse for the lab: chDB behind ClickHouse's HTTP protocol.

Run as `python -m tidemark_lab.clickhouse --port P --data DIR`; listens on 127.0.0.1 only.

chDB allows one process per folder, so this front owns it and everybody else uses the ordinary client
(clickhouse-connect). It answers GET /ping, and queries on /. The tables of the speed layer (sql/speed.sql) are made at
start; to change them, change that file.
"""

import argparse
import gzip
import importlib.resources
import json
import re
import tempfile
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import chdb
import lz4.frame
import uvicorn
from backports import zstd
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

# The engine alone holds about 270 MB. In the address of the first handle, for they are the server's settings.
SERVER_SETTINGS = "?max_server_memory_usage=800000000&mark_cache_size=50000000&background_pool_size=2&max_threads=2"
QUERY_MEMORY_LIMIT = 400_000_000
OPEN_SESSIONS = 32
# URL arguments that belong to the protocol; every other one is a setting of the query.
PROTOCOL_ARGUMENTS = frozenset(
    {
        *("query", "database", "default_format", "query_id", "quota_key", "role", "user", "password"),
        *("session_id", "session_timeout", "session_check", "client_protocol_version"),
        *("compress", "decompress", "enable_http_compression", "buffer_size", "wait_end_of_query"),
        *("send_progress_in_http_headers", "http_headers_progress_interval_ms"),
        "cancel_http_readonly_queries_on_client_close",
    }
)
FORMAT = re.compile(rb"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
INSERT = re.compile(
    rb"\s*INSERT\s+INTO\s+(?:TABLE\s+)?(.+?)\s+(?:SETTINGS\s+(.+?)\s+)?FORMAT\s+(\w+)[ \t\r]*(?:\n|$)",
    re.IGNORECASE | re.DOTALL,
)
SELECT = re.compile(rb"\s*(SELECT|WITH)\b", re.IGNORECASE)
STREAMED_FORMATS = frozenset({"Native", "TabSeparated", "TSV", "CSV", "RowBinary", "JSONEachRow", "ArrowStream"})
MISSING_OBJECT_CODES = frozenset({"60", "81"})  # unknown table, unknown database
Arguments = dict[str, str]
Answer = tuple[bytes | Iterator[bytes], str | None, dict[str, str]]


def lz4_frames(body: bytes) -> bytes:
    """The client sends one LZ4 frame per block: all of them have to be decoded, not only the first."""
    blocks = []
    while body:
        frame = lz4.frame.LZ4FrameDecompressor()
        blocks.append(frame.decompress(body))
        body = frame.unused_data or b""
    return b"".join(blocks)


DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "lz4": lz4_frames,
    "zstd": zstd.decompress,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
}


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Engine:
    """The chDB database in one folder, and one handle per session_id (settings and temporary tables live on it)."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.root = chdb.connect(path + SERVER_SETTINGS)  # keeps the engine alive; other handles share it
        self.timezone = self.root.query("SELECT timezone()", "TSVRaw").bytes().decode().strip()
        self._sessions: OrderedDict[str, tuple[Any, threading.Lock]] = OrderedDict()
        self._guard = threading.Lock()

    def create(self, script: str) -> None:
        without_comments = re.sub(r"^\s*--.*$", "", script, flags=re.MULTILINE)
        for statement in filter(str.strip, without_comments.split(";")):
            self.root.query(statement)

    @contextmanager
    def handle(self, session: str | None) -> Iterator[Any]:
        """The session's handle, one query at a time; without a session a handle of its own, closed afterwards.

        A streamed result holds the session until its last block, whichever thread reads that: hence no RLock.
        """
        if session is None:
            connection = chdb.connect(self.path)
            try:
                yield connection
            finally:
                connection.close()
            return
        connection, lock = self._session(session)
        with lock:
            yield connection

    def _session(self, name: str) -> tuple[Any, threading.Lock]:
        with self._guard:
            if name not in self._sessions:
                self._sessions[name] = (chdb.connect(self.path), threading.Lock())
            self._sessions.move_to_end(name)
            found = self._sessions[name]
            if len(self._sessions) > OPEN_SESSIONS:  # clients that were killed never say goodbye
                self._close_oldest()
            return found

    def _close_oldest(self) -> None:
        name, (connection, lock) = next(iter(self._sessions.items()))
        if lock.acquire(blocking=False):  # not in the middle of a query
            del self._sessions[name]
            connection.close()


def run(engine: Engine, arguments: Arguments, body: bytes) -> Answer:
    """One request. Errors are raised by chDB as RuntimeError with ClickHouse's text."""
    query = arguments.get("query", "").encode()
    statement = query + b"\n" + body if query and body else query or body
    streamed = streamed_format(arguments, statement)
    if streamed and not INSERT.match(statement):
        return stream(engine, arguments, statement, streamed), streamed, {}
    with engine.handle(arguments.get("session_id")) as connection:
        prepare(connection, arguments)
        insert = INSERT.match(statement)
        if insert and not SELECT.match(statement, insert.end(1)):
            return b"", None, insert_rows(connection, insert, statement[insert.end() :])
        found = FORMAT.search(statement)
        form = found[1].decode() if found else arguments.get("default_format", "TabSeparated")
        result = connection.query(text(statement), form, params=parameters(arguments))
        summary = {"read_rows": str(result.rows_read()), "read_bytes": str(result.bytes_read())}
        return result.bytes() or b"", form, summary


def streamed_format(arguments: Arguments, statement: bytes) -> str | None:
    found = FORMAT.search(statement)
    wanted = found is not None and SELECT.match(statement) and arguments.get("wait_end_of_query") != "1"
    return found[1].decode() if found and wanted and found[1].decode() in STREAMED_FORMATS else None


def stream(engine: Engine, arguments: Arguments, statement: bytes, form: str) -> Iterator[bytes]:
    """Blocks as they come, so that a large result is never whole in memory. The first is read before answering."""
    blocks = _blocks(engine, arguments, statement, form)
    first = next(blocks, b"")

    def all_blocks() -> Iterator[bytes]:
        yield first
        yield from blocks

    return all_blocks()


def _blocks(engine: Engine, arguments: Arguments, statement: bytes, form: str) -> Iterator[bytes]:
    with engine.handle(arguments.get("session_id")) as connection:
        prepare(connection, arguments)
        result = connection.send_query(text(statement), form, params=parameters(arguments))
        try:
            for block in result:
                yield block.bytes()
        finally:
            result.close()


def prepare(connection: Any, arguments: Arguments) -> None:
    """The database, the memory bound and the settings of this request."""
    if arguments.get("database"):
        connection.query("USE `{}`".format(arguments["database"].replace("`", "")))
    connection.query(f"SET max_memory_usage = {QUERY_MEMORY_LIMIT}")
    for name, value in arguments.items():
        if name not in PROTOCOL_ARGUMENTS and not name.startswith("param_") and re.fullmatch(r"\w+", name):
            connection.query(f"SET {name} = {quoted(value)}")


def insert_rows(connection: Any, insert: re.Match[bytes], rows: bytes) -> dict[str, str]:
    """Rows in the request's body: handed over in a file, for chDB takes no data beside a statement."""
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        file.write(rows)
        file.flush()
        statement = f"INSERT INTO {insert[1].decode()} FROM INFILE {quoted(file.name)} FORMAT {insert[3].decode()}"
        result = connection.query(statement, "TabSeparated")
    return {"written_rows": str(result.rows_read()), "written_bytes": str(result.bytes_read())}


def parameters(arguments: Arguments) -> Arguments:
    return {name.removeprefix("param_"): value for name, value in arguments.items() if name.startswith("param_")}


def text(statement: bytes) -> str:
    return statement.decode("utf-8", "surrogateescape")


async def answer(request: Request) -> Response:
    engine: Engine = request.app.state.engine
    arguments = dict(parse_qsl(request.scope["query_string"].decode(), keep_blank_values=True))
    body = await request.body()
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        form = await request.form()
        arguments |= {name: value for name, value in form.items() if isinstance(value, str)}
        body = b""
    body = DECODERS.get(request.headers.get("content-encoding", ""), bytes)(body)
    try:
        content, form_name, summary = await run_in_threadpool(run, engine, arguments, body)
    except RuntimeError as error:
        return failure(str(error))
    headers = {
        "X-ClickHouse-Summary": json.dumps(summary),
        "X-ClickHouse-Timezone": engine.timezone,
        "X-ClickHouse-Query-Id": arguments.get("query_id", ""),
    }
    if form_name:
        headers["X-ClickHouse-Format"] = form_name
    if isinstance(content, bytes):
        return Response(content, headers=headers)
    return StreamingResponse(content, headers=headers)


def failure(message: str) -> Response:
    """ClickHouse's error: the client reads the code from a header, not from the text."""
    found = re.search(r"Code: (\d+)", message)
    code = found[1] if found else "1000"
    return Response(message, 404 if code in MISSING_OBJECT_CODES else 500, {"X-ClickHouse-Exception-Code": code})


async def ping(_: Request) -> Response:
    return Response("Ok.\n")


def application(engine: Engine) -> Starlette:
    app = Starlette(routes=[Route("/ping", ping), Route("/", answer, methods=["GET", "POST"])])
    app.state.engine = engine
    return app


def main() -> None:
    parser = argparse.ArgumentParser(prog="tidemark_lab.clickhouse", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    options.data.mkdir(parents=True, exist_ok=True)
    engine = Engine(str(options.data.resolve()))
    engine.create(importlib.resources.files("tidemark_lab").joinpath("sql/speed.sql").read_text())
    uvicorn.run(application(engine), host="127.0.0.1", port=options.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
