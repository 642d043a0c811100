"""Commands of the lab: demo, up, down, status."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from tidemark import kafka
from tidemark.codec import decode
from tidemark.events import PARKED, WatcherState
from tidemark.parking import rebuild_all
from tidemark.settings import KafkaSettings, LakeSettings, load
from tidemark.tables import registry
from tidemark_cli import home, render
from tidemark_cli.chain import read_runs, until_told
from tidemark_cli.letters import read_dead_letters
from tidemark_cli.runs import Run
from tidemark_lab import lab
from tidemark_lake.catalog import load_table, open_catalog

console = Console()
DELTAS = 3
DELTA_ROWS = 1000
END_WITHIN_SECONDS = 600.0
MEGABYTE = 1024 * 1024


class Extra(StrEnum):
    """Parts of the lab that are there only where they are asked for."""

    PROMETHEUS = "prometheus"


def up(
    also: Annotated[list[Extra] | None, typer.Option("--with", help="What is there only on demand.")] = None,
) -> None:
    """Start the lab and the services here, with the data that is there; returns when all are ready."""
    folder = home.home()
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console) as progress:
        tasks: dict[str, object] = {}

        def tell(name: str, state: str, seconds: float) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=1)
            done = state in ("ready", "done")
            progress.update(tasks[name], description=f"{name:16} {state} {seconds:5.1f} s", completed=int(done))  # type: ignore[arg-type]

        lab.up(folder, tell, also=also or ())
    for name, value in lab.environment(folder).items():
        os.environ[name] = value
    _print_addresses()


def down() -> None:
    """Stop the services and the lab, in order. The data stays."""
    lab.down(home.home())
    console.print("down")


def status() -> None:
    """State, port and memory of every part; halted datasets and dead letters."""
    table = render.new_table("The lab")
    for name in ("part", "state", "pid", "port", "memory MB", "restarts"):
        table.add_column(name, justify="left" if name in ("part", "state") else "right")
    parts = lab.status(home.home())
    for part in parts:
        memory = f"{part.memory / MEGABYTE:.0f}" if part.memory else ""
        table.add_row(part.name, part.state, str(part.pid or ""), str(part.port or ""), memory, str(part.restarts))
    table.add_row("all", "", "", "", f"{sum(p.memory for p in parts) / MEGABYTE:.0f}", "")
    console.print(table)
    if any(part.name == "broker" and part.state == "ready" for part in parts):
        _print_troubles()


def _print_troubles() -> None:
    settings = load(KafkaSettings)
    for stage, parking in rebuild_all(kafka.read_topic(settings, PARKED)).items():
        for dataset, aside in parking.datasets.items():
            if aside.halted:
                console.print(
                    f"{dataset} is halted at {stage} with {len(aside.parked)} event(s) parked: "
                    f"{render.safe(aside.reason)}; mend the cause, then `tidemark resume --dataset {dataset}`",
                    style="red",
                )
    watched = {e.dataset: e for e in map(decode, kafka.read_topic(settings, WatcherState.topic))}
    for dataset, state in watched.items():
        if isinstance(state, WatcherState) and state.halted:
            console.print(f"{dataset}: no new runs: {render.safe(state.halted)}", style="red")
    letters = len(read_dead_letters())
    console.print(f"{letters} dead letter(s)" + ("; `tidemark dead-letters` shows them" if letters else ""))


def demo(
    scale: Annotated[float, typer.Option(help="1.0 is about 60k change rows and 100k events.")] = 1.0,
    seed: Annotated[int, typer.Option(help="The generator's seed.")] = 7,
) -> None:
    """Start everything, load the initial data, run three deltas and a settling one, print what happened."""
    began = time.monotonic()
    up()
    steps = [["initial", "--scale", str(scale)], *[["delta", "--rows", str(DELTA_ROWS)]] * DELTAS, ["settle"]]
    for step in steps:
        console.print(f"upstream: {' '.join(step)}")
        _upstream([*step, "--seed", str(seed)])
        wait_until_cut()
    wait_until_reconciled()
    _summary(time.monotonic() - began)


def _upstream(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "tidemark_lab.upstream", *arguments, "--home", str(home.home())]
    subprocess.run(command, check=True)


def wait_until_reconciled() -> None:
    """Wait until the newest commits of every source table stand in a run that has ended."""
    _wait_for_runs(lambda run: run.reconciled is not None)


def wait_until_cut() -> None:
    """Wait until the newest commits of every source table stand in a run: the next ones will be another run's."""
    _wait_for_runs(lambda run: True)


def _wait_for_runs(counts: Callable[[Run], bool]) -> None:
    wanted = source_snapshots()

    def look() -> bool:
        runs = list(read_runs().values())
        return any(run.failure for run in runs) or snapshots_of([run for run in runs if counts(run)]) == wanted

    if not until_told(look, END_WITHIN_SECONDS):
        raise typer.Exit(_gave_up())


def source_snapshots() -> dict[str, int]:
    """The current snapshot of every source table that has one, by `dataset.table`."""
    catalog = open_catalog(load(LakeSettings).catalog_properties())
    found = {}
    for name, dataset in registry().datasets.items():
        for table in dataset.tables:
            loaded = load_table(catalog, f"{dataset.source}.{table}")
            if loaded is not None and loaded.metadata.current_snapshot_id is not None:
                found[f"{name}.{table}"] = loaded.metadata.current_snapshot_id
    return found


def snapshots_of(runs: list[Run]) -> dict[str, int]:
    """Up to which snapshot each source table stands in these runs, by `dataset.table`."""
    cuts = [run.cut for run in runs if run.cut]
    return {f"{c.dataset}.{t.table}": t.to_snapshot for c in cuts for t in c.tables if t.to_snapshot is not None}


def _gave_up() -> int:
    console.print("the runs did not end in time; `tidemark status` and .tidemark/logs tell why", style="red")
    return 1


def _summary(seconds: float) -> None:
    runs = list(read_runs().values())
    console.print(render.rows_table(runs))
    console.print(render.runs_table(runs))
    for run in runs[-2:]:
        console.print(render.pairs_table(run))
    console.print(_memory_table())
    console.print(f"{seconds:.0f} s in all")
    _print_addresses()
    bad = [r for r in runs if r.failure or r.status in ("DIVERGED", "STALLED")]
    if bad:
        console.print(f"{len(bad)} run(s) did not end well", style="red")
        raise typer.Exit(1)


def _memory_table() -> Table:
    """The highest resident memory of each part, and of all together (which is less than the sum of the parts)."""
    peak = lab.peak_memory(home.home())
    table = render.new_table("Peak memory")
    table.add_column("part")
    table.add_column("MB", justify="right")
    for name, size in sorted(peak.get("components", {}).items(), key=lambda item: -item[1]["peak"]):
        table.add_row(name, f"{size['peak'] / MEGABYTE:.0f}")
    table.add_row("all at once", f"{peak.get('total', {}).get('peak', 0) / MEGABYTE:.0f}", style="bold")
    return table


def _print_addresses() -> None:
    names = {
        "TIDEMARK_CONSOLE_URL": "console",
        "TIDEMARK_ZIPKIN_URL": "traces",
        "TIDEMARK_PROMETHEUS_URL": "Prometheus",
        "TIDEMARK_KAFKA_BOOTSTRAP": "Kafka",
        "TIDEMARK_S3_ENDPOINT": "S3 and Glue",
    }
    for variable, what in names.items():
        if os.environ.get(variable):
            console.print(f"{what:12} {os.environ[variable]}")
    console.print(f"{'sign in with':12} {home.home() / 'console.token'}")
