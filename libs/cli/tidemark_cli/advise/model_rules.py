"""Rules about what is loaded, built and read; the evidence is tidemark's own ledgers and the access history."""

from collections.abc import Sequence
from math import ceil

from tidemark_cli.advise import thresholds as t
from tidemark_cli.advise.evidence import Advice, Loads, ModelRuns, Reads


def small_files(tables: Sequence[Loads]) -> list[Advice]:
    """More files than the data needs, by more than one a run."""
    found = []
    for table in tables:
        needed = max(table.runs, ceil(table.bytes / t.FILE_BYTES))
        surplus = table.files - needed
        if table.files < t.FILES or table.bytes / table.files >= t.FILE_BYTES or surplus <= 0:
            continue
        found.append(
            Advice(
                title="Small files",
                subject=table.table,
                evidence={"files": table.files, "runs": table.runs, "MB a file": table.bytes / table.files / t.MB},
                saving=table.seconds * surplus / table.files,
                unit="seconds",
                reckoned=f"at most: loading time in proportion to the {surplus} files beyond one a run or one for "
                f"{t.FILE_BYTES // t.MB} MB",
                what_to_do="Let cuts grow (TIDEMARK_SETTLE_SECONDS), or have fewer tasks write the changes tables.",
            )
        )
    return found


def could_be_incremental(models: Sequence[ModelRuns]) -> list[Advice]:
    """A large table is rebuilt whole, and little of it changes."""
    return [
        Advice(
            title="Incremental candidate",
            subject=m.model,
            evidence={
                "rows": m.rows,
                "runs": m.runs,
                "changed a run": m.changed / m.runs,
                "seconds a run": m.seconds / m.runs,
            },
            saving=m.seconds * (1 - m.changed / m.runs / m.rows),
            unit="seconds",
            reckoned="at most: building time in proportion to the rows that did not change",
            what_to_do="Make it incremental by key: build only the keys touched in the window, as staging does.",
        )
        for m in models
        if m.kind == "table" and m.rows >= t.LARGE_ROWS and m.runs >= t.RUNS
        if m.changed / m.runs < t.CHANGED_SHARE * m.rows
    ]


def full_refreshes(models: Sequence[ModelRuns]) -> list[Advice]:
    """Incremental models begin from nothing again and again."""
    return [
        Advice(
            title="Full refreshes too often",
            subject=m.model,
            evidence={
                "runs": m.runs,
                "of them whole": m.full_runs,
                "seconds whole": m.full_seconds / m.full_runs,
                "seconds else": _other_seconds(m),
            },
            saving=m.full_seconds - m.full_runs * _other_seconds(m),
            unit="seconds",
            reckoned="what whole builds took beyond as many builds of the changes alone",
            what_to_do="Find who asks for rebuilds (`tidemark audit`), and why a run of the changes would not do.",
        )
        for m in models
        if m.kind == "incremental" and m.runs >= t.RUNS and m.runs > m.full_runs > t.FULL_SHARE * m.runs
        if m.full_seconds > m.full_runs * _other_seconds(m)
    ]


def never_read(marts: Sequence[Reads]) -> list[Advice]:
    """Nobody reads a mart from which nothing else is made."""
    return [
        Advice(
            title="Mart that nobody reads",
            subject=mart.model,
            evidence={"reads": mart.reads, "seconds of building": mart.seconds},
            saving=mart.seconds,
            unit="seconds",
            reckoned="all its building time",
            what_to_do="Ask its exposure's owner; then drop the model, or build it on demand as a view.",
        )
        for mart in marts
        if mart.reads <= t.READS and mart.feeds == 0
    ]


def _other_seconds(model: ModelRuns) -> float:
    return (model.seconds - model.full_seconds) / (model.runs - model.full_runs)
