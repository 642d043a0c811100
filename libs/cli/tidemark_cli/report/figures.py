"""The report's figures out of the marts, all of one run. A mart that is not there costs its own figures only."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from tidemark.errors import Retryable
from tidemark.events import MartsBuilt
from tidemark_cli.report.widgets import sections

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

Row = dict[str, Any]
DATASET = "ecommerce"
PACKAGE = "tidemark_cli.report"
TRIES = 3
_MART = re.compile(r"MARTS\.(\w+)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Published(Struct, frozen=True, kw_only=True):
    """The publication that the marts stand at; times are UTC."""

    run_seq: int
    run_id: str
    generation: int
    as_of: datetime
    published_at: datetime
    tests: int


class Figure(Struct, frozen=True):
    """A figure's rows, columns in lower case; or why there are none to be had."""

    rows: list[Row] = []
    problem: str | None = None


class Reading(Struct, frozen=True):
    """All figures by name, and the run that they are true of."""

    run: Published
    figures: dict[str, Figure]


def read(session: "SnowflakeConnection") -> Reading | None:
    """Every figure of one publication; None before the first one.

    The warehouse shows each query what is published at its time, so all are asked anew if a publication came between.
    Retryable if that never ends, or if the warehouse is away.
    """
    run = published(session)
    for _ in range(TRIES):
        if run is None:
            return None
        figures = _figures(session, run)
        before, run = run, published(session)
        if run == before:
            return Reading(run, figures)
    raise Retryable("the marts were published anew each time while they were read")


def published(session: "SnowflakeConnection") -> Published | None:
    """The publication that the marts stand at now."""
    rows = _ask(session, "run", {"dataset": DATASET})
    if not rows:
        return None
    (row,) = rows
    receipt = msgspec.json.decode(row["receipt"], type=MartsBuilt)
    return Published(
        run_seq=int(row["to_seq"]),
        run_id=row["run_id"],
        generation=int(row["generation"]),
        as_of=_EPOCH + timedelta(milliseconds=receipt.as_of_ms),
        published_at=row["published_at"].replace(tzinfo=UTC),
        tests=receipt.tests,
    )


def _figures(session: "SnowflakeConnection", run: Published) -> dict[str, Figure]:
    there = {str(row["table_name"]).upper() for row in _ask(session, "marts")}
    names = {widget.figure: None for section in sections() for widget in section.widgets}  # each once, in order
    return {name: _figure(session, run, name, there) for name in names}


def _figure(session: "SnowflakeConnection", run: Published, name: str, there: set[str]) -> Figure:
    from snowflake.connector import errors

    wanted = dict.fromkeys(_MART.findall(_statement(name)))
    if missing := [mart.lower() for mart in wanted if mart not in there]:
        return Figure(problem=f"not published yet: {', '.join(missing)}")
    try:
        return Figure(_ask(session, name, {"as_of": run.as_of.replace(tzinfo=None)}))
    except errors.ProgrammingError as refusal:  # the mart is of another shape, say, until the next run
        return Figure(problem=f"the warehouse refuses: {refusal.msg or refusal}")


def _ask(session: "SnowflakeConnection", name: str, values: Row | None = None) -> list[Row]:
    from tidemark_warehouse.connect import outages

    with outages(), session.cursor() as cursor:
        cursor.execute(_statement(name), values)
        columns = [column.name.lower() for column in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def _statement(name: str) -> str:
    # here, because the client's import would make every other command slower
    from tidemark_warehouse.sql import load

    return load(PACKAGE)[name]
