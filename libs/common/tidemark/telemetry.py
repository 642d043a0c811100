"""Log lines and the way into traces and metrics: `from tidemark import telemetry`.

    telemetry.setup("loader", settings)
    log = telemetry.logger(__name__)
    with telemetry.span(signals.COPY_INTO, table="orders"): ...
    log.info("loaded", extra={"rows": 3})

Log lines are JSON on standard error with run_id, dataset and trace_id. Secrets belong in none of them; what looks like
one is masked all the same. What spans and metrics there are stands in
signals.py, the port that shows the metrics in health.py.
"""

import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from tidemark import tracing
from tidemark.settings import RunnerSettings
from tidemark.tracing import record_span, span

__all__ = ["JsonLines", "logger", "record_span", "setup", "shut_down", "span", "working_on"]

_run_id: ContextVar[str | None] = ContextVar("run_id", default=None)
_dataset: ContextVar[str | None] = ContextVar("dataset", default=None)
_standard = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_secret_name = re.compile(r"passw|secret|token|credential|private_key|authorization", re.IGNORECASE)
_secret_text = re.compile(
    r"(?P<name>(?:passw\w*|secret\w*|token|private_key\w*|authorization)[\"']?\s*[=:]\s*[\"']?(?:bearer |basic )?)"
    r"[^\s\"',;&]+"
    r"|(?P<user>://[^/\s:@]+:)[^@\s]+(?=@)",
    re.IGNORECASE,
)


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, service, logger, message, run_id, dataset, trace_id, the extras, error."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": masked(record.getMessage()),
            "run_id": _run_id.get(),
            "dataset": _dataset.get(),
            "trace_id": tracing.current_trace_id(),
        }
        for name, value in vars(record).items():
            if name not in _standard and not name.startswith("_"):
                line[name] = "***" if _secret_name.search(name) else value
        if record.exc_info:
            line["error"] = masked(self.formatException(record.exc_info))
        return json.dumps({n: v for n, v in line.items() if v is not None}, default=lambda v: masked(str(v)))


def setup(service_name: str, settings: RunnerSettings) -> None:
    """Log lines to standard error, spans to the OTLP endpoint. Called once, by a service's __main__ or the runner."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(service_name))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("tidemark").setLevel(logging.INFO)
    tracing.set_up(service_name, settings.otlp_endpoint)


def shut_down() -> None:
    """Send the last spans; waits about two seconds at most."""
    tracing.shut_down()


def logger(name: str) -> logging.Logger:
    """A logger below `tidemark`, so that a vendor's chatter can be kept at warnings."""
    return logging.getLogger(name if f"{name}.".startswith("tidemark.") else f"tidemark.{name}")


Naming = AbstractContextManager[None]


@contextmanager
def working_on(dataset: str | None, run_id: str | None) -> Iterator[None]:
    """Name the run in every log line written inside."""
    tokens = _dataset.set(dataset), _run_id.set(run_id)
    try:
        yield
    finally:
        _dataset.reset(tokens[0])
        _run_id.reset(tokens[1])


def masked(text: str) -> str:
    """The text with what looks like a secret replaced by ***."""
    return _secret_text.sub(lambda found: (found["name"] or found["user"]) + "***", text)
