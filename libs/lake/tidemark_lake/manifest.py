"""What the submitter asks of the Spark job, and what the job answers: two JSON files beside the lake.

The job does not import this module: it reads and writes the same JSON by itself, and meets the submitter nowhere else.
`runs/<run_id>/<attempt>/manifest.json` and `result.json`. To tell the job more, add a field here and in the job.
"""

from typing import Literal

from msgspec import Struct, field, json

from tidemark.events import Kind, Selection
from tidemark.tables import Column, Order, Rule
from tidemark_lake.objects import Folder


class ManifestTable(Struct, frozen=True, kw_only=True):
    """One table to curate: where it comes from, its contract, and the snapshots of its curated tables to start from.

    Rows are the source's snapshots (from_snapshot, to_snapshot]; None as `from`: everything as of `to`.
    """

    name: str
    source: str
    from_snapshot: int | None
    to_snapshot: int | None
    key: list[str]
    columns: dict[str, Column]
    parents: dict[str, str]
    rules: list[Rule]
    unique: list[str]
    base: dict[str, int | None]


class Resources(Struct, frozen=True, kw_only=True):
    """What a run's Spark may use: `cores` and `memory_mib` (heap) of the driver, and of each of the `executors` beside
    it (0: it is alone).
    """

    cores: int
    executors: int
    memory_mib: int = 1024


class Manifest(Struct, frozen=True, kw_only=True):
    """One attempt of one run. `branch` is the attempt's own; `result` is where the job's answer goes.

    `keep_from`: the oldest run whose snapshots maintenance keeps. `selection`: the rows in quarantine that a replay
    judges again or a drop lets go.
    """

    run_id: str
    run_seq: int
    attempt: str
    dataset: str
    kind: Kind
    generation: int
    order: Order
    curated: str
    branch: str
    result: str
    tables: list[ManifestTable]
    catalog: str = "lake"
    keep_from: int = 0
    selection: Selection | None = None
    resources: Resources = Resources(cores=1, executors=0)


class TableResult(Struct, frozen=True, kw_only=True):
    """One table after the job: counts (see CuratedTable), its curated tables' snapshots before and after.

    `tombstones` are the rows that a rebuild wrote for keys which the source no longer holds; they count as released.
    `schema_changes`: how the changes table's columns differ from those of its base snapshot, in sentences.
    """

    table: str
    read: int
    released: int
    accepted: int
    repeated: int
    held: int
    quarantined: int
    flagged: int
    tombstones: int
    max_ts_ms: int | None
    source_uuid: str
    base: dict[str, int | None]
    snapshots: dict[str, int | None]
    schema_changes: list[str] = field(default_factory=list)
    dropped: int = 0
    rules: dict[str, dict[str, int]] = field(default_factory=dict)


class Check(Struct, frozen=True, kw_only=True):
    """A check of the run's result; it holds when `actual` is `expected`."""

    name: str
    table: str
    expected: int
    actual: int

    @property
    def holds(self) -> bool:
        return self.expected == self.actual


class Step(Struct, frozen=True, kw_only=True):
    """A step of the job with its wall-clock ends (epoch ns), for the run's trace.

    `spark`: what Spark's stages under it took (tasks, rows, bytes, milliseconds), empty for one without any.
    """

    name: str
    table: str
    start_ns: int
    end_ns: int
    rows: int
    spark: dict[str, int] = field(default_factory=dict)


class Stop(Struct, frozen=True, kw_only=True):
    """Why the job would not go on: upstream did what must not be guessed about."""

    reason: str
    remedy: str


class Result(Struct, frozen=True, kw_only=True):
    """The job's answer. `stopped`: nothing is to be published."""

    run_id: str
    attempt: str
    status: Literal["done", "stopped"]
    stopped: Stop | None = None
    tables: list[TableResult] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    spark: dict[str, int] = field(default_factory=dict)


def manifest_name(run_id: str, attempt: str) -> str:
    """The manifest's name in the state folder."""
    return f"runs/{run_id}/{attempt}/manifest.json"


def result_name(run_id: str, attempt: str) -> str:
    """The result's name in the state folder."""
    return f"runs/{run_id}/{attempt}/result.json"


def write_manifest(folder: Folder, manifest: Manifest) -> str:
    """Write the manifest; returns its URI. Raises Retryable."""
    name = manifest_name(manifest.run_id, manifest.attempt)
    folder.write(name, json.encode(manifest))
    return f"{folder.uri}/{name}"


def read_result(folder: Folder, run_id: str, attempt: str) -> Result | None:
    """The job's answer, None if it has not given one. Raises Retryable."""
    body = folder.read(result_name(run_id, attempt))
    return None if body is None else json.decode(body, type=Result)
