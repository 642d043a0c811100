"""`tidemark as-of`: how to read the tables as a run left them, and what can no longer be read so.

The lake keeps a run's snapshots within the rollback horizon; RAW and staging keep what stands now, so that of a run
that has been rolled back since RAW holds nothing, and staging only as far as Snowflake's own time travel reaches.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import typer
from msgspec import Struct
from rich.console import Console

from tidemark.events import LakeCurated, MartsBuilt
from tidemark.settings import LakeSettings, load
from tidemark.tables import registry
from tidemark_cli.chain import find, read_runs
from tidemark_cli.runs import Run
from tidemark_lake.catalog import open_catalog
from tidemark_lake.decisions import Decision, DecisionStore
from tidemark_lake.objects import Folder, s3_client
from tidemark_lake.standing import curated_name, lost_tables, rolled_back_by
from tidemark_warehouse import Sql
from tidemark_warehouse import load as load_sql
from tidemark_warehouse import render as render_sql

console = Console()
_sql = load_sql("tidemark_cli")


class Standing(Struct, frozen=True, kw_only=True):
    """What is left of a run: its decision, the curated tables that let go of its snapshots, the rollback that took it
    away since, and (epoch ms) when its marts were published, if they were its own.
    """

    decision: Decision
    lost: list[str]
    rolled_back_by: Decision | None
    published_ms: int | None


def as_of(
    run: Annotated[str, typer.Argument(help="A run's id, DATASET#SEQ, or a time (ISO 8601).", metavar="RUN|TIME")],
) -> None:
    """The queries that read tables as a run left them, or as they stood at a time: Spark, pyiceberg, Snowflake."""
    at_ms = moment(run)
    if at_ms is None:
        _print_queries(find(run))
        return
    found = published_at(read_runs().values(), at_ms)
    if not found:
        raise typer.BadParameter(f"nothing had been published at {run}")
    for one in found:
        console.print(f"-- {one.dataset}: run {one.run_seq} ({one.run_id})", markup=False, highlight=False)
        _print_queries(one)


def moment(text: str) -> int | None:
    """Epoch milliseconds of an ISO 8601 date or time, UTC where it names no zone; None: it is none."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)


def published_at(runs: Iterable[Run], at_ms: int) -> list[Run]:
    """For each dataset the run that its curated tables stood at."""
    stood: dict[str, Run] = {}
    for run in sorted(runs, key=lambda run: run.run_seq):
        if run.first_ms.get(LakeCurated.stage, at_ms + 1) <= at_ms:
            stood[run.dataset] = run
    return list(stood.values())


def _print_queries(found: Run) -> None:
    settings = load(LakeSettings)
    store = DecisionStore(Folder(s3_client(settings.aws_region, settings.s3_endpoint), settings.lake_state))
    decision = store.get(found.dataset, found.run_seq)
    if decision is None or decision.run_id != found.run_id:
        console.print(f"the lake has no decision of {found.run_id}: it has not been published", style="red")
        raise typer.Exit(1)
    standing = Standing(
        decision=decision,
        lost=lost_tables(open_catalog(settings.catalog_properties()), registry(), decision),
        rolled_back_by=rolled_back_by(decision, store.newest(found.dataset), partial(store.get, found.dataset)),
        published_ms=published_ms(found),
    )
    for line in queries(standing):
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def published_ms(run: Run) -> int | None:
    """When the run's marts were published, told for the first time; None: never, or only with later runs in them."""
    alone = run.built is not None and run.built.to_seq == run.run_seq
    return run.first_ms[MartsBuilt.stage] if alone else None


def queries(standing: Standing) -> list[str]:
    """A query for every table and engine, and a comment in place of one that would not tell the truth."""
    decision, names = standing.decision, list(standing.decision.tables)
    snapshots = {
        curated_name(registry(), decision.dataset, name, "current"): table.snapshots["current"]
        for name, table in decision.tables.items()
    }
    there = {table: number for table, number in snapshots.items() if number is not None and table not in standing.lost}
    gone = [
        f"{table}: snapshot {number} has been expired" for table, number in snapshots.items() if table in standing.lost
    ]
    lines = ["-- Spark", *(f"-- {told}" for told in gone)]
    lines += [_filled("spark", table=Sql(table), snapshot=Sql(str(number))) for table, number in there.items()]
    lines += ["# pyiceberg", *(f"# {told}" for told in gone)]
    lines += [f'catalog.load_table("{t}").scan(snapshot_id={number}).to_arrow()' for t, number in there.items()]
    lines += ["-- Snowflake", *_raw(standing, names)]
    if standing.published_ms is not None:
        published = datetime.fromtimestamp(standing.published_ms / 1000, UTC)
        at = Sql(f"'{published.isoformat(timespec='milliseconds')}'")
        lines += [_filled("staging", table=("staging", f"stg_{name}"), at=at) for name in names]
    return lines


def _raw(standing: Standing, names: list[str]) -> list[str]:
    number, back = standing.decision.run_seq, standing.rolled_back_by
    if back is not None:
        return [f"-- RAW no longer holds run {number}: run {back.number} took it back to run {back.curated.to_seq}"]
    return [_filled("raw", table=("raw", name), run_seq=Sql(str(number))) for name in names]


def _filled(name: str, **places: Sql | tuple[str, ...]) -> str:
    *_, query = render_sql(_sql[name], **places).splitlines()
    return f"{query};"
