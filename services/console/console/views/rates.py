"""Per hour and stage: runs, rows, seconds. And what waits for each stage."""

from console.records import Hour, LagLine
from console.state import State
from console.views.runs import STAGES

HOUR_MS = 3_600_000


def hours(state: State, now_ms: int, back: int = 24, dataset: str | None = None) -> list[Hour]:
    """The last `back` hours, oldest first. A stage counts in the hour in which it was done the first time."""
    since = now_ms // HOUR_MS * HOUR_MS - (back - 1) * HOUR_MS
    sums: dict[tuple[int, str, str], list[float]] = {}
    for run in state.runs.values():
        if dataset not in (None, run.dataset):
            continue
        for stage, done in run.done.items():
            if done.first_ms >= since:
                at = sums.setdefault((done.first_ms // HOUR_MS * HOUR_MS, run.dataset, stage), [0, 0, 0.0, 0])
                at[0], at[1], at[2] = at[0] + 1, at[1] + done.rows, at[2] + done.seconds
        for stage, failed in run.failed.items():
            if failed.at_ms >= since:
                sums.setdefault((failed.at_ms // HOUR_MS * HOUR_MS, run.dataset, stage), [0, 0, 0.0, 0])[3] += 1
    return [
        Hour(
            start_ms=start, dataset=name, stage=stage, runs=int(n), rows=int(rows), seconds=seconds, failed=int(failed)
        )
        for (start, name, stage), (n, rows, seconds, failed) in sorted(sums.items(), key=_in_order)
    ]


def _in_order(one: tuple[tuple[int, str, str], list[float]]) -> tuple[int, str, int]:
    (start, dataset, stage), _ = one
    return start, dataset, STAGES.index(stage) if stage in STAGES else len(STAGES)


def lag(state: State) -> list[LagLine]:
    """Every stage's topics, with the samples of about the last hour."""
    samples = list(state.lag.samples)
    newest = samples[-1][1] if samples else {}
    return [
        LagLine(
            stage=stage,
            topic=topic,
            records=records,
            samples=[(at_ms, then.get((stage, topic), 0)) for at_ms, then in samples],
        )
        for (stage, topic), records in sorted(newest.items())
    ]
