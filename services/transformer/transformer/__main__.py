"""`python -m transformer`: raw.loaded in, marts.built out."""

import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tidemark.events import Event, RawLoaded
from tidemark.runner import serve
from tidemark.stage import Stage
from tidemark.tables import registry
from tidemark_warehouse import connect
from transformer.dbt import DbtModels
from transformer.settings import TransformerSettings
from transformer.snowflake import SnowflakeWarehouse
from transformer.stage import Ports, transform


def transformer_stage(ports: Ports) -> Stage:
    """The stage with whatever ports: the real ones here, the twins in tests of the chain."""

    def on_loaded(event: RawLoaded) -> Sequence[Event]:
        return [transform(event, ports)]

    return Stage(name="transformer", handlers={RawLoaded: on_loaded})


def real_ports(settings: TransformerSettings, scratch: Path) -> Ports:
    """The warehouse and the dbt project that the settings name. A process whose project is broken does not start."""
    warehouse = SnowflakeWarehouse(partial(connect, settings, "tidemark transformer"), settings.worker)
    models = DbtModels(settings.dbt_project, scratch, warehouse.build_schema, registry(), warehouse)
    models.parse()
    return Ports(warehouse=warehouse, models=models, exclude_flagged=settings.exclude_flagged)


def main() -> int:
    """Run until stopped; the exit code."""
    with tempfile.TemporaryDirectory(prefix="tidemark-dbt-") as scratch:
        return serve(TransformerSettings, lambda settings: transformer_stage(real_ports(settings, Path(scratch))))


if __name__ == "__main__":
    sys.exit(main())
