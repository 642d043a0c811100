"""What the ledger in OPS and the reports beside the lake tell a person. Only reading."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct, json

from reconciler.report import report_name
from reconciler.snowflake import Session
from tidemark.errors import TidemarkError
from tidemark.tables import Registry
from tidemark_lake.objects import Folder
from tidemark_warehouse import load

DAY_MS = 86_400_000


class NothingToTellError(TidemarkError):
    """There is no such comparison, or no report of it."""


class HistoryDay(Struct, frozen=True, kw_only=True):
    """A pair's day (UTC). Lags are seconds from first sight to agreement, of what was resolved that day."""

    day: str
    pair: str
    comparisons: int
    diverged: int
    stalled: int
    found: int
    still_there: int
    resolved: int
    p50: float | None
    p95: float | None


class Told:
    """Ledger and reports."""

    def __init__(self, session: Session, folder: Folder, registry: Registry) -> None:
        self._session, self._folder, self._registry = session, folder, registry
        self._statements = load("reconciler")

    def run_id(self, name: str | None) -> str:
        """A comparison's run: the newest of the datasets that have pairs, by DATASET#SEQ, or the id itself."""
        if name is None:
            return self.newest(*sorted({pair.dataset for pair in self._registry.pairs.values()}))
        if "#" not in name:
            return name
        dataset, _, seq = name.partition("#")
        rows = self._run("run_of_seq", {"dataset": dataset, "run_seq": int(seq)}) if seq.isdecimal() else []
        return self._one(rows, f"there is no comparison {name}")

    def newest(self, *datasets: str) -> str:
        """The newest comparison's run of these datasets."""
        rows = self._run("newest_run", {"datasets": list(datasets)})
        return self._one(rows, f"nothing of {', '.join(datasets)} has been compared yet")

    def report(self, run_id: str) -> dict[str, Any]:
        """The report of a run as plain data."""
        return json.decode(self.text(run_id, "json"), type=dict[str, Any])

    def page(self, run_id: str) -> bytes:
        """The report of a run as HTML."""
        return self.text(run_id, "html")

    def history(self, now_ms: int, days: int) -> list[HistoryDay]:
        """Every pair on each of the last days on which something was compared, newest day first."""
        since = {"from_ms": (now_ms // DAY_MS - days + 1) * DAY_MS}
        runs = {(row[0], int(row[1])): row[2:] for row in self._run("history_runs", since)}
        found = {(row[0], int(row[1])): row[2:] for row in self._run("history_found", since)}
        lag = {(row[0], int(row[1])): row[2:] for row in self._run("history_lag", since)}
        return [
            _day(name, day, counts, found.get((name, day)), lag.get((name, day)))
            for (dataset, day), counts in sorted(runs.items(), key=lambda one: (-one[0][1], one[0][0]))
            for name, pair in self._registry.pairs.items()
            if pair.dataset == dataset
        ]

    def text(self, run_id: str, form: str) -> bytes:
        """The report of a run as it was written, `form` json or html."""
        body = self._folder.read(report_name(run_id, form))
        if body is None:
            raise NothingToTellError(f"{self._folder.uri} holds no report of {run_id}")
        return body

    def _one(self, rows: Sequence[Sequence[Any]], otherwise: str) -> str:
        if not rows:
            raise NothingToTellError(otherwise)
        return str(rows[0][0])

    def _run(self, name: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._session.run(self._statements[name], values)


def _day(
    name: str, day: int, runs: Sequence[Any], found: Sequence[Any] | None, lag: Sequence[Any] | None
) -> HistoryDay:
    resolved, p50, p95 = lag or (0, None, None)
    seen, still_there = found or (0, 0)
    return HistoryDay(
        day=f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day):%Y-%m-%d}",
        pair=name,
        comparisons=int(runs[0]),
        diverged=int(runs[1]),
        stalled=int(runs[2]),
        found=int(seen),
        still_there=int(still_there),
        resolved=int(resolved),
        p50=None if p50 is None else float(p50),
        p95=None if p95 is None else float(p95),
    )
