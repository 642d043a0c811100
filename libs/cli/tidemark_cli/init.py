"""The command `init`: what the chain needs to find in Kafka and in the warehouse. Idempotent."""

from typing import Annotated

import typer
from rich.console import Console

from tidemark import kafka
from tidemark.settings import KafkaSettings, LakeSettings, RunnerSettings, SnowflakeSettings, load

console = Console()


class WarehouseSettings(LakeSettings, SnowflakeSettings):
    """What the warehouse's SQL depends on."""


class EverySettings(RunnerSettings, WarehouseSettings):
    """What `init` needs to know."""


def init(
    account: Annotated[
        bool, typer.Option("--account", help="Print, and do not run, what an account's administrator runs once.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the warehouse's SQL, and do nothing.")] = False,
    topics: Annotated[bool, typer.Option("--topics", help="The topics alone; the warehouse is left as it is.")] = False,
) -> None:
    """Create the topics, and the warehouse's schemas, tables, stage and grants. A repeat changes nothing."""
    # here, because the client's import would make every other command slower
    from tidemark_warehouse import account_sql, connect, init_sql, initialise

    if account or dry_run:
        settings = load(WarehouseSettings)
        text = account_sql(settings) if account else init_sql(settings)
        console.print(text, markup=False, highlight=False, soft_wrap=True)
        return
    if topics:
        kafka.ensure_topics(load(KafkaSettings))
        console.print("topics are ready")
        return
    every = load(EverySettings)
    kafka.ensure_topics(every)
    session = connect(every, "tidemark init")
    try:
        changes = initialise(session, every)
    finally:
        session.close()
    console.print("topics and warehouse are ready" + "".join(f"\n{change}" for change in changes), markup=False)
