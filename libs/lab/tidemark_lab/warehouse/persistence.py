"""The emulator's engine: databases, stages and load history in files, memory bounded, s3:// read from the store.

Quirk: stock fakesnow keeps stages and the load history in memory, so that a kill makes the next COPY load twice.
"""

from pathlib import Path

import fakesnow.info_schema
import fakesnow.transforms.show
import fakesnow.transforms.stage
import fsspec
from fakesnow.instance import GLOBAL_DATABASE_NAME, FakeSnow

from tidemark_lab.warehouse.results import SmallCache
from tidemark_lab.warehouse.statements import IGNORED_STATEMENTS


def open_engine(data: Path, s3_endpoint: str | None, memory_limit: str, threads: int) -> FakeSnow:
    """The engine over the databases in `data`, those of an earlier life attached again (their logs replayed)."""
    data.mkdir(parents=True, exist_ok=True)
    stages = data.resolve() / "stages"
    stages.mkdir(exist_ok=True)
    fakesnow.transforms.stage.LOCAL_BUCKET_PATH = str(stages)
    engine = FakeSnow(db_path=data, nop_regexes=IGNORED_STATEMENTS)
    engine.results_cache = SmallCache()
    _bound_memory(engine, data, memory_limit, threads)
    _global_database_in_file(engine, data / "_fs_global.sys")
    if s3_endpoint:
        _read_s3_from(engine, s3_endpoint)
    for database in sorted(data.glob("*.db")):
        engine.connect(database=database.stem).close()
    return engine


def _bound_memory(engine: FakeSnow, data: Path, memory_limit: str, threads: int) -> None:
    spill = str((data / "spill").resolve()).replace("'", "''")
    engine.duck_conn.execute(f"SET GLOBAL memory_limit = '{memory_limit}'")
    engine.duck_conn.execute(f"SET GLOBAL threads = {threads}")
    engine.duck_conn.execute(f"SET GLOBAL temp_directory = '{spill}'")


def _global_database_in_file(engine: FakeSnow, path: Path) -> None:
    name = str(path.resolve()).replace("'", "''")
    engine.duck_conn.execute(f"DETACH {GLOBAL_DATABASE_NAME}")
    engine.duck_conn.execute(f"ATTACH '{name}' AS {GLOBAL_DATABASE_NAME}")
    engine.duck_conn.execute(fakesnow.info_schema.fs_global_creation_sql())
    engine.duck_conn.execute(fakesnow.transforms.show.fs_global_creation_sql())


def _read_s3_from(engine: FakeSnow, endpoint: str) -> None:
    """No listing is cached: a file that another process has just written must be found."""
    store = fsspec.filesystem(
        "s3", endpoint_url=endpoint, use_listings_cache=False, skip_instance_cache=True, default_fill_cache=False
    )
    engine.duck_conn.register_filesystem(store)
