"""The real job and the real publisher together, on the lab's store: what each promises when the other, or a stranger,
gets in its way; and the commands that read what they left.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pyarrow as pa
import pytest
from driver_of_a_test import Driver, driver
from lab_parts import catalog_of
from msgspec.structs import replace
from pyiceberg.catalog import Catalog
from typer.testing import CliRunner

from spark_submitter.iceberg import IcebergLake
from spark_submitter.resident import ResidentJob
from spark_submitter.stage import Ports, curate
from tidemark.errors import CheckFailed, TypedStop
from tidemark.events import AlertRaised, Kind, LakeCurated, SnapshotCommitted, TableCut, run_id_of
from tidemark.settings import LakeSettings
from tidemark.tables import Registry, registry
from tidemark_cli import as_of
from tidemark_cli.main import app
from tidemark_cli.runs import Run
from tidemark_lake.catalog import load_table
from tidemark_lake.decisions import Decision, DecisionStore
from tidemark_lake.manifest import Manifest, Result
from tidemark_lake.objects import Folder, s3_client

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]
TIMES = "TIMESTAMP '2026-09-01 00:00:00Z', TIMESTAMP '2026-09-01 00:00:00Z'"
META = "__op string, __ts_ms timestamp, __source_ts_ms timestamp, __source_lsn bigint"
COLUMNS = {
    "users": "id int, email string, first_name string, last_name string, created_at bigint, updated_at bigint",
    "orders": "id int, user_id int, status string, total_amount string, shipping_address string, "
    "created_at bigint, updated_at bigint",
}


@dataclass
class World:
    """A dataset of its own in the one lake, and runs of it one after the other."""

    settings: LakeSettings
    spark: Driver
    registry: Registry
    state: str
    generation: int = 0
    job: Any = None
    numbers: Any = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.catalog: Catalog = catalog_of(self.settings.catalog_properties())
        self.folder = Folder(s3_client(self.settings.aws_region, self.settings.s3_endpoint), self.state)
        self.decisions = DecisionStore(self.folder)
        self.job = ResidentJob(self.spark.url, self.folder)
        self.dataset = self.registry.datasets["ecommerce"]
        self.spark.sql(f"CREATE NAMESPACE IF NOT EXISTS lake.{self.dataset.source}")

    def append(self, table: str, *rows: str) -> None:
        """Changes of a source table, made on first use; a row is its own columns as SQL, its number is its LSN."""
        name = f"lake.{self.dataset.source}.{table}"
        self.spark.sql(f"CREATE TABLE IF NOT EXISTS {name} ({COLUMNS[table]}, {META}) USING iceberg")
        values = ", ".join(f"({row}, 'c', {TIMES}, {next(self.numbers)})" for row in rows)
        self.spark.sql(f"INSERT INTO {name} VALUES {values}")

    def run(self, kind: Kind = "process", to_seq: int | None = None) -> LakeCurated:
        """The next run of what has come, by the real stage; the alerts of it go into `alerts`."""
        *alerts, curated = curate(self.event(kind, to_seq), self.ports())
        self.alerts = [alert for alert in alerts if isinstance(alert, AlertRaised)]
        assert isinstance(curated, LakeCurated)
        return curated

    def event(self, kind: Kind, to_seq: int | None) -> SnapshotCommitted:
        newest = self.newest()
        done = {name: table.source_snapshot for name, table in newest.tables.items()} if newest else {}
        self.generation += kind == "rollback"
        cuts = [TableCut(table=t, from_snapshot=done.get(t), to_snapshot=self.head(t)) for t in COLUMNS]
        cuts = [cut for cut in cuts if cut.to_snapshot is not None]
        return SnapshotCommitted(
            dataset="ecommerce",
            run_id=run_id_of("ecommerce", kind, self.generation, cuts),
            run_seq=(newest.number if newest else 0) + 1,
            kind=kind,
            generation=self.generation,
            tables=cuts,
            committed_at_ms=1,
            to_seq=to_seq,
        )

    def newest(self) -> Decision | None:
        return self.decisions.newest("ecommerce")

    def head(self, table: str) -> int | None:
        loaded = load_table(self.catalog, f"{self.dataset.source}.{table}")
        return loaded.metadata.current_snapshot_id if loaded else None

    def ports(self) -> Ports:
        lake = IcebergLake(self.catalog, self.registry)
        rest = (self.registry, self.folder.uri, lambda: f"a{next(self.numbers)}", lambda: 1)
        return Ports(self.decisions, lake, self.job, *rest)

    def rows(self, table: str, columns: str = "id") -> list[tuple[Any, ...]]:
        return self.spark.sql(f"SELECT {columns} FROM lake.{self.dataset.curated}.{table} ORDER BY ALL")

    def refs(self, table: str) -> dict[str, int]:
        found = self.catalog.load_table(f"{self.dataset.curated}.{table}").refs()
        return {name: ref.snapshot_id for name, ref in found.items()}


@pytest.fixture(scope="module")
def spark(lake_settings: LakeSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    with driver(tmp_path_factory.mktemp("driver")) as started:
        yield started


def world_of(name: str, lake_settings: LakeSettings, spark: Driver) -> World:
    """The ecommerce dataset in namespaces of its own."""
    known = registry()
    dataset = replace(known.datasets["ecommerce"], source=f"source_{name}", curated=f"curated_{name}")
    return World(lake_settings, spark, replace(known, datasets={"ecommerce": dataset}), f"s3://lake/state_{name}")


def user(key: int, name: str = "Ann") -> str:
    return f"{key}, 'u{key}@x.org', '{name}', 'Lee', 0, 0"


def order(key: int, user_id: int, total: str = "1.00") -> str:
    return f"{key}, {user_id}, 'pending', '{total}', 'Main St', 0, 0"


def test_a_stranger_s_commit_during_the_job(lake_settings: LakeSettings, spark: Driver) -> None:
    """The attempt is thrown away, the stranger's snapshot stays as a tag and is told; what is published is right."""
    world = world_of("stranger", lake_settings, spark)
    world.append("users", user(1))
    world.run()
    real, strange = world.job, list[int]()

    class Meddled:
        def run(self, manifest: Manifest) -> Result:
            result: Result = real.run(manifest)
            if not strange:
                table = world.catalog.load_table("curated_stranger.users")
                table.append(pa.Table.from_pylist([{"id": 99}], pa.schema([("id", pa.int32())])))
                strange.append(table.metadata.current_snapshot_id or 0)
            return result

    world.job = Meddled()
    world.append("users", user(1, "Bea"), user(2))
    curated = world.run()
    assert [alert.incident for alert in world.alerts] == [f"ecommerce/stranger/curated_stranger.users/{strange[0]}"]
    assert world.rows("users", "id, first_name") == [("1", "Bea"), ("2", "Ann")]
    assert curated.tables[0].accepted == 2
    assert len(world.rows("users_changes")) == 3
    refs = world.refs("users")
    assert (refs[f"stranger_{strange[0]}"], refs["main"]) == (strange[0], refs["run_2"])
    assert {name for name in refs if name.startswith("attempt_")} == set()
    world.append("users", user(3))
    event = world.event("process", None)
    world.catalog.drop_table("source_stranger.users")  # the driver still has it loaded
    with pytest.raises(TypedStop, match=r"source_stranger.users is gone; ask for a rebuild"):
        curate(event, world.ports())


