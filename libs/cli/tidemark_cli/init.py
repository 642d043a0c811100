"""The command `init`: what the chain needs to find in Kafka and in the warehouse. Idempotent."""

from typing import Annotated

import typer
from rich.console import Console

from tidemark import kafka
from tidemark.settings import LakeSettings, RunnerSettings, SnowflakeSettings, load

console = Console()


class EverySettings(RunnerSettings, LakeSettings, SnowflakeSettings):
    """What `init` needs to know."""


def init(
    account: Annotated[
        bool, typer.Option("--account", help="Print, and do not run, what an account's administrator runs once.")
    ] = False,
) -> None:
    """Create the topics, and the warehouse's schemas, tables and stage."""
    # here, because the client's import would make every other command slower
    from tidemark_warehouse import connect, initialise
    from tidemark_warehouse.initialise import account_sql

    settings = load(EverySettings)
    if account:
        console.print(account_sql(settings), markup=False, highlight=False, soft_wrap=True)
        return
    kafka.ensure_topics(settings)
    session = connect(settings, "tidemark init")
    try:
        changes = initialise(session, settings)
    finally:
        session.close()
    console.print("topics and warehouse are ready" + "".join(f"\n{change}" for change in changes), markup=False)
