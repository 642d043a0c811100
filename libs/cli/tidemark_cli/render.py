"""How things look in the terminal: rich tables from runs, statuses and dead letters. No reading, no deciding.

Everything that came from outside goes through `safe`, so that a hostile text can neither style nor move the cursor.
"""

from collections.abc import Iterable, Mapping

from rich import box
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tidemark.records import Record
from tidemark_cli.runs import Run

COUNTS = {
    "read": "in",
    "released": "released",
    "accepted": "accepted",
    "repeated": "repeated",
    "held": "held",
    "quarantined": "quaran-\ntined",
}
STATUS_STYLE = {"CONVERGED": "green", "CONVERGING": "yellow", "DIVERGED": "red", "STALLED": "red"}


def safe(text: object) -> str:
    """The text without control characters and markup."""
    return escape("".join(c if c.isprintable() else "�" for c in str(text)))


def status_text(status: str) -> Text:
    """A status in its colour; a failure in red."""
    style = "red" if status.startswith("failed") else STATUS_STYLE.get(status, "cyan")
    return Text(status, style=style)


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def new_table(title: str) -> Table:
    """An empty table of the one look: it fits into 80 columns."""
    return Table(title=f"\n{title}", title_justify="left", box=box.SIMPLE_HEAD, padding=0, show_edge=False)


def rows_table(runs: Iterable[Run]) -> Table:
    """A line a run: what became of its rows in the lake and in RAW."""
    table = new_table("Rows")
    table.add_column("run", no_wrap=True)
    for name in (*COUNTS.values(), "loaded"):
        table.add_column(name, justify="right")
    for run in runs:
        tables = run.curated.tables if run.curated else None
        counts = [sum(getattr(t, name) for t in tables) if tables is not None else None for name in COUNTS]
        loaded = sum(t.rows for t in run.loaded.tables) if run.loaded else None
        table.add_row(_name(run), *(_number(n) for n in (*counts, loaded)))
    return table


def runs_table(runs: Iterable[Run], title: str = "Runs (seconds by stage, and from commit to reconciled)") -> Table:
    """A line a run: kind, models and tests, seconds by stage and from commit to reconciled, status."""
    table = new_table(title)
    table.add_column("run", no_wrap=True)
    table.add_column("kind")
    for name in ("models", "tests", "lake", "RAW", "marts", "compare", "total"):
        table.add_column(name, justify="right")
    table.add_column("status")
    for run in runs:
        stages = (run.curated, run.loaded, run.built, run.reconciled)
        numbers = (len(run.built.models), run.built.tests) if run.built else (None, None)
        seconds = [_seconds(e.seconds if e else None) for e in stages]
        cells = (*(_number(n) for n in numbers), *seconds, _seconds(run.seconds))
        table.add_row(_name(run), run.kind, *cells, status_text(run.status))
    return table


def _name(run: Run) -> str:
    return safe(f"{run.dataset} #{run.run_seq}")


def lake_table(run: Run) -> Table:
    """What the lake and RAW did with each table of a run."""
    table = new_table("Lake and RAW")
    table.add_column("table")
    names = (*COUNTS, "flagged")
    for name in (*COUNTS.values(), "flagged", "loaded", "files"):
        table.add_column(name, justify="right")
    loaded = {t.table: t for t in run.loaded.tables} if run.loaded else {}
    for t in run.curated.tables if run.curated else []:
        receipt = loaded.get(t.table)
        cells = [_number(getattr(t, name)) for name in names]
        table.add_row(
            t.table, *cells, _number(receipt.rows if receipt else None), _number(receipt.files if receipt else None)
        )
    return table


def models_table(run: Run) -> Table:
    """What dbt built and published."""
    table = new_table("Models")
    for name, justify in (("model", "left"), ("status", "left"), ("rows changed", "right"), ("seconds", "right")):
        table.add_column(name, justify="right" if justify == "right" else "left")
    for model in run.built.models if run.built else []:
        table.add_row(model.name, model.status, _number(model.rows), f"{model.seconds:.2f}")
    return table


def pairs_table(run: Run) -> Table:
    """How the layers agree."""
    table = new_table("Reconciliation")
    for name in ("pair", "status"):
        table.add_column(name)
    for name in ("rows", "pending", "suspect", "confirmed", "resolved", "s"):
        table.add_column(name, justify="right")
    for pair in run.reconciled.pairs if run.reconciled else []:
        counts = (pair.rows, pair.pending, pair.suspect, pair.confirmed, pair.resolved)
        cells = (_number(n) for n in counts)
        table.add_row(pair.pair, status_text(pair.status), *cells, f"{pair.seconds:.1f}")
    return table


def pair_details(run: Run) -> list[str]:
    """What the reconciler says of each pair, in a line."""
    pairs = run.reconciled.pairs if run.reconciled else []
    return [f"{pair.pair}: {safe(pair.detail)}" for pair in pairs if pair.detail]


def dead_letters_table(records: Iterable[tuple[int, Record]]) -> Table:
    """The dead letters by number: where each lay, who refused it and why."""
    table = new_table("Dead letters")
    for name in ("no", "at", "stage", "place", "error", "reason"):
        table.add_column(name)
    for number, record in records:
        headers = header_texts(record)
        cells = (headers.get(f"tidemark-{n}", "") for n in ("at", "stage", "place", "error", "reason"))
        table.add_row(str(number), *(safe(c) for c in cells))
    return table


def header_texts(record: Record) -> Mapping[str, str]:
    """A record's headers as text; what is no UTF-8 shows replacement characters."""
    return {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers}
