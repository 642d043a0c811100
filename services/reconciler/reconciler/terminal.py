"""The report and the history as rich draws them, in 80 columns. Pure: what is shown is what report.py wrote.

Values pass through marks.py, everything else through `_text`: nothing from outside can style or move the cursor.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from reconciler.marks import pieces
from reconciler.report import STATES
from reconciler.told import HistoryDay

STYLES = {
    **dict.fromkeys(("DIVERGED", "STALLED", "confirmed"), "red"),
    **dict.fromkeys(("CONVERGING", "suspect", "pending"), "yellow"),
    **dict.fromkeys(("CONVERGED", "resolved"), "green"),
}


def shown(report: Mapping[str, Any], limit: int) -> Iterator[RenderableType]:
    """A report: its pairs, what it counted, and at most `limit` differences a pair."""
    yield _text(f"{report['run_id']} ({report['dataset']} #{report['run_seq']}), {report['at']} UTC")
    yield _pairs(report["pairs"])
    for pair in report["pairs"]:
        yield from [_text(f"{pair['pair']}: {pair['detail']}")] if pair["detail"] else []
    for pair in report["pairs"]:
        for title, counts in pair.get("summaries", {}).items():
            yield from [_counts(f"{pair['pair']} by {title}", counts)] if counts else []
        entries = pair.get("entries", [])
        for entry in entries[:limit]:
            yield from _entry(entry)
        left = len(entries) - len(entries[:limit]) + pair.get("entries_not_shown", 0)
        yield from (
            [_text(f"{left:,} more of {pair['pair']}: --limit, --open, OPS.RECONCILIATION_ENTRY")] if left else []
        )


def history_table(days: Sequence[HistoryDay]) -> Table:
    """A line a pair and day."""
    table = _table("Convergence by day and pair (lag in seconds, UTC)")
    table.add_column("day", no_wrap=True)
    table.add_column("pair", overflow="fold")
    for name in ("compared", "diverged", "stalled", "found", "open", "gone", "p50", "p95"):
        table.add_column(name, justify="right")
    for one in days:
        counts = (one.comparisons, one.diverged, one.stalled, one.found, one.still_there, one.resolved)
        lags = ("" if lag is None else f"{lag:,.0f}" for lag in (one.p50, one.p95))
        table.add_row(one.day, one.pair, *(f"{count:,}" for count in counts), *lags)
    return table


def _pairs(pairs: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("Reconciliation")
    table.add_column("pair", overflow="fold")
    table.add_column("status", no_wrap=True)
    table.add_column("judged up to", no_wrap=True)
    for name in ("rows", *STATES):
        table.add_column(name, justify="right")
    for pair in pairs:
        counts = (Text(f"{pair[state]:,}", STYLES[state] if pair[state] else "dim") for state in STATES)
        status = Text(pair["status"], STYLES[pair["status"]])
        table.add_row(_text(pair["pair"]), status, _text((pair["cutoff"] or "")[:16]), f"{pair['rows']:,}", *counts)
    return table


def _counts(title: str, counts: Mapping[str, Mapping[str, int]]) -> Table:
    table = _table(title)
    table.add_column("", overflow="fold", min_width=20)
    for state in STATES:
        table.add_column(state, justify="right")
    for name, found in counts.items():
        cells = (Text(f"{found[state]:,}", STYLES[state] if found[state] else "dim") for state in STATES)
        table.add_row(_text(name.replace("_", " ") if name.startswith("missing_") else name), *cells)
    return table


def _entry(entry: Mapping[str, Any]) -> Iterator[RenderableType]:
    head = Text("\n").append(entry["state"], STYLES[entry["state"]]).append(f" {entry['difference']}, likely ")
    yield head.append(entry["cause"], "bold").append(": ").append_text(_text(entry["reason"]))
    table = _table("")
    table.title = None
    for name, wide in (("column", 20), ("speed layer", 28), ("mart", 28)):
        table.add_column(name, overflow="fold", max_width=wide)
    rows, unlike = entry["rows"], entry["columns"]
    for name in [*entry["key"], *(name for name in unlike if name not in entry["key"])]:
        table.add_row(_text(name), *(_cell(rows, name, side, name in unlike) for side in ("speed", "batch")))
    yield table
    for query in entry["queries"].values():
        yield _text(query)


def _cell(rows: Mapping[str, Any], name: str, side: str, unlike: bool) -> Text:
    mine, other = rows[side], rows["batch" if side == "speed" else "speed"]
    if mine is None or mine[name] is None:
        return Text("no row" if mine is None else "NULL", "dim italic")
    found = Text()
    for piece in pieces(mine[name], other[name] if unlike and other else None):
        found.append(piece.text, "bold reverse" if piece.differs else "cyan" if piece.hidden else "")
    return found


def _table(title: str) -> Table:
    return Table(title=f"\n{title}", title_justify="left", box=box.SIMPLE_HEAD, padding=0, show_edge=False)


def _text(text: str) -> Text:
    return Text("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text))
