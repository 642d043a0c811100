"""`python -m loader`: lake.curated in, raw.loaded out."""

import sys
from collections.abc import Sequence
from functools import partial

from loader.lake import IcebergLake
from loader.ports import Ports
from loader.settings import LoaderSettings
from loader.snowflake import SnowflakeWarehouse
from loader.stage import load
from tidemark.events import Event, LakeCurated
from tidemark.runner import serve
from tidemark.stage import Stage
from tidemark.tables import registry
from tidemark_lake.catalog import open_catalog
from tidemark_lake.decisions import DecisionStore
from tidemark_lake.objects import Folder, s3_client
from tidemark_warehouse import connect


def loader_stage(ports: Ports) -> Stage:
    """The stage with whatever ports: the real ones here, the twins in tests of the chain."""

    def on_curated(event: LakeCurated) -> Sequence[Event]:
        return [load(event, ports)]

    return Stage(name="loader", handlers={LakeCurated: on_curated})


def real_ports(settings: LoaderSettings) -> Ports:
    """The lake, the warehouse and the decisions that the settings name."""
    known = registry()
    return Ports(
        lake=IcebergLake(open_catalog(settings.catalog_properties()), known),
        warehouse=SnowflakeWarehouse(partial(connect, settings, "tidemark loader"), known, settings.lake_warehouse),
        decisions=DecisionStore(Folder(s3_client(settings.aws_region, settings.s3_endpoint), settings.lake_state)),
    )


def main() -> int:
    """Run until stopped; the exit code."""
    return serve(LoaderSettings, lambda settings: loader_stage(real_ports(settings)))


if __name__ == "__main__":
    sys.exit(main())