def test_a_check_that_fails_publishes_nothing_and_keeps_the_branches(
    lake_settings: LakeSettings, spark: Driver
) -> None:
    """A row goes missing between the writes and the checks: the figures are told, what is there can be inspected."""
    world = world_of("checked", lake_settings, spark)
    world.append("users", user(1))
    world.run()
    before = (world.rows("users"), world.rows("users_changes"), world.newest())
    world.append("users", user(2), user(3))
    spark.meddle("DELETE FROM lake.curated_checked.users_changes WHERE id = 3")
    with pytest.raises(CheckFailed, match="users: rows appended to changes: 2 expected, 1 found"):
        world.run()
    assert before == (world.rows("users"), world.rows("users_changes"), world.newest())
    (branch,) = [name for name in world.refs("users_changes") if name.startswith("attempt_2_")]
    assert branch in world.refs("users")
    assert world.rows(f"users_changes.branch_{branch}") == [("1",), ("2",)]
    world.run()
    assert world.rows("users_changes") == [("1",), ("2",), ("3",)]


def test_back_to_a_run_in_which_a_table_had_no_rows_and_what_the_commands_say(
    lake_settings: LakeSettings, spark: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Orders before their users, the users, back to before them, and forward again. `held`, `quarantine` and `as-of`
    tell how it stands, and what as-of prints is run as printed, by pyiceberg and by Spark."""
    world = World(lake_settings, spark, registry(), lake_settings.lake_state)
    world.append("orders", order(1, 7), order(2, 7, "NAN"))
    world.run()
    held = shown("held", "orders")
    assert ("1" in held[-1].split(), "user_id=7: users has no such key yet" in held[-1]) == (True, True)
    assert any("orders" in line and "parent.user_id" in line and line.split()[-1] == "1" for line in shown("held"))
    refused = shown("quarantine", "orders", "2")
    assert "_reason: total_amount: NAN is no decimal(10,2)" in refused
    assert any("contract.total_amount" in line for line in shown("quarantine"))
    world.append("users", user(7))
    world.run()
    assert (world.rows("users"), world.rows("orders")) == ([("7",)], [("1",)])
    assert told(world, monkeypatch, 2) == {"orders": 1, "users": 1}
    world.run("rollback", to_seq=1)
    assert "main" not in world.refs("users")
    assert (world.rows("users"), world.rows("orders"), world.rows("orders_held")) == ([], [], [("1",)])
    assert told(world, monkeypatch, 1) == told(world, monkeypatch, 3) == {}
    assert told(world, monkeypatch, 2) == {"orders": 1, "users": 1}  # the snapshots are there, RAW's rows are not
    assert "-- RAW no longer holds run 2: run 3 took it back to run 1" in printed(world, monkeypatch, 2)
    world.append("users", user(8))
    curated = world.run()
    assert {table.table: table.accepted for table in curated.tables if table.accepted} == {"users": 2, "orders": 1}
    assert (world.rows("users"), world.rows("orders")) == ([("7",), ("8",)], [("1",)])
    assert not any("orders" in line for line in shown("held"))


def shown(*command: str) -> list[str]:
    """The lines that a command prints."""
    answer = CliRunner().invoke(app, [*command], env={"COLUMNS": "200"})
    assert answer.exit_code == 0, answer.output
    return [line.strip() for line in answer.output.splitlines() if line.strip()]


def printed(world: World, monkeypatch: pytest.MonkeyPatch, number: int) -> list[str]:
    """What `tidemark as-of` prints of a run."""
    taken = world.decisions.get("ecommerce", number)
    assert taken is not None
    run = Run(dataset="ecommerce", run_id=taken.run_id, run_seq=number, kind=taken.kind, generation=taken.generation)
    monkeypatch.setattr(as_of, "find", lambda _: run)
    return shown("as-of", f"ecommerce#{number}")


def told(world: World, monkeypatch: pytest.MonkeyPatch, number: int) -> dict[str, int]:
    """How many rows the printed queries find in each current table, by pyiceberg and by Spark alike."""
    lines = printed(world, monkeypatch, number)
    python = [line for line in lines if line.startswith("catalog.")]
    spark = [line for line in lines if "VERSION AS OF" in line]
    found = [eval(line, {"catalog": world.catalog}).num_rows for line in python]  # noqa: S307 - what we printed
    assert [len(world.spark.sql(line.rstrip(";"))) for line in spark] == found
    names = [line.split(".")[2].split()[0] for line in spark]
    return dict(sorted(zip(names, found, strict=True)))
