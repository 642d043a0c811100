"""One run, whole: its stages as a waterfall, what each said, and what is different from the run before it."""

from typing import Any

from msgspec import json

from console.records import Change, RunPage, StageLine
from console.state import KeptRun, State
from console.views.alerts import line as alert_line
from console.views.letters import letters
from console.views.reconciliation import reported
from console.views.runs import LAST, STAGES, at_work, failure, is_over, line
from tidemark.events import (
    CHAIN,
    LakeCurated,
    LayersReconciled,
    MartsBuilt,
    RawLoaded,
    RunEvent,
    SnapshotCommitted,
)

COUNTED = ("read", "accepted", "repeated", "held", "released", "quarantined", "dropped", "flagged")


def run(state: State, run_id: str, trace_page: str | None = None) -> RunPage | None:
    """The run's page; None if no event of it is known. `trace_page`: an address with `{trace_id}` in it."""
    kept = state.runs.get(run_id)
    if kept is None:
        return None
    before = _before(state, kept)
    return RunPage(
        run=line(kept),
        stages=_stages(state, kept),
        before=line(before) if before else None,
        changes=_changes(state, before, kept) if before else [],
        reason=kept.reason,
        alerts=[alert_line(a) for a in state.alerts.values() if a.run_id == run_id and a.offset >= 0],
        dead_letters=[one for one in letters(state, kept.dataset) if one.run_id == run_id],
        report=reported(run_id) if LAST in kept.done else "",
        trace_url=trace_page.replace("{trace_id}", kept.trace_id) if trace_page and kept.trace_id else "",
        **_told(state, kept),
    )


def receipts(state: State, kept: KeptRun) -> dict[str, RunEvent]:
    """The run's events by stage."""
    found = {event: state.receipts.get(f"{kept.run_id}/{event.stage}") for event in CHAIN}
    return {event.stage: json.decode(body, type=event) for event, body in found.items() if body}


def _told(state: State, kept: KeptRun) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for event in receipts(state, kept).values():
        match event:
            case SnapshotCommitted():
                told["cut"] = event.tables
            case LakeCurated():
                told |= {"tables": event.tables, "spark": {n: v for n, v in event.spark.items() if _plain(v)}}
                told["schema_changes"] = [f"{t.table}: {text}" for t in event.tables for text in t.schema_changes]
            case RawLoaded():
                told["loaded"] = event.tables
            case MartsBuilt():
                told |= {"models": event.models, "tests": event.tests}
                told |= {"marts_from_seq": event.from_seq, "marts_to_seq": event.to_seq}
            case LayersReconciled():
                told["pairs"] = event.pairs
    return told


def _plain(value: object) -> bool:
    return isinstance(value, int | float | str)


def _stages(state: State, kept: KeptRun) -> list[StageLine]:
    lines: list[StageLine] = []
    ended = None
    for stage in STAGES:
        done, failed = kept.done.get(stage), failure(kept, stage)
        halt = state.halts.get(f"{stage}/{kept.dataset}")
        parked = halt is not None and any(one.run_id == kept.run_id for one in halt.parked.values())
        if failed:
            lines.append(
                StageLine(stage=stage, state="failed", end_ms=failed.at_ms, error=failed.error, message=failed.message)
            )
        elif done:
            start = done.first_ms - round(done.seconds * 1000)
            waited = None if ended is None else max(0.0, (start - ended) / 1000)
            lines.append(
                StageLine(
                    stage=stage,
                    state="done",
                    start_ms=start,
                    end_ms=done.first_ms,
                    seconds=done.seconds,
                    waited_seconds=waited,
                    rows=done.rows,
                )
            )
            ended = done.first_ms
        elif parked and halt is not None:
            lines.append(StageLine(stage=stage, state="halted", message=halt.reason))
        else:
            working = stage == at_work(kept) and not is_over(kept)
            lines.append(StageLine(stage=stage, state="working" if working else "waiting", start_ms=ended))
    return lines


def _before(state: State, kept: KeptRun) -> KeptRun | None:
    """The same dataset's run of the same kind before this one."""
    mine = (r for r in state.runs.values() if r.dataset == kept.dataset and r.kind == kept.kind)
    return max((r for r in mine if r.run_seq < kept.run_seq), key=lambda r: r.run_seq, default=None)


def _changes(state: State, before: KeptRun, now: KeptRun) -> list[Change]:
    old, new = _figures(state, before), _figures(state, now)
    return [Change(name=name, before=old.get(name), now=new.get(name)) for name in dict.fromkeys([*old, *new])]


def _figures(state: State, kept: KeptRun) -> dict[str, float]:
    """What two runs are compared by: seconds per stage, rows per end, files and bytes, changed rows per mart."""
    told = receipts(state, kept)
    figures: dict[str, float] = {f"{stage} seconds": kept.done[stage].seconds for stage in STAGES[1:] if stage in told}
    if (total := line(kept).seconds) is not None:
        figures["seconds in all"] = total
    for event in told.values():
        match event:
            case LakeCurated():
                figures |= {f"rows {what}": sum(getattr(t, what) for t in event.tables) for what in COUNTED}
            case RawLoaded():
                figures["files loaded"] = sum(t.files for t in event.tables)
                figures["bytes loaded"] = sum(t.bytes for t in event.tables)
            case MartsBuilt():
                figures |= {f"{m.name} rows": m.rows for m in event.models}
                figures["tests"] = event.tests
    return figures
