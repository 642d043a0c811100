"""`tidemark reconcile`: what the comparisons found, how fast the layers agree, and repairs. `tidemark` finds it by its
entry point (pyproject.toml), where the reconciler is installed."""

import getpass
import sys
import tempfile
import time
import webbrowser
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from tidemark.settings import ClickHouseSettings, LakeSettings, SnowflakeSettings, load
from tidemark.tables import Pair, registry

if TYPE_CHECKING:
    from reconciler.entries import Entry
    from reconciler.mending import Mended
    from reconciler.snowflake import Session
    from reconciler.told import Told

app = typer.Typer(
    help="What the comparison of the layers found, and repairs.", no_args_is_help=True, add_completion=False
)
console = Console()
PairName = Annotated[str | None, typer.Option("--pair", help="Only this pair.")]


class ToldSettings(LakeSettings, SnowflakeSettings):
    """The ledger and the reports."""


class RepairSettings(ToldSettings, ClickHouseSettings):
    """The same and the speed layer."""


@app.command()
def show(
    run: Annotated[str | None, typer.Argument(help="A run's id, or DATASET#SEQ; without it the newest.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many differences a pair.")] = 10,
    open_page: Annotated[bool, typer.Option("--open", help="Show the HTML report in the browser.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON, for other programs.")] = False,
    as_html: Annotated[bool, typer.Option("--html", help="The report's HTML, to standard output.")] = False,
) -> None:
    """The report of a comparison: status by pair, what differs by class, cause, column and day, and samples."""
    # here, because these imports would make every other command slower
    from reconciler.terminal import shown

    told, _ = _told(load(ToldSettings))
    run_id = told.run_id(run)
    if as_json or as_html:
        text = told.text(run_id, "json") if as_json else told.page(run_id)
        sys.stdout.buffer.write(text)
        return
    for part in shown(told.report(run_id), limit):
        console.print(part)
    if open_page:
        file = Path(tempfile.mkdtemp(prefix="tidemark-")) / "reconciliation.html"
        file.write_bytes(told.page(run_id))
        console.print(str(file), markup=False)
        webbrowser.open(file.as_uri())


@app.command()
def history(days: Annotated[int, typer.Option(help="How many days back.")] = 14) -> None:
    """How fast the layers agree: convergence lag p50 and p95 by pair and day."""
    from reconciler.terminal import history_table

    told, _ = _told(load(ToldSettings))
    found = told.history(int(time.time() * 1000), days)
    console.print(history_table(found) if found else "nothing has been compared in these days")


@app.command()
def repair(
    pair: PairName = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write the corrections to the speed layer.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """SQL for the confirmed differences of the newest comparison; with --apply the speed layer is corrected.

    Each difference is looked at again on both sides before it is written; what agrees by now is left alone. The marts
    are never written to: where the speed layer is right, a rebuild heals them.
    """
    settings = load(RepairSettings)
    chosen, (told, session) = _pairs(pair), _told(settings)
    for name, one in chosen.items():
        entries = [] if one.totals_of else _confirmed(session, name)  # totals are put right by their rows
        if not entries:
            typer.echo(f"-- {name}: no confirmed difference")
        elif apply:
            _apply(one, entries, settings, session, yes)
        else:
            _print(name, one, entries, told, settings.clickhouse_database)


def _print(name: str, pair: Pair, entries: "list[Entry]", told: "Told", database: str) -> None:
    from reconciler.repair import rebuild, repair_sql

    report = told.report(told.newest(pair.dataset))
    speed_ms = next(one["processed_ms"] for one in report["pairs"] if one["pair"] == name)
    typer.echo(f"-- {name}: where the marts are right, in ClickHouse ({len(entries)} differences)")
    typer.echo(repair_sql(pair, entries, speed_ms or 0, database))
    typer.echo(f"-- {name}: where the speed layer is right: {rebuild(pair, entries)}")


def _apply(pair: Pair, entries: "list[Entry]", settings: RepairSettings, session: "Session", yes: bool) -> None:
    from reconciler.clickhouse import ClickHouse
    from reconciler.clickhouse_repairs import ClickHouseRepairs
    from reconciler.mending import mend
    from reconciler.snowflake import Snowflake
    from tidemark_warehouse import load as statements

    kinds = [entry.difference.kind for entry in entries]
    lost = kinds.count("missing_in_batch")
    rest = len(kinds) - lost - kinds.count("doubled")
    question = f"{pair.speed}: correct {rest} rows from {pair.batch}, and remove {lost} keys that it does not hold?"
    if not (yes or typer.confirm(question)):
        raise typer.Exit(1)

    def say(detail: str) -> None:
        said = {"at": datetime.now(UTC).replace(tzinfo=None), "run_id": entries[0].last_run_id, "action": "repair"}
        about = {"actor": f"{getpass.getuser()} (cli)", "object": f"SPEED.{pair.speed.upper()}", "detail": detail}
        session.run(statements("tidemark_warehouse")["audit"], said | about)

    keys = [entry.difference.key for entry in entries if entry.difference.kind != "doubled"]
    sides = (ClickHouse(settings), Snowflake(session))
    _say(pair, mend(pair, keys, sides, ClickHouseRepairs(settings), say), len(kinds) - len(keys))


def _say(pair: Pair, done: "Mended", doubled: int) -> None:
    typer.echo(
        f"{pair.speed}: {done.corrected} rows corrected, {done.removed} keys removed, {done.agreed} agree by now, "
        f"{done.left + doubled} left for a person; the next comparison tells"
    )


def _confirmed(session: "Session", name: str) -> "list[Entry]":
    from reconciler.snowflake_ledger import SnowflakeLedger

    return [entry for entry in SnowflakeLedger(session).open_entries(name) if entry.state == "confirmed"]


def _pairs(name: str | None) -> dict[str, Pair]:
    known = registry().pairs
    if name is not None and name not in known:
        raise typer.BadParameter(f"no pair {name!r}; there are {', '.join(known)}", param_hint="--pair")
    return known if name is None else {name: known[name]}


def _told(settings: ToldSettings) -> "tuple[Told, Session]":
    from reconciler.snowflake import Session
    from reconciler.told import Told
    from tidemark_lake.objects import Folder, s3_client

    session = Session(settings)
    folder = Folder(s3_client(settings.aws_region, settings.s3_endpoint), settings.lake_state)
    return Told(session, folder, registry()), session
