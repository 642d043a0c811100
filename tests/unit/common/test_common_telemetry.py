"""Log lines, health and metrics: what people and probes see."""

import json
import logging
import time
import urllib.error
import urllib.request

import pytest

from tidemark import telemetry, tracing
from tidemark.clock import ManualClock
from tidemark.health import STALE_SECONDS, Health, serve


def line(message: str, *args: object, **extra: object) -> dict[str, object]:
    """A log record as it would be written."""
    record = logging.makeLogRecord({"name": "tidemark.x", "levelname": "INFO", "msg": message, "args": args, **extra})
    found = json.loads(telemetry.JsonLines("loader").format(record))
    assert isinstance(found, dict)
    return found


def test_a_line_names_its_run() -> None:
    """run_id and dataset come from the work in hand, extras stand beside them."""
    with telemetry.working_on("ecommerce", "r1"):
        found = line("loaded %s", "orders", rows=3)
    expected = {"level": "info", "service": "loader", "message": "loaded orders", "rows": 3}
    assert {name: found[name] for name in expected} == expected
    assert (found["run_id"], found["dataset"]) == ("r1", "ecommerce")
    assert "run_id" not in line("idle")


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter2",
        "PASSWORD: 'hunter2'",
        "https://ada:hunter2@host/path",
        'token="hunter2"',
        "aws_secret_access_key=hunter2",
        "Authorization: Bearer hunter2",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    """In messages; and in extras by their name."""
    assert "hunter2" not in json.dumps(line(text))
    assert line("x", api_token="hunter2")["api_token"] == "***"


def test_an_error_keeps_its_traceback_on_one_line() -> None:
    """A crash is one JSON object."""
    try:
        raise KeyError("bug")
    except KeyError as error:
        found = line("crashed", exc_info=(KeyError, error, error.__traceback__))
    assert "KeyError: 'bug'" in str(found["error"])


def test_a_dead_trace_backend_costs_nothing() -> None:
    """Spans are dropped without a word, and shutting down does not wait long."""
    tracing.set_up("test", "http://127.0.0.1:9/v1/traces")
    started = time.monotonic()
    for number in range(tracing.QUEUE_SPANS * 2):
        with telemetry.span("work", number=number):
            pass
    tracing.shut_down()
    assert time.monotonic() - started < 10


def fetch(url: str) -> tuple[int, str]:
    """Status and body."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_liveness_is_the_loop_and_readiness_its_partitions() -> None:
    """Both on one port, beside the metrics."""
    clock = ManualClock()
    health = Health(clock.monotonic)
    server = serve(health, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{server.server_port}"
    try:
        assert (fetch(f"{base}/livez")[0], fetch(f"{base}/readyz")[0]) == (200, 503)
        health.ready = True
        assert fetch(f"{base}/readyz")[0] == 200
        clock.advance(STALE_SECONDS + 1)
        assert (fetch(f"{base}/livez")[0], fetch(f"{base}/readyz")[0]) == (503, 503)
        health.beat()
        assert fetch(f"{base}/livez")[0] == 200
        text = fetch(f"{base}/metrics")[1]
        names = ("tidemark_stage_seconds", "process_cpu_seconds_total", "process_resident_memory_bytes")
        assert [name for name in names if name not in text] == []
        assert fetch(f"{base}/else")[0] == 404
    finally:
        server.shutdown()
        server.server_close()
