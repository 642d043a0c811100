"""What `tidemark demo`, `runs` and `show` print: whole at 80 columns, true to the events, unmoved by hostile text."""

import pytest
from terminal import printed

from tidemark.codec import encode
from tidemark.events import (
    BuiltModel,
    CuratedTable,
    Event,
    LakeCurated,
    LayersReconciled,
    LoadedTable,
    MartsBuilt,
    RawLoaded,
    ReconciledPair,
    RunFailed,
    SnapshotCommitted,
    TableCut,
)
from tidemark.records import Record
from tidemark_cli import render
from tidemark_cli.runs import Run, runs_of

RUN = {"dataset": "ecommerce", "run_id": "ecommerce-process-g0-1", "run_seq": 123, "kind": "process", "generation": 0}


def whole_run() -> list[Event]:
    """One run's events, with figures as wide as they come."""
    curated = CuratedTable(
        table="order_items",
        read=1_234_567,
        released=1_234_567,
        accepted=1_234_560,
        repeated=1_234_567,
        held=3,
        quarantined=5,
        flagged=0,
        changes_snapshot=1,
        current_snapshot=1,
        max_ts_ms=1,
    )
    pair = ReconciledPair(
        pair="layers.order_items",
        status="CONVERGING",
        cutoff_ms=1,
        rows=1_234_567,
        pending=1,
        suspect=2,
        confirmed=0,
        resolved=12_345,
        seconds=1.25,
        detail="changes 7135, [bold]rows 5787",
    )
    loaded = LoadedTable(table="order_items", rows=1_234_560, files=3, bytes=10, seconds=1.0)
    model = BuiltModel(name="fct_orders", status="success", rows=7, seconds=0.5)
    times = {"committed_at_ms": 1_000, "seconds": 12.34}
    return [
        SnapshotCommitted(
            **RUN, tables=[TableCut(table="order_items", from_snapshot=None, to_snapshot=1)], committed_at_ms=1_000
        ),
        LakeCurated(**RUN, decision=123, tables=[curated], **times),
        RawLoaded(**RUN, tables=[loaded], max_ts_ms=1, **times),
        MartsBuilt(**RUN, from_seq=122, to_seq=123, as_of_ms=1, models=[model], tests=34, **times),
        LayersReconciled(**RUN, status="CONVERGING", pairs=[pair], **times),
    ]


def folded(events: list[Event]) -> Run:
    """The one run of these events, each a second after the other."""
    records = []
    for number, event in enumerate(events, 1):
        message = encode(event)
        records.append(
            Record(message.topic, 0, number, message.key, message.value, message.headers, timestamp_ms=number * 1_000)
        )
    (run,) = runs_of(records).values()
    return run


@pytest.mark.parametrize("view", [render.rows_table, render.runs_table])
def test_the_summary_fits_into_80_columns(view: object) -> None:
    """No figure, heading or status is cut off."""
    text = printed(view([folded(whole_run())]))  # type: ignore[operator]
    assert "…" not in text
    assert "ecommerce #123" in text


def test_the_rows_of_a_run_add_up_as_told() -> None:
    """Rows in, their ends, and what stands in RAW."""
    line = printed(render.rows_table([folded(whole_run())])).splitlines()[-1].split()
    assert line == ["ecommerce", "#123", "1,234,567", "1,234,567", "1,234,560", "1,234,567", "3", "5", "1,234,560"]


def test_a_pair_is_told_with_its_figures_and_its_detail_apart() -> None:
    """The table keeps to figures; sentences stand below it, markup in them is text."""
    run = folded(whole_run())
    assert "layers.order_items CONVERGING 1,234,567" in " ".join(printed(render.pairs_table(run)).split())
    assert "layers.order_items: changes 7135, [bold]rows 5787" in printed(render.pair_details(run)[0])


def test_seconds_are_those_from_commit_to_the_first_reconciliation() -> None:
    """A repeat of the last event does not make a run longer."""
    events = whole_run()
    assert folded([*events, events[-1]]).seconds == 4.0


def test_a_failure_stands_until_its_stage_has_done_its_work() -> None:
    """`failed at loader` after run.failed, and the run's own status once raw.loaded has come after all."""
    cut, curated, loaded, *_ = whole_run()
    failed = RunFailed(**RUN, failed_stage="loader", error="TypedStop", message="no such file")
    assert folded([cut, curated, failed]).status == "failed at loader"
    assert folded([cut, curated, failed, loaded]).status == "at transformer"


def test_hostile_text_neither_styles_nor_moves_the_cursor() -> None:
    """Control characters are shown as replacements, markup as text."""
    assert "[red]x[/red]��" in printed(render.safe("[red]x[/red]\x1b\r"))
