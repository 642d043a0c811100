"""The reconciler as a process: `python -m reconciler`."""

import sys
import time

from reconciler.clickhouse import ClickHouse
from reconciler.lake import IcebergLake, LakeReports
from reconciler.ports import Ports
from reconciler.settings import ReconcilerSettings
from reconciler.snowflake import Session, Snowflake
from reconciler.snowflake_ledger import SnowflakeLedger
from reconciler.stage import stage
from tidemark.runner import serve
from tidemark.tables import registry
from tidemark_lake.catalog import open_catalog
from tidemark_lake.decisions import DecisionStore
from tidemark_lake.objects import Folder, s3_client


def compose(settings: ReconcilerSettings) -> Ports:
    """The real ports; nothing is connected yet."""
    folder = Folder(s3_client(settings.aws_region, settings.s3_endpoint), settings.lake_state)
    catalog = open_catalog(settings.catalog_properties())
    session = Session(settings)
    return Ports(
        registry=registry(),
        speed=ClickHouse(settings),
        marts=Snowflake(session),
        lake=IcebergLake(catalog, DecisionStore(folder), registry()),
        ledger=SnowflakeLedger(session),
        reports=LakeReports(folder),
        clock=time.time,
    )


def main() -> int:
    """Run until stopped; the exit code."""
    return serve(ReconcilerSettings, lambda settings: stage(compose(settings)))


if __name__ == "__main__":
    sys.exit(main())
